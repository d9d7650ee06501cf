"""Stage 8, report: everything that was tried, measured and decided, as report.json, and the verdict in one line."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from .accuracy import Accuracy, OwnMetric
from .bake import Baked
from .candidates import read_ranges, read_tensors
from .drift import drift
from .gate import Decided, Judged, unlike_target
from .host import this_host
from .onnx_file import Tensor
from .recipe import entry_of
from .reference import Referenced
from .replay import again
from .tools import tool_versions
from .weights_file import size_of
from .words import percent, size, times
from .work import Work


@dataclass(frozen=True)
class Reported:
    baked: Baked
    document: dict[str, Any]
    """report.json."""


def report(baked: Baked, work: Work) -> Reported:
    work.progress.step("report", "writing the report")
    admitted = baked.repaired.decided.tried.referenced.normalized.admitted
    made = made_from(baked)
    if admitted.recipe.replay:
        return Reported(baked, {**made, **again(baked, admitted.recipe.replay)})
    found = searched(baked)
    notes = [*found["notes"], *drift_notes(made["drift"], made_up=admitted.samples.made_up)]
    return Reported(baked, {**made, **found, "notes": notes})


def drift_notes(found: Mapping[str, Any], *, made_up: bool) -> list[str]:
    """What of drift cannot be told; that made-up inputs tell nothing of it goes without saying."""
    missing = [f"Drift is not watched: {found['reason']}"] if found["reason"] and not made_up else []
    return [*missing, *found["notes"]]


def made_from(baked: Baked) -> dict[str, Any]:
    """What a search and a replay tell alike: all of it comes from the model, the samples and the recipe."""
    decided = baked.repaired.decided
    admitted = decided.tried.referenced.normalized.admitted
    recipe, model, samples = admitted.recipe, admitted.model, admitted.samples
    return {
        "schemaVersion": 1,
        "mode": "replay" if recipe.replay else "search",
        "verdict": "",
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
            "metricSha256": admitted.metric_sha256,
        },
        "task": decided.tried.referenced.task.name,
        "recipe": {key: value for key, value in recipe.document.items() if key != "replay"},
        "tools": {},
        "host": {},
        "reference": {},
        "candidates": [],
        "winner": {},
        "session": {
            "provider": recipe.provider,
            "intraOpThreads": recipe.intra_op_threads,
            "graphOptimization": recipe.graph_optimization,
            "settings": {},
        },
        "recheck": None,
        "canaries": {
            "count": baked.canary_count,
            "minSqnrDb": baked.canary_sqnr_db,
            "synthetic": samples.made_up or recipe.synthetic_canaries,
        },
        "sensitivity": [],
        "ranges": None,
        **(read_tensors(decided.winner.trial) if decided.winner else {"tensors": [], "convergence": []}),
        "drift": drift(baked),
        "warnings": [],
        "notes": [],
    }  # fmt: skip


def searched(baked: Baked) -> dict[str, Any]:
    """What a search found out."""
    repaired = baked.repaired
    decided = repaired.decided
    referenced = decided.tried.referenced
    admitted = referenced.normalized.admitted
    host = this_host()
    assert referenced.latency is not None
    return {
        "verdict": verdict(baked),
        "tools": dict(tool_versions()),
        "host": {
            "architecture": host.architecture,
            "cpu": host.cpu,
            "instructionSet": host.instruction_set,
            "processors": host.processors,
            "threads": min(admitted.recipe.intra_op_threads, host.processors),
            "judgesSpeed": decided.judges_speed,
            "emulated": host.emulated,
        },
        "reference": {
            "bytes": size_of(referenced.baked),
            "latencyMs": asdict(referenced.latency),
            "accuracy": referenced.accuracy,
            "task": own_metric(referenced),
        },
        "candidates": [candidate(entry) for entry in decided.judged],
        "winner": winner(baked),
        "sensitivity": [
            {"node": entry.node.node, "op": entry.node.op, "sqnrDb": entry.node.sqnr_db, "excluded": entry.excluded}
            for entry in repaired.sensitivity
        ],
        "ranges": read_ranges(decided.winner.trial) if decided.winner else None,
        "warnings": [
            *referenced.warnings,
            *speed_warnings(decided),
            *(decided.winner.warnings if decided.winner else ()),
            *baked.warnings,
        ],
        "notes": list(dict.fromkeys([
            *admitted.recipe.notes,
            *admitted.samples.notes,
            *referenced.normalized.notes,
            *referenced.notes,
            *repaired.notes,
        ])),
    }  # fmt: skip


def tensor(entry: Tensor) -> dict[str, Any]:
    return {"name": entry.name, "dtype": entry.dtype, "shape": list(entry.shape)}


def candidate(entry: Judged) -> dict[str, Any]:
    trial, fidelity = entry.trial, entry.fidelity
    race = trial.result.comparison if trial.result else None
    return {
        "name": trial.candidate.name,
        "precision": trial.candidate.precision,
        "recipe": entry_of(trial.candidate),
        "origin": trial.origin,
        "status": entry.status,
        "reasons": list(entry.reasons),
        "warnings": list(entry.warnings),
        "bytes": trial.result.bytes if trial.result else None,
        "latencyMs": asdict(race.candidate) if race else None,
        "speedup": race.speedup if race else None,
        "speedupInterval": list(race.interval) if race else None,
        "fidelity": None if fidelity is None else {
            "agreement": fidelity.agreement,
            "sqnrDb": fidelity.sqnr_db,
            "cosineMin": fidelity.cosine_min,
            "cosineMean": fidelity.cosine_mean,
            "maxAbsError": fidelity.max_abs_error,
            "nonFinite": fidelity.non_finite,
        },
        "accuracy": accuracy(entry.accuracy),
        "metric": metric(entry.metric),
        "saturationDb": trial.result.saturation_db if trial.result else None,
        "seconds": round(trial.seconds, 3),
        "peakMemoryBytes": trial.peak_memory_bytes,
        "ladder": list(trial.result.ladder) if trial.result else [],
    }  # fmt: skip


def accuracy(found: Accuracy | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {"value": found.value, "drop": found.drop, "errorRatio": found.error_ratio, "decided": found.decided}


def metric(found: OwnMetric | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {"name": found.name, "value": found.value, "drop": found.drop, "decided": found.decided}


def own_metric(referenced: Referenced) -> dict[str, Any] | None:
    """fp32 by the user's own metric."""
    rule = referenced.normalized.admitted.recipe.gate.metric
    if rule is None or referenced.measured is None:
        return None
    return {"metric": rule.function, "value": referenced.measured.value}


