"""Stage 7, report: everything that was tried, measured and decided, as report.json, and the verdict in one line."""

import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy
import onnx
import onnxruntime

from .bake import Baked
from .gate import Accuracy, Decided, Judged
from .host import this_host
from .onnx_file import Tensor
from .words import percent, size, times
from .work import Work


@dataclass(frozen=True)
class Reported:
    baked: Baked
    document: dict[str, Any]
    """report.json, without `stages`: the pipeline adds them when the last has ended."""


def report(baked: Baked, work: Work) -> Reported:
    work.progress.step("report", "writing the report")
    decided = baked.decided
    referenced = decided.tried.referenced
    admitted = referenced.normalized.admitted
    recipe, model, samples = admitted.recipe, admitted.model, admitted.samples
    host = this_host()
    return Reported(baked, {
        "schemaVersion": 1,
        "verdict": verdict(baked),
        "model": {
            "name": recipe.name,
            "family": recipe.family,
            "sha256": model.sha256,
            "bytes": model.bytes,
            "opset": model.opset,
            "irVersion": model.ir_version,
            "nodes": model.nodes,
            "inputs": [tensor(entry) for entry in model.inputs],
            "outputs": [tensor(entry) for entry in model.outputs],
        },
        "data": None if samples.made_up else {
            "sha256": samples.sha256,
            "samples": samples.count,
            "calibrationSamples": len(samples.calibration),
            "evaluationSamples": len(samples.evaluation),
            "labelsSha256": samples.labels_sha256,
        },
        "recipe": dict(recipe.document),
        "tools": {
            "python": platform.python_version(),
            "onnxruntime": onnxruntime.__version__,
            "onnx": onnx.__version__,
            "numpy": numpy.__version__,
        },
        "host": {
            "architecture": host.architecture,
            "cpu": host.cpu,
            "instructionSet": host.instruction_set,
            "processors": host.processors,
            "threads": 1,
            "judgesSpeed": decided.judges_speed,
        },
        "reference": {
            "bytes": referenced.baked.stat().st_size,
            "latencyMs": asdict(referenced.latency),
            "accuracy": referenced.accuracy,
        },
        "candidates": [candidate(entry) for entry in decided.judged],
        "winner": winner(baked),
        "canaries": {"count": baked.canary_count, "minSqnrDb": baked.canary_sqnr_db, "synthetic": samples.made_up},
        "warnings": [
            *referenced.warnings,
            *speed_warnings(decided, host.instruction_set),
            *(decided.winner.warnings if decided.winner else ()),
        ],
        "notes": list(dict.fromkeys([
            *recipe.notes,
            *samples.notes,
            *referenced.normalized.notes,
            *referenced.notes,
        ])),
        "stages": [],
    })  # fmt: skip


def tensor(entry: Tensor) -> dict[str, Any]:
    return {"name": entry.name, "dtype": entry.dtype, "shape": list(entry.shape)}


def candidate(entry: Judged) -> dict[str, Any]:
    trial, fidelity = entry.trial, entry.fidelity
    race = trial.result.comparison if trial.result else None
    return {
        "name": trial.candidate.name,
        "status": entry.status,
        "reasons": list(entry.reasons),
        "warnings": list(entry.warnings),
        "bytes": trial.result.bytes if trial.result else None,
        "latencyMs": asdict(race.candidate) if race else None,
        "speedup": race.speedup if race else None,
        "fidelity": None if fidelity is None else {
            "agreement": fidelity.agreement,
            "sqnrDb": fidelity.sqnr_db,
            "cosineMin": fidelity.cosine_min,
            "cosineMean": fidelity.cosine_mean,
            "maxAbsError": fidelity.max_abs_error,
            "nonFinite": fidelity.non_finite,
        },
        "accuracy": accuracy(entry.accuracy),
        "seconds": round(trial.seconds, 3),
        "peakMemoryBytes": trial.peak_memory_bytes,
        "ladder": list(trial.result.ladder) if trial.result else [],
    }  # fmt: skip


def accuracy(found: Accuracy | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {"value": found.value, "drop": found.drop, "errorRatio": found.error_ratio, "decided": found.decided}


GIVEN_PRECISION = {"": "fp32", "16-bit floats": "fp16", "weights only": "int4"}
"""Precision of a model that is served as it was given, by how it is quantized; int8 for every other way."""


def winner(baked: Baked) -> dict[str, Any]:
    chosen, referenced = baked.decided.winner, baked.decided.tried.referenced
    admitted = referenced.normalized.admitted
    file = {"bytes": baked.bytes, "sha256": baked.sha256}
    if chosen is None:
        return {
            "name": "fp32",
            "precision": GIVEN_PRECISION.get(admitted.model.quantization or "", "int8"),
            "speedup": 1,
            "agreement": None if admitted.samples.made_up else 1,
            "accuracy": referenced.accuracy,
            **file,
        }
    return {
        "name": chosen.trial.candidate.name,
        "precision": chosen.trial.candidate.precision,
        "speedup": chosen.speedup,
        "agreement": chosen.fidelity.agreement if chosen.fidelity else None,
        "accuracy": chosen.accuracy.value if chosen.accuracy else None,
        **file,
    }


def speed_warnings(decided: Decided, here: str) -> list[str]:
    if decided.judges_speed or not decided.judged:
        return []
    targets = ", ".join(decided.tried.referenced.normalized.admitted.recipe.instruction_sets)
    return [f"This host is {here}, the target {targets}: speed was measured but did not decide."]


def verdict(baked: Baked) -> str:
    """One line for people."""
    decided = baked.decided
    admitted = decided.tried.referenced.normalized.admitted
    chosen = decided.winner
    if chosen is None:
        if admitted.model.quantization is not None:
            return f"as it is: {admitted.why_none}"
        return f"fp32, kept: {admitted.why_none or refusals(decided.judged)}"
    fidelity = chosen.fidelity
    assert fidelity is not None and chosen.speedup is not None
    agreed = f"{fidelity.sqnr_db:.0f} dB" if fidelity.agreement is None else f"{percent(fidelity.agreement)} agreement"
    speed = f"{times(chosen.speedup)} faster" if decided.judges_speed else "speed not judged on this host"
    smaller = f"{size(baked.bytes)} instead of {size(admitted.model.bytes)}"
    return ", ".join([chosen.trial.candidate.precision, speed, agreed, smaller])


def refusals(judged: Sequence[Judged]) -> str:
    """Why no candidate passed: the best one's reasons, and how many others there were."""
    best = max(judged, key=lambda entry: (entry.status == "rejected", entry.speedup or 0.0))
    rest = f" (and {len(judged) - 1} more refused)" if len(judged) > 1 else ""
    return f"{best.trial.candidate.name}: {'; '.join(best.reasons)}{rest}"
