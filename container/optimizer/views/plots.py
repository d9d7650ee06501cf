"""Views of the report: which charts the page shows. A chart without figures is left out."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..words import count, decibels, duration, latency, percent, size, times
from .charts.bars import Bar, bars
from .charts.curve import curve
from .charts.frame import Axis, figure
from .charts.histogram import histogram
from .charts.scale import scale
from .charts.scatter import Bound, Point, scatter
from .findings import KEPT, Finding, findings, speed_words
from .markup import Markup, join, tag

CROSS, DOT, BY = "\u00d7", "\u25cf", " \u00d7 "

MOST_NODES = 24
MOST_HISTOGRAMS = 9
"""Further ones are folded away."""
HIGHEST_DB = 90.0
"""Likeness beyond is drawn here: it tells nothing more, and would press the rest together."""


@dataclass(frozen=True)
class Measure:
    """Something that speed is drawn against."""

    name: str
    title: str
    axis: str
    values: Mapping[str, float]
    bounds: tuple[Bound, ...]
    shown: float = 1.0
    """Factor from the report's value to the axis' unit."""

    @property
    def within(self) -> tuple[float, float]:
        return (0.0, 100.0) if self.shown == 100 else (-math.inf, math.inf)


def measures(report: Mapping[str, Any], rows: Sequence[Finding]) -> list[Measure]:
    gate, reference = report["recipe"].get("gate", {}), report["reference"]
    labels = any(row.accuracy is not None for row in rows[1:])
    own = any(row.metric is not None for row in rows[1:])
    likeness_decides = any(row.status != "failed" and (row.decided in (None, "inconclusive")) for row in rows[1:])

    idle = "" if likeness_decides else ", labels decide"

    def bound(key: str, words: str, *, factor: float = 1.0, decides: bool = True) -> list[Bound]:
        value = gate.get(key, 0.0) * factor
        return [Bound("y", value, words.format(f"{value:g}"), decides)] if key in gate else []

    found = [
        Measure(
            "sqnr", "signal to noise", "Signal to noise against fp32, dB",
            {row.name: min(row.sqnr_db, HIGHEST_DB) for row in rows if row.sqnr_db is not None},
            (*bound("minSqnrDb", f"least {{}} dB{idle}", decides=likeness_decides),
             *bound("warnSqnrDb", "warning below {} dB", decides=False)),
        ),
        Measure(
            "agreement", KEPT[report["task"]], f"{KEPT[report['task']].capitalize()} as fp32, % of samples",
            {row.name: row.agreement for row in rows if row.agreement is not None},
            tuple(bound("minAgreement", f"least {{}} %{idle}", factor=100, decides=likeness_decides)), 100,
        ),
    ]  # fmt: skip
    if labels and reference["accuracy"] is not None:
        right = reference["accuracy"]
        least = right * (1 - gate["maxAccuracyDrop"]) if "maxAccuracyDrop" in gate else None
        limits = [] if least is None else [Bound("y", least * 100, f"least {percent(least)}")]
        values = {row.name: row.accuracy for row in rows[1:] if row.accuracy is not None}
        faint = Bound("y", right * 100, "fp32", decides=False)
        found.append(
            Measure("accuracy", "label accuracy", "Right by labels, % of samples", values, (*limits, faint), 100)
        )
    if own and reference["task"] is not None:
        found.append(own_measure(gate.get("metric"), reference["task"], rows))
    return [measure for measure in found if measure.values]


def own_measure(rule: Mapping[str, Any] | None, reference: Mapping[str, Any], rows: Sequence[Finding]) -> Measure:
    value, bounds = reference["value"], [Bound("y", reference["value"], "fp32", decides=False)]
    if rule is not None:
        higher = rule["direction"] == "higher"
        worst = value - abs(value) * rule["maxDrop"] * (1 if higher else -1)
        bounds.insert(0, Bound("y", worst, "least" if higher else "most", least=higher))
    values = {row.name: row.metric for row in rows[1:] if row.metric is not None}
    return Measure("metric", reference["metric"], reference["metric"], values, tuple(bounds))


def against_speed(report: Mapping[str, Any]) -> list[Markup]:
    """Speed against each measure of likeness."""
    rows = findings(report)
    gate, judged = report["recipe"].get("gate", {}), report["host"]["judgesSpeed"]
    speed_bound = []
    if report["recipe"].get("goal") != "size" and "minSpeedup" in gate:
        words = (
            f"least {times(gate['minSpeedup'])}" if judged else f"least {times(gate['minSpeedup'])}, not judged here"
        )
        speed_bound = [Bound("x", gate["minSpeedup"], words, judged)]
    charts = []
    for measure in measures(report, rows):
        points = [
            Point(
                row.number, row.name, row.speedup, measure.values[row.name] * measure.shown, row.status,
                f"{row.number} {row.name}: {row.status}, {speed_words(row)}, {value_words(measure, row)}", row.interval,
            )
            for row in rows[1:]
            if row.speedup is not None and row.name in measure.values
        ]  # fmt: skip
        if not points:
            continue
        bounds = [*speed_bound, *measure.bounds]
        ends = [end for point in points for end in (point.x, *(point.x_interval or ()))]
        x = scale([1.0, *ends, *(bound.value for bound in speed_bound)])
        y = scale([*(point.y for point in points), *(bound.value for bound in measure.bounds)], within=measure.within)
        label = f"Speed against {measure.title}: " + "; ".join(point.words for point in points)
        drawn = scatter(label, points, bounds, Axis(x, "Speed, times fp32"), Axis(y, measure.axis))
        charts.append(figure(measure.name, f"Speed and {measure.title}", None, drawn))
    return charts


def value_words(measure: Measure, row: Finding) -> str:
    if measure.name == "sqnr":
        return decibels(row.sqnr_db or 0.0)
    value = measure.values[row.name]
    return percent(value) if measure.shown == 100 else f"{measure.title} {value:.4g}"


def key(report: Mapping[str, Any]) -> Markup:
    """Which number in the charts is which candidate."""
    lines = [
        tag("li", tag("b", f"{row.number} {CROSS if row.status == 'rejected' else DOT}"), f" {row.name}",
            class_=f"kind-{row.status}")
        for row in findings(report)[1:]
        if row.speedup is not None
    ]  # fmt: skip
    return tag("ul", *lines, class_="key", aria_label="Numbers in the charts")


def latencies(report: Mapping[str, Any]) -> Markup | None:
    rows = [
        Bar(row.name, row.p50, f"{latency(row.p50)}, {latency(row.p95)}", kind_of(row), row.p95)
        for row in findings(report)
        if row.p50 is not None and row.p95 is not None
    ]
    if not rows:
        return None
    axis = Axis(
        scale([end for row in rows for end in (row.value, row.beyond or 0)], zero=True), "Milliseconds of one run"
    )
    threads = count(report["host"]["threads"], "thread")
    help_ = f"One run at batch 1 on {threads}: the median, and behind it, thinner, the 95th percentile. "
    help_ += "Speed is not read off here: it is the ratio to fp32, timed in turn with each candidate."
    return figure("latency", "Latency", help_, bars("Latency, median and 95th percentile", rows, axis))


def sizes(report: Mapping[str, Any]) -> Markup | None:
    rows = [row for row in findings(report) if row.bytes is not None]
    unit, factor = ("MB", 1e6) if max(row.bytes or 0 for row in rows) >= 10_000_000 else ("KB", 1e3)
    drawn = [Bar(row.name, (row.bytes or 0) / factor, size(row.bytes or 0), kind_of(row)) for row in rows]
    axis = Axis(scale([bar.value for bar in drawn], zero=True), f"Size of the file, {unit}")
    return figure("size", "Size", None, bars("Size of each file", drawn, axis))


def kind_of(row: Finding) -> str:
    return row.status if row.status != "failed" else "rejected"


def sensitivity(report: Mapping[str, Any]) -> Markup | None:
    nodes = report["sensitivity"]
    if not nodes:
        return None
    rows = [
        Bar(f"{node['node']} ({node['op']})", node["sqnrDb"],
            f"{decibels(node['sqnrDb'])}{', left in fp32' if node['excluded'] else ''}",
            "rejected" if node["excluded"] else "plain")
        for node in nodes[:MOST_NODES]
    ]  # fmt: skip
    axis = Axis(
        scale([min(bar.value, HIGHEST_DB) for bar in rows], zero=True),
        "Signal to noise, dB: the lower, the more it hurts",
    )
    help_ = "What repair measured, the node that hurts most first. Red ones were left in fp32."
    more = None if len(nodes) <= MOST_NODES else f"{len(nodes) - MOST_NODES} more are in report.json."
    return figure(
        "sensitivity",
        "Sensitivity by node",
        help_,
        bars("Signal to noise by node", rows, axis),
        more and tag("p", more, class_="help"),
    )


def convergence(report: Mapping[str, Any]) -> Markup | None:
    steps = report["convergence"]
    if not steps:
        return None
    points = [(float(step["samples"]), step["width"] * 100) for step in steps]
    x = Axis(scale([across for across, _ in points], zero=True), "Samples seen")
    y = Axis(scale([100.0, *(up for _, up in points)]), "Mean width of the ranges, % of the final one")
    help_ = "When the line is flat, more samples would change little."
    return figure(
        "convergence",
        "How the calibrated ranges settled",
        help_,
        curve("Width of the calibrated ranges by samples seen", points, x, y),
    )


def weights(report: Mapping[str, Any]) -> Markup | None:
    """Histograms of all weights that are no longer fp32."""
    drawn = [weight(number, tensor) for number, tensor in enumerate(report["tensors"])]
    if not drawn:
        return None
    rest = drawn[MOST_HISTOGRAMS:]
    folded = None
    if rest:
        folded = tag("details", tag("summary", f"{len(rest)} more"), tag("div", *rest, class_="small"))
    return join(tag("div", *drawn[:MOST_HISTOGRAMS], class_="small"), folded)


def weight(number: int, tensor: Mapping[str, Any]) -> Markup:
    shape = BY.join(str(end) for end in tensor["shape"]) or "one value"
    help_ = f"{shape}, now {tensor['dtype']}, {decibels(tensor['sqnrDb'])}"
    drawn = histogram(f"Values of {tensor['name']}", tensor["edges"], tensor["counts"])
    return figure(f"weight-{number}", tensor["name"], help_, drawn)


def stages(build: Mapping[str, Any] | None) -> Markup | None:
    """What the run took, by stage."""
    if build is None or not build["stages"]:
        return None
    rows = [Bar(stage["name"], stage["seconds"], duration(stage["seconds"])) for stage in build["stages"]]
    axis = Axis(scale((bar.value for bar in rows), zero=True), "Seconds")
    total = duration(sum(stage["seconds"] for stage in build["stages"]))
    return figure("stages", f"What this run took: {total}", None, bars("Seconds by stage", rows, axis))


def shown(charts: Iterable[Markup | None]) -> list[Markup]:
    return [chart for chart in charts if chart is not None]
