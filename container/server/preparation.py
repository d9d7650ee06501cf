"""From serving.json to a model that may answer: load, canaries, warm-up, batch curve. Knows nothing of HTTP."""

from __future__ import annotations

import hashlib
from asyncio import AbstractEventLoop
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from server import canaries, machine, session
from server.batching import Batcher
from server.canaries import Canaries, Replay
from server.config import Serving
from server.decoders import Pool
from server.errors import StartError
from server.log import log
from server.routes import Application
from server.session import Curve, Model

PRECISE = {"session.x64quantprecision": "1"}


@dataclass(frozen=True, slots=True)
class Prepared:
    """A model that has passed its canaries, and what is known of it."""

    serving: Serving
    model: Model
    curve: Curve
    row: session.Arrays
    replay: Replay | None
    processors: int
    workers: int
    sha256: str

    def open(self, application: Application, loop: AbstractEventLoop) -> dict[str, Any]:
        """Makes `application` ready, on its event loop. Gives the facts of the ready line."""
        record = application.metrics
        model, serving = self.model, self.serving

        def observe(rows: int, seconds: float) -> None:  # noqa: ARG001
            record.batch.observe(rows)

        inline_key = self.model.key(self.row)[1] if self.curve.inline else None
        batcher = Batcher(
            model, loop, workers=self.workers, limit=self.curve.limit, inline_key=inline_key, observe=observe
        )
        self._gauges(application, batcher)
        count = self.processors if serving.decoders is None else serving.decoders
        pool = Pool(model.signature, count, serving.limits.json_depth, loop) if count else None
        application.open(model, batcher, pool)
        return {
            "model": serving.name,
            "version": serving.version,
            "precision": serving.report.precision if serving.report else "fp32",
            "workers": self.workers,
            "maxBatch": self.curve.limit,
            "canarySqnrDb": None if self.replay is None else self.replay.sqnr_db,
        }

    def _gauges(self, application: Application, batcher: Batcher) -> None:
        serving, report, replay = self.serving, self.serving.report, self.replay
        model = (("model", serving.name),)
        info = (
            *model,
            ("version", serving.version),
            ("precision", report.precision if report else "fp32"),
            ("recipe", report.recipe if report else "none"),
            ("sha256", self.sha256),
        )
        gauge = application.metrics.gauge
        gauge("onnx_batch_size_limit", model, lambda: self.curve.limit)
        gauge("onnx_queue_depth", model, batcher.depth)
        gauge("onnx_workers", model, lambda: self.workers)
        gauge("onnx_model_info", info, lambda: 1)
        gauge("onnx_model_speedup_ratio", model, lambda: report.speedup if report else None)
        gauge("onnx_model_agreement_ratio", model, lambda: report.agreement if report else None)
        gauge("onnx_canary_sqnr_decibels", model, lambda: replay.sqnr_db if replay else None)


def prepare(serving: Serving) -> Prepared:
    """Loads and proves the model. Blocking. Raises StartError: code 2 for a bad model or file, 3 for canaries."""
    processors = machine.processors()
    workers = serving.workers or processors
    intra_op = serving.intra_op or max(1, processors // workers)
    sha256 = _sha256(serving.model)
    if serving.report and serving.report.sha256 != sha256:
        raise StartError(
            f"{serving.model} is not the model of its report: its SHA-256 is {sha256}, the report's winner has "
            f"{serving.report.sha256}. Optimize the model again, or serve the file that the report is about."
        )
    model = session.load(serving.model, serving.name, serving.version, intra_op)
    samples = canaries.load(serving.canaries, model) if serving.canaries else None
    replay = None
    if samples is not None and serving.report is not None:
        model, replay = _proven(serving, model, samples, intra_op)
    rows = _rows(samples) if samples is not None and model.batchable else []
    rows = rows or [session.example(model, serving.dims)]
    curve = session.learn(model, rows, serving.warmup_runs, serving.max_batch)
    return Prepared(serving, model, curve, rows[0], replay, processors, workers, sha256)


def _proven(serving: Serving, model: Model, samples: Canaries, intra_op: int) -> tuple[Model, Replay]:
    """The model once its canaries pass; on a CPU without VNNI perhaps only in ONNX Runtime's precise mode."""
    least = serving.report.min_sqnr_db  # type: ignore[union-attr]
    replay = canaries.replay(model, samples, least)
    if replay.problems and not machine.has_vnni():
        log("warning", "canaries failed, trying session.x64quantprecision", problems=replay.problems)
        model = session.load(serving.model, serving.name, serving.version, intra_op, PRECISE)
        replay = canaries.replay(model, samples, least)
    if replay.problems:
        problems = "; ".join(replay.problems)
        raise StartError(
            f"The canaries of {serving.name} fail, so it is not served: {problems}. "
            "Optimize the model again on this machine, or serve it as fp32.",
            code=3,
        )
    return model, replay


def _rows(samples: Canaries) -> list[session.Arrays]:
    return [row for row in samples.rows if all(array.shape[:1] == (1,) for array in row)]


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
