"""The report of a run as a page: one file that needs no network and no script."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from optimizer.views.charts.bars import Bar, bars
from optimizer.views.charts.frame import Axis, figure
from optimizer.views.charts.scale import scale
from optimizer.views.markup import Content, Markup, tag
from optimizer.views.page import POLICY, card, charts, section
from optimizer.views.style import STYLE
from optimizer.words import count, latency, percent
from run_report.lines import STYLE as LINES
from run_report.lines import Point, over_time
from run_report.rows import drift_rows, rows, title
from run_report.text import MARKS

MOST_SPREADS = 12
"""Figures whose bins are drawn, those that are farthest from the samples first."""


def page(run: Mapping[str, Any]) -> str:
    """The whole page."""
    found, figures = run["findings"], run["figures"]
    wrong = sum(entry["state"] == "bad" for entry in found)
    verdict = "Nothing needs attention." if wrong == 0 else f"{count(wrong, 'finding')} to look at."
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=POLICY),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("link", rel="icon", href="data:,"),
        tag("title", f"{title(run)}: {verdict}"),
        tag("style", Markup(STYLE + LINES)),
    )
    top = tag(
        "header",
        tag("h1", title(run)),
        tag("p", verdict, id="verdict"),
        tag("p", f"Read by the Prometheus at {run['request']['prometheus']}.", class_="lead"),
    )
    body: list[Content] = [
        section("Findings", tag("ul", *(finding(entry) for entry in found), class_="card findings")),
        charts("Over time", [chart for chart in along(run) if chart]),
        section("Figures", tag("div", card("In all", tuple(rows(figures))), class_="pairs")),
        section("Drift", drift_table(figures)),
        charts("Seen and expected", spreads(figures["drift"])),
    ]
    return f"<!doctype html>\n{tag('html', head, tag('body', top, tag('main', *body)), lang='en')}\n"


def finding(entry: Mapping[str, Any]) -> Markup:
    todo = tag("p", entry["next"]) if entry["next"] else None
    return tag("li", tag("b", MARKS[entry["state"]]), f" {entry['words']}", todo, class_=entry["state"])


def along(run: Mapping[str, Any]) -> list[Markup | None]:
    request, series, figures = run["request"], run["series"], run["figures"]
    span = (request["start"], request["end"])
    objective = request["objective"]["p99Ms"]

    def draw(name: str, heading: str, unit: str, lines: Mapping[str, Sequence[Point]], bound: Any = None) -> Any:
        return over_time(name, heading, unit, lines, span, bound)

    latencies = {f"p{q}": scaled(series[f"latencyP{q}"], 1000) for q in (50, 95, 99)}
    errors = {"server (5xx)": scaled(series["serverErrors"]), "client (4xx)": scaled(series["clientErrors"])}
    queue = {"waiting": scaled(series["queueDepth"]), "waiting or running": scaled(series["inFlight"])}
    return [
        draw("traffic", "Traffic", "Requests a second", {"answered": scaled(series["throughput"])}),
        draw("latency", "Latency of successful answers", "Milliseconds", latencies,
             (objective, "p99 objective") if objective is not None else None),
        stages(figures["stages"]),
        draw("batch", "Rows in a run", "Rows, mean", {"mean": scaled(series["batchMean"])}),
        draw("queue", "Queue", "Requests", queue),
        draw("errors", "Errors", "Requests a second", errors),
        draw("drift", "Distance from the samples", "PSI", farthest(figures["drift"]), drift_bound(figures["drift"])),
        draw("memory", "Memory", "MB", {"resident": scaled(series["memory"], 1e-6)}),
        draw("cpu", "Processors", "Processors used", {"used": scaled(series["cpuCores"])}),
    ]  # fmt: skip


def scaled(found: Sequence[Mapping[str, Any]], factor: float = 1.0) -> list[Point]:
    """The points of a series that has one line."""
    return [(at, None if value is None else value * factor) for entry in found[:1] for at, value in entry["points"]]


def stages(found: Mapping[str, Mapping[str, float]]) -> Markup | None:
    if not found:
        return None
    drawn = [
        Bar(stage, part["meanMs"], f"{latency(part['meanMs'])}, {percent(part['share'])}")
        for stage, part in found.items()
    ]
    axis = Axis(scale((bar.value for bar in drawn), zero=True), "Milliseconds of a request, mean")
    return figure("stages", "Where the time goes", None, bars("Mean time of a request in each stage", drawn, axis))


def farthest(found: Sequence[Mapping[str, Any]]) -> dict[str, list[Point]]:
    """PSI over time of the figures that went farthest."""
    lines = {
        f"{entry['side']} {entry['tensor']} {entry['statistic']}": [
            (window["end"], window["psi"]) for window in entry["windows"]
        ]
        for entry in found
        if entry["windows"]
    }
    ranked = sorted(lines, key=lambda name: -max(psi or 0.0 for _, psi in lines[name]))
    return {name: lines[name] for name in ranked[:6]}


def drift_bound(found: Sequence[Mapping[str, Any]]) -> tuple[float, str] | None:
    limits = [window["limit"] for entry in found for window in entry["windows"] if window["limit"] is not None]
    return (max(limits), "above: drift") if limits else None


def drift_table(figures: Mapping[str, Any]) -> Markup | None:
    found = drift_rows(figures)
    if not found:
        return None
    heads, *lines = found
    head = tag(
        "tr", *(tag("th", name, scope="col", class_="number" if place else None) for place, name in enumerate(heads))
    )
    body = [
        tag("tr", *(tag("td", cell, class_="number" if place else "mono") for place, cell in enumerate(line)))
        for line in lines
    ]
    table = tag("table", tag("thead", head), tag("tbody", *body))
    scrolled = tag("div", table, class_="scroll", tabindex="0", role="region", aria_label="Drift of each figure")
    return tag("div", scrolled, class_="card")


def spreads(found: Sequence[Mapping[str, Any]]) -> list[Markup]:
    """Share of rows in each bin, that of the samples thinner and behind."""
    told = sorted((entry for entry in found if entry["psi"] is not None), key=lambda entry: -entry["psi"])
    drawn = []
    for number, entry in enumerate(told[:MOST_SPREADS]):
        rows_of = [
            Bar(bin_name(bin_), bin_["seen"] * 100, f"{percent(bin_['seen'])}, {percent(bin_['expected'])}",
                beyond=bin_["expected"] * 100)
            for bin_ in entry["bins"]
        ]  # fmt: skip
        axis = Axis(scale([end for bar in rows_of for end in (bar.value, bar.beyond or 0)], zero=True), "% of rows")
        name = f"{entry['side']} {entry['tensor']} ({entry['statistic']})"
        help_ = f"PSI {entry['psi']:.2f}. Seen, and behind it, thinner, the samples'."
        drawn.append(figure(f"spread-{number}", name, help_, bars(f"Rows in each bin of {name}", rows_of, axis)))
    return drawn


def bin_name(entry: Mapping[str, Any]) -> str:
    """A category, or up to where a range goes."""
    upper = entry["upper"]
    if upper in ("", "NaN"):
        return "no number" if upper == "NaN" else entry["bin"]
    return "above" if upper == "+Inf" else f"up to {float(upper):.4g}"
