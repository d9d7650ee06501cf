"""Views of the report: what every view shows of fp32 and of each candidate, as numbers and as words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..words import decibels, latency, percent, size, times

NONE = "\u2013"
"""Stands where there is no figure."""

KEPT = {
    "classification": "same top class",
    "detection": "same boxes",
    "embedding": "same neighbours",
    "generation": "same tokens",
    "regression": "agreement",
}
"""What agreement counts, by task."""


@dataclass(frozen=True)
class Finding:
    """fp32, or a candidate. Figures that were not measured are None."""

    number: int
    """Its place in the table; fp32 is 0."""
    name: str
    status: str
    """served, passed, rejected, failed, or reference for fp32 where it is not served."""
    speedup: float | None
    interval: tuple[float, float] | None
    p50: float | None
    p95: float | None
    agreement: float | None
    sqnr_db: float | None
    accuracy: float | None
    decided: str | None
    """By labels: pass, fail or inconclusive."""
    metric: float | None
    bytes: int | None
    reasons: tuple[str, ...]
    warnings: tuple[str, ...]


def findings(report: Mapping[str, Any]) -> list[Finding]:
    """fp32 first, then the candidates as they were tried."""
    reference, winner = report["reference"], report["winner"]["name"]
    fp32 = Finding(
        number=0,
        name="fp32",
        status="served" if winner == "fp32" else "reference",
        speedup=1.0,
        interval=None,
        p50=reference["latencyMs"]["p50"],
        p95=reference["latencyMs"]["p95"],
        agreement=None,
        sqnr_db=None,
        accuracy=reference["accuracy"],
        decided=None,
        metric=reference["task"] and reference["task"]["value"],
        bytes=reference["bytes"],
        reasons=(),
        warnings=(),
    )
    return [fp32, *(finding(number, entry, winner) for number, entry in enumerate(report["candidates"], 1))]


def finding(number: int, entry: Mapping[str, Any], winner: str) -> Finding:
    timed, fidelity = entry["latencyMs"] or {}, entry["fidelity"] or {}
    accuracy, metric = entry["accuracy"] or {}, entry["metric"] or {}
    return Finding(
        number=number,
        name=entry["name"],
        status="served" if entry["name"] == winner else entry["status"],
        speedup=entry["speedup"],
        interval=entry["speedupInterval"] and (entry["speedupInterval"][0], entry["speedupInterval"][1]),
        p50=timed.get("p50"),
        p95=timed.get("p95"),
        agreement=fidelity.get("agreement"),
        sqnr_db=fidelity.get("sqnrDb"),
        accuracy=accuracy.get("value"),
        decided=accuracy.get("decided") or metric.get("decided"),
        metric=metric.get("value"),
        bytes=entry["bytes"],
        reasons=tuple(entry["reasons"]),
        warnings=tuple(entry["warnings"]),
    )


@dataclass(frozen=True)
class Column:
    title: str
    cells: tuple[str, ...]
    """One for each finding."""
    figures: bool = True


def columns(report: Mapping[str, Any]) -> list[Column]:
    """The table of what was tried. Columns without a single figure are left out."""
    rows = findings(report)
    metric = report["reference"]["task"]
    every = [
        Column("#", tuple(str(row.number) if row.number else "" for row in rows)),
        Column("candidate", tuple(row.name for row in rows), figures=False),
        Column("status", tuple(row.status for row in rows), figures=False),
        Column("speed", tuple(speed_words(row) for row in rows)),
        Column("median", tuple(NONE if row.p50 is None else latency(row.p50) for row in rows)),
        Column(KEPT[report["task"]], tuple(NONE if row.agreement is None else percent(row.agreement) for row in rows)),
        Column("SQNR", tuple(NONE if row.sqnr_db is None else decibels(row.sqnr_db) for row in rows)),
        Column("accuracy", tuple(accuracy_words(row) for row in rows)),
        Column(metric["metric"] if metric else "metric", tuple(metric_words(row) for row in rows)),
        Column("size", tuple(NONE if row.bytes is None else size(row.bytes) for row in rows)),
        Column("why", tuple(why(row) for row in rows), figures=False),
    ]
    return [column for column in every if any(cell not in ("", NONE) for cell in column.cells)]


def speed_words(row: Finding) -> str:
    if row.speedup is None:
        return NONE
    if row.interval is None:
        return times(row.speedup)
    low, high = (times(end) for end in row.interval)
    return f"{times(row.speedup)} ({low} to {high})"


def accuracy_words(row: Finding) -> str:
    if row.accuracy is None:
        return NONE
    return f"{percent(row.accuracy)}{' (inconclusive)' if row.decided == 'inconclusive' else ''}"


def metric_words(row: Finding) -> str:
    if row.metric is None:
        return NONE
    return f"{row.metric:.4g}{' (inconclusive)' if row.decided == 'inconclusive' else ''}"


def why(row: Finding) -> str:
    return "; ".join((*row.reasons, *(f"note: {warning}" for warning in row.warnings)))


def recipe_words(recipe: Mapping[str, Any]) -> str:
    """A candidate's recipe in a line: `static, uint8 x int8, per channel, minmax, Conv + MatMul`."""
    left_out = len(recipe.get("excludeNodes", []))
    parts: Sequence[str | None] = [
        recipe.get("method"),
        " x ".join(str(recipe[key]) for key in ("activationType", "weightType") if key in recipe) or None,
        "per channel" if recipe.get("perChannel") else None,
        "reduced range" if recipe.get("reduceRange") else None,
        recipe.get("calibration"),
        f"blocks of {recipe['blockSize']}" if "blockSize" in recipe else None,
        f"accuracy level {recipe['accuracyLevel']}" if "accuracyLevel" in recipe else None,
        f"head in {recipe['headPrecision']}" if "headPrecision" in recipe else None,
        f"fp32 beyond {recipe['maxAbs']:g}" if recipe.get("maxAbs") is not None else None,
        f"fp32 for {' + '.join(recipe['keepOpTypes'])}" if recipe.get("keepOpTypes") else None,
        " + ".join(recipe["opTypes"]) or "every operator" if "opTypes" in recipe else None,
        "placed for TensorRT" if recipe.get("placement") == "tensorrt" else None,
        f"{left_out} nodes left in fp32" if left_out > 1 else "1 node left in fp32" if left_out else None,
    ]
    return ", ".join(part for part in parts if part)
