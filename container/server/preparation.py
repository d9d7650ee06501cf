"""From serving.json to a model that may answer: load, canaries, warm-up, batch curve. Knows nothing of HTTP."""

from __future__ import annotations

import hashlib
from asyncio import AbstractEventLoop
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from server import canaries, machine, session
from server.batching import Batcher, Run
from server.canaries import Canaries
from server.config import Serving, missing_files
from server.decoders import Pool
from server.drift import Drift
from server.errors import StartError, together
from server.hooks.load import Hooks
from server.hooks.load import load as load_hooks
from server.hooks.threads import Threads
from server.place import Fetch
from server.proof import Proof, open_served, prove, with_speedup
from server.routes import Application
from server.session import Curve, Model


@dataclass(frozen=True, slots=True)
class Prepared:
    """A model that has passed its canaries, and what is known of it."""

    serving: Serving
    model: Model
    curve: Curve
    row: session.Arrays
    proof: Proof
    hooks: Hooks | None
    drift: Drift | None
    processors: int
    workers: int
    sha256: str

    def open(self, application: Application, loop: AbstractEventLoop) -> dict[str, Any]:
        """Makes `application` ready, on its event loop. Gives the facts of the ready line."""
        record = application.metrics
        model, serving = self.model, self.serving

        drift = self.drift
        if drift is not None:
            drift.show(record)

        def observe(run: Run) -> None:
            record.batch.observe(run.rows)
            record.run_seconds += run.seconds
            if drift is not None:
                drift.add(run.arrays, run.outputs, run.rows)

        inline_key = self.model.key(self.row)[1] if self.curve.inline else None
        batcher = Batcher(
            model, loop, workers=self.workers, limit=self.curve.limit, inline_key=inline_key, observe=observe
        )
        self._gauges(application, batcher)
        count = self.processors if serving.decoders is None else serving.decoders
        # A hook thread decodes what it is about to look at.
        decodes = count > 0 and self.hooks is None
        pool = Pool(model.signature, count, serving.limits.json_depth, loop) if decodes else None
        threads = Threads(self.hooks, self.processors + 4, loop) if self.hooks else None
        application.open(model, batcher, pool, threads, drift)
        return {
            "model": serving.name,
            "version": serving.version,
            "precision": _precision(serving),
            "workers": self.workers,
            "maxBatch": self.curve.limit,
            "canarySqnrDb": self.proof.replay.sqnr_db if self.proof.replay else None,
        }

    def _gauges(self, application: Application, batcher: Batcher) -> None:
        serving, report, proof = self.serving, self.serving.report, self.proof
        model = (("model", serving.name),)
        info = (
            *model,
            ("version", serving.version),
            ("precision", _precision(serving)),
            ("recipe", report.recipe if report else "none"),
            ("sha256", self.sha256),
        )
        record = application.metrics
        gauge = record.gauge
        gauge("onnx_batch_size_limit", model, lambda: self.curve.limit)
        gauge("onnx_queue_depth", model, batcher.depth)
        gauge("onnx_batch_gain_ratio", model, lambda: self.curve.gain)
        gauge("onnx_batches_cut_total", model, lambda: batcher.cut, "counter")
        gauge("onnx_workers", model, lambda: self.workers)
        gauge("onnx_run_seconds_total", model, lambda: record.run_seconds, "counter")
        gauge("onnx_model_info", info, lambda: 1)
        if proof.speedup is not None:
            gauge("onnx_model_speedup_ratio", (*model, ("measured", "start")), lambda: proof.speedup)
        elif report is not None and report.speed_judged:
            gauge("onnx_model_speedup_ratio", (*model, ("measured", "build")), lambda: report.speedup)
        gauge("onnx_model_agreement_ratio", model, lambda: report.agreement if report else None)
        gauge("onnx_canary_sqnr_decibels", model, lambda: proof.replay.sqnr_db if proof.replay else None)
        gauge("onnx_saturation_sqnr_decibels", model, lambda: proof.saturation_db)


def prepare(serving: Serving, fetch: Fetch | None = None) -> Prepared:
    """Loads and proves the model. Blocking. Raises StartError: code 2 for a bad model or file, 3 for canaries."""
    processors = machine.processors()
    workers = serving.workers or processors
    intra_op = _intra_op(serving, processors)
    model, samples, proof, sha256 = _proven(serving, fetch, intra_op)
    hooks = load_hooks(serving.hooks) if serving.hooks else None
    rows = _rows(samples) if samples is not None and model.batchable else []
    rows = rows or [session.example(model, serving.dims)]
    curve = session.learn(model, rows, serving.warmup_runs, serving.max_batch)
    proof = with_speedup(proof, serving, model, rows[0], intra_op)
    return Prepared(serving, model, curve, rows[0], proof, hooks, _drift(serving, model), processors, workers, sha256)


def _drift(serving: Serving, model: Model) -> Drift | None:
    section = serving.report.drift if serving.report else None
    if section is None or serving.drift == "off":
        return None
    return Drift(section, serving.drift, model.signature)


def check(serving: Serving, fetch: Fetch | None = None) -> dict[str, Any]:
    """The facts of `--check`: what `prepare` proves, without timing anything. Raises StartError as it does."""
    model, _, proof, sha256 = _proven(serving, fetch, _intra_op(serving, machine.processors()))
    if serving.hooks:
        load_hooks(serving.hooks)
    return {
        "model": serving.name,
        "version": serving.version,
        "precision": _precision(serving),
        "sha256": sha256,
        "provider": serving.provider.name,
        "inputs": [spec.metadata() for spec in model.signature.inputs],
        "outputs": [spec.metadata() for spec in model.signature.outputs],
        "canarySqnrDb": proof.replay.sqnr_db if proof.replay else None,
        "saturationSqnrDb": proof.saturation_db,
        "precise": proof.precise,
    }


def _proven(serving: Serving, fetch: Fetch | None, intra_op: int) -> tuple[Model, Canaries | None, Proof, str]:
    if fetch is not None:
        fetch()
    missing = [StartError(sentence) for sentence in missing_files(serving)]
    if missing:
        raise together(missing)
    sha256 = _sha256(serving.model, serving.model.with_name(f"{serving.model.name}.data"))
    if serving.report and serving.report.sha256 != sha256:
        raise StartError(
            f"{serving.model} is not the model of its report: its SHA-256 is {sha256}, the report's winner has "
            f"{serving.report.sha256}. Optimize the model again, or serve the file that the report is about."
        )
    model = open_served(serving, intra_op)
    samples = canaries.load(serving.canaries, model) if serving.canaries else None
    model, proof = prove(serving, model, samples, intra_op)
    return model, samples, proof, sha256


def _intra_op(serving: Serving, processors: int) -> int:
    return serving.intra_op or max(1, processors // (serving.workers or processors))


def _precision(serving: Serving) -> str:
    return serving.report.precision if serving.report else "fp32"


def _rows(samples: Canaries) -> list[session.Arrays]:
    return [row for row in samples.rows if all(array.shape[:1] == (1,) for array in row)]


def _sha256(model: Path, weights: Path) -> str:
    """Of a model, and of the weights that lie beside one too large for a single file."""
    digest = hashlib.sha256()
    for path in (model, weights) if weights.is_file() else (model,):
        with path.open("rb") as file:
            while part := file.read(2**24):
                digest.update(part)
    return digest.hexdigest()