GIVEN_PRECISION = {"": "fp32", "16-bit floats": "fp16", "weights only": "int4"}
"""Precision of a model that is served as it was given, by how it is quantized; int8 for every other way."""


def winner(baked: Baked) -> dict[str, Any]:
    decided = baked.repaired.decided
    chosen, referenced = decided.winner, decided.tried.referenced
    admitted = referenced.normalized.admitted
    file = {"bytes": baked.bytes, "sha256": baked.sha256}
    if chosen is None:
        return {
            "name": "fp32",
            "precision": GIVEN_PRECISION.get(admitted.model.quantization or "", "int8"),
            "recipe": None,
            "speedup": 1,
            "speedupInterval": None,
            "agreement": None if admitted.samples.made_up else 1,
            "accuracy": referenced.accuracy,
            "sqnrDb": None,
            "speedJudged": True,
            **file,
        }
    return {
        "name": chosen.trial.candidate.name,
        "precision": chosen.trial.candidate.precision,
        "recipe": entry_of(chosen.trial.candidate),
        "speedup": chosen.speedup,
        "speedupInterval": interval(chosen),
        "agreement": chosen.fidelity.agreement if chosen.fidelity else None,
        "accuracy": chosen.accuracy.value if chosen.accuracy else None,
        "sqnrDb": chosen.fidelity.sqnr_db if chosen.fidelity else None,
        "speedJudged": decided.judges_speed,
        **file,
    }


def interval(chosen: Judged) -> list[float] | None:
    race = chosen.trial.result.comparison if chosen.trial.result else None
    return list(race.interval) if race else None


def speed_warnings(decided: Decided) -> list[str]:
    if decided.judges_speed or not decided.judged:
        return []
    why = unlike_target(decided.tried.referenced.normalized.admitted.recipe, decided.tried.trials, this_host())
    return [f"{why}: speed was measured but did not decide."]


def verdict(baked: Baked) -> str:
    """One line for people."""
    decided = baked.repaired.decided
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
    kept = len(chosen.trial.candidate.exclude_nodes)
    repaired = [f"{kept} {'node' if kept == 1 else 'nodes'} kept in fp32"] if chosen.trial.origin == "repair" else []
    return ", ".join([chosen.trial.candidate.precision, speed, agreed, smaller, *repaired])


def refusals(judged: Sequence[Judged]) -> str:
    """Why no candidate passed: the best one's reasons, and how many others there were."""
    best = max(judged, key=lambda entry: (entry.status == "rejected", entry.speedup or 0.0))
    rest = f" (and {len(judged) - 1} more refused)" if len(judged) > 1 else ""
    return f"{best.trial.candidate.name}: {'; '.join(best.reasons)}{rest}"
