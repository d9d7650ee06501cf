"""Views of the report: a TensorBoard run for each candidate, one for the whole, one for each graph."""

import contextlib
import io
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from tensorboardX import SummaryWriter
from tensorboardX.summary import hparams

from .findings import Finding, findings
from .graphs import graph_file
from .markdown import markdown

SETTINGS = ("method", "activationType", "weightType", "perChannel", "reduceRange", "opTypes", "calibration",
            "placement", "blockSize", "symmetric", "accuracyLevel", "headPrecision", "maxAbs")  # fmt: skip


def write_events(
    report: Mapping[str, Any], build: Mapping[str, Any] | None, models: Mapping[str, Path], folder: Path
) -> None:
    """Write event files below `folder`. `models`: files whose graphs are shown, by name."""
    rows = {row.number: row for row in findings(report)}
    entries = [(rows[number], entry) for number, entry in enumerate(report["candidates"], 1)]
    settings = {row.name: candidate_settings(entry) for row, entry in entries}
    settings["fp32"] = {"precision": "fp32"}
    figures = {row.name: candidate_figures(row, entry, report) for row, entry in entries}
    figures["fp32"] = reference_figures(rows[0])
    used = [name for name in SETTINGS if any(name in found for found in settings.values())]
    for name in settings:
        with open_run(folder / "candidates" / file_name(name)) as run:
            parameters = {key: settings[name].get(key, "-") for key in ("precision", *used, "excludedNodes", "status")}
            parameters["status"] = next(row.status for row in rows.values() if row.name == name)
            declare(run, parameters, sorted({key for found in figures.values() for key in found}))
            for tag, value in figures[name].items():
                run.add_scalar(tag, value)
            if name == report["winner"]["name"]:
                write_weights(run, report["tensors"])
    notes = [note for name, path in models.items() for note in [write_graph(path, folder / "models" / name)] if note]
    with open_run(folder / "summary") as run:
        write_summary(run, report, build, notes)


def open_run(folder: Path) -> SummaryWriter:
    return SummaryWriter(logdir=str(folder), flush_secs=3600)


def file_name(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]", "_", name).strip(".") or "_"


def declare(run: SummaryWriter, parameters: dict[str, Any], metrics: list[str]) -> None:
    """Enters the run in the table of hyperparameters; all runs declare the same columns."""
    assert run.file_writer is not None
    for summary in hparams(parameters, dict.fromkeys(metrics, 0.0)):
        run.file_writer.add_summary(summary)


def candidate_settings(entry: Mapping[str, Any]) -> dict[str, Any]:
    recipe = entry["recipe"]
    found: dict[str, Any] = {"precision": entry["precision"]}
    for name in SETTINGS:
        if name not in recipe:
            continue
        value = recipe[name]
        found[name] = ("+".join(value) or "all") if isinstance(value, list) else str(value)
    return {**found, "excludedNodes": str(len(recipe.get("excludeNodes", [])))}


def candidate_figures(row: Finding, entry: Mapping[str, Any], report: Mapping[str, Any]) -> dict[str, float]:
    fidelity, accuracy, metric = entry["fidelity"] or {}, entry["accuracy"] or {}, entry["metric"] or {}
    interval = row.interval or (None, None)
    own = report["reference"]["task"]
    found = {
        "accuracy/value": row.accuracy,
        "accuracy/drop": accuracy.get("drop"),
        "accuracy/error_ratio": accuracy.get("errorRatio"),
        f"metric/{own['metric']}" if own else "metric/value": metric.get("value"),
        "likeness/agreement": row.agreement,
        "likeness/sqnr_db": row.sqnr_db,
        "likeness/cosine_min": fidelity.get("cosineMin"),
        "likeness/cosine_mean": fidelity.get("cosineMean"),
        "likeness/max_abs_error": fidelity.get("maxAbsError"),
        "likeness/saturation_db": entry["saturationDb"],
        "latency/p50_ms": row.p50,
        "latency/p95_ms": row.p95,
        "latency/speedup": row.speedup,
        "latency/speedup_low": interval[0],
        "latency/speedup_high": interval[1],
        "cost/bytes": row.bytes,
        "cost/peak_memory_bytes": entry["peakMemoryBytes"],
        "cost/seconds": entry["seconds"],
    }
    return {tag: float(value) for tag, value in found.items() if value is not None}


def reference_figures(row: Finding) -> dict[str, float]:
    found = {
        "accuracy/value": row.accuracy,
        "latency/p50_ms": row.p50,
        "latency/p95_ms": row.p95,
        "latency/speedup": row.speedup,
        "cost/bytes": row.bytes,
    }
    return {tag: float(value) for tag, value in found.items() if value is not None}


def write_weights(run: SummaryWriter, tensors: list[Mapping[str, Any]]) -> None:
    for tensor in tensors:
        edges, counts = np.array(tensor["edges"], np.float64), np.array(tensor["counts"], np.float64)
        middles = (edges[:-1] + edges[1:]) / 2
        run.add_histogram_raw(
            f"weights/{tensor['name']}",
            min=float(edges[0]), max=float(edges[-1]), num=int(counts.sum()), sum=float(counts @ middles),
            sum_squares=float(counts @ middles**2), bucket_limits=edges[1:].tolist(), bucket_counts=counts.tolist(),
        )  # fmt: skip
        run.add_scalar(f"weights_sqnr_db/{tensor['name']}", tensor["sqnrDb"])


def write_graph(model: Path, folder: Path) -> str | None:
    """Why the graph is not shown, or None."""
    with tempfile.TemporaryDirectory() as scratch:
        found = graph_file(model, Path(scratch))
        if isinstance(found, str):
            return found
        # tensorboardX prints the name of every node.
        with open_run(folder) as run, contextlib.redirect_stdout(io.StringIO()):
            run.add_onnx_graph(str(found))
    return None


def write_summary(
    run: SummaryWriter, report: Mapping[str, Any], build: Mapping[str, Any] | None, notes: list[str]
) -> None:
    run.add_text("verdict", report["verdict"])
    run.add_text("report", markdown(report, build))
    if notes:
        run.add_text("graphs", "\n\n".join(notes))
    winner = report["winner"]
    served = {
        "served/speedup": winner["speedup"],
        "served/agreement": winner["agreement"],
        "served/accuracy": winner["accuracy"],
        "served/sqnr_db": winner["sqnrDb"],
        "served/bytes": winner["bytes"],
    }
    for tag, value in served.items():
        if value is not None:
            run.add_scalar(tag, value)
    for node in report["sensitivity"]:
        run.add_scalar(f"sensitivity/{node['node']}", node["sqnrDb"])
    for step in report["convergence"]:
        run.add_scalar("calibration/range_width", step["width"], step["samples"])
    for step, stage in enumerate(build["stages"] if build else []):
        run.add_scalar("run/stage_seconds", stage["seconds"], step)
