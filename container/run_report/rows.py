"""The report of a run: its figures as lines for a table, as the terminal and Markdown show them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from optimizer.words import latency, percent, size
from run_report.findings import clock, time_words

NONE = "\u2013"
"""Stands where nothing was seen."""
Pairs = list[tuple[str, str]]


def title(run: Mapping[str, Any]) -> str:
    request, model = run["request"], run["figures"]["model"]
    form = f" ({model['precision']})" if model["precision"] else ""
    return f"{request['model']}{form}, {time_words(run['figures']['seconds'])} up to {clock(request['end'])}"


def rows(figures: Mapping[str, Any]) -> Pairs:
    """Name and value of what there is."""
    traffic, found, batch, queue = (figures[part] for part in ("traffic", "latency", "batch", "queue"))
    cpu, memory, cost = figures["cpu"], figures["memory"], figures["cost"]
    every: list[tuple[str, str | None]] = [
        ("requests", f"{round(traffic['requests']):,}"),
        (
            "answers by code",
            ", ".join(f"{code}: {round(number):,}" for code, number in traffic["byCode"].items()) or None,
        ),
        ("requests a second", f"{traffic['perSecond']:.3g}"),
        ("p50, p95, p99", _latencies(found)),
        ("worst p99", None if found["worstP99Ms"] is None else latency(found["worstP99Ms"])),
        ("objective, p99", None if found["objectiveMs"] is None else latency(found["objectiveMs"])),
        *(
            (f"stage {stage}", f"{latency(part['meanMs'])}, {percent(part['share'])}")
            for stage, part in figures["stages"].items()
        ),
        ("rows in a run", _of(batch["meanRows"], batch["limitRows"])),
        ("waiting, most", _of(queue["peakWaiting"], queue["limit"])),
        ("refused", ", ".join(f"{key}: {round(n):,}" for key, n in figures["errors"]["rejected"].items()) or None),
        ("processors used", _of(cpu["meanCores"], cpu["cores"])),
        ("memory, most", None if memory["peakBytes"] is None else size(round(memory["peakBytes"]))),
        ("ready replicas, most", None if figures["replicas"] is None else f"{figures['replicas']:g}"),
        ("cost of a million requests", f"{cost['usdPerMillion']:.2f} USD" if cost and cost["usdPerMillion"] else None),
    ]
    return [(name, value) for name, value in every if value is not None]


def drift_rows(figures: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """A line for each figure that is watched, below the names of the columns."""
    heads = ("figure", "rows", "PSI", "told from", "JS", "KS", "drift since")
    lines = [
        (
            f"{entry['side']} {entry['tensor']} {entry['statistic']}",
            f"{round(entry['rows']):,}",
            *(NONE if entry[key] is None else f"{entry[key]:.3f}" for key in ("psi", "limit", "js", "ks")),
            NONE if entry["since"] is None else clock(entry["since"]),
        )
        for entry in figures["drift"]
    ]
    return [heads, *lines] if lines else []


def _latencies(found: Mapping[str, Any]) -> str | None:
    if found["p99Ms"] is None:
        return None
    return ", ".join(latency(found[key]) for key in ("p50Ms", "p95Ms", "p99Ms"))


def _of(value: float | None, limit: float | None) -> str | None:
    if value is None:
        return None
    return f"{value:.3g}" + (f" of {limit:g}" if limit else "")
