"""The report of a run as TensorBoard's files, with the tags that an endpoint writes by itself (server/event_log.py)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tensorboardX import SummaryWriter

from run_report.text import markdown

SCALARS = {
    "throughput": ("traffic/requests_per_second", 1),
    "latencyP50": ("latency/p50_ms", 1000),
    "latencyP95": ("latency/p95_ms", 1000),
    "latencyP99": ("latency/p99_ms", 1000),
    "serverErrors": ("errors/server_per_second", 1),
    "clientErrors": ("errors/client_per_second", 1),
    "rejections": ("errors/refused_per_second", 1),
    "stages": ("stage_ms", 1000),
    "batchMean": ("batch/mean_rows", 1),
    "queueDepth": ("queue/waiting", 1),
    "inFlight": ("queue/in_flight", 1),
    "cpuCores": ("machine/processors_used", 1),
    "memory": ("machine/memory_bytes", 1),
}
"""Tag and factor of each series; one that falls into parts has the part's name at the end."""
DISTANCES = ("psi", "limit", "js", "ks")


def write_events(run: Mapping[str, Any], folder: Path) -> None:
    """One run of TensorBoard's. Steps are seconds since the start."""
    start = run["request"]["start"]
    with SummaryWriter(logdir=str(folder), flush_secs=3600) as writer:
        for tag, at, value in (*_along(run["series"]), *_drift(run["figures"]["drift"])):
            writer.add_scalar(tag, value, global_step=max(0, round(at - start)), walltime=at)
        for entry in run["figures"]["drift"]:
            _spread(writer, entry, run["request"]["end"])
        writer.add_text("report", markdown(run), walltime=run["request"]["end"])


def _along(series: Mapping[str, Any]) -> Iterator[tuple[str, float, float]]:
    for name, (tag, factor) in SCALARS.items():
        for entry in series[name]:
            part = "".join(f"/{value}" for value in entry["labels"].values())
            for at, value in entry["points"]:
                if value is not None:
                    yield f"{tag}{part}", at, value * factor


def _drift(found: list[dict[str, Any]]) -> Iterator[tuple[str, float, float]]:
    for entry in found:
        for window in entry["windows"]:
            for distance in DISTANCES:
                if window[distance] is not None:
                    yield f"drift_{distance}/{tag_of(entry)}", window["end"], window[distance]


def _spread(writer: SummaryWriter, entry: Mapping[str, Any], end: float) -> None:
    """Shares of the bins, what was seen and what the samples have, beside each other."""
    for kind in ("seen", "expected"):
        for place, found in enumerate(entry["bins"]):
            writer.add_scalar(f"spread_{kind}/{tag_of(entry)}", found[kind], global_step=place, walltime=end)


def tag_of(entry: Mapping[str, Any]) -> str:
    return f"{entry['side']}/{entry['tensor']}/{entry['statistic']}"
