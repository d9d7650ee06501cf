"""Views of the report: report.html, one file that needs no network and no script."""

from collections.abc import Mapping, Sequence
from typing import Any

from ..words import count
from . import plots
from .facts import Group, Pairs, candidate_facts, groups
from .findings import NONE, Column, Finding, columns, findings
from .markup import Content, Markup, join, tag
from .style import STYLE
from .tiles import tiles

APART = ("#", "candidate", "why")
"""Columns of the table that share one cell on the page."""
MOST_RANGES = 1000
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def page(report: Mapping[str, Any], build: Mapping[str, Any] | None) -> str:
    """The whole page. Both documents have to follow their schemas."""
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=POLICY),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("link", rel="icon", href="data:,"),
        tag("title", f"{report['model']['name']}: {report['verdict']}"),
        tag("style", Markup(STYLE)),
    )
    body = tag("body", top(report), tag("main", *sections(report, build)))
    return f"<!doctype html>\n{tag('html', head, body, lang='en')}\n"


def top(report: Mapping[str, Any]) -> Markup:
    figures = [
        tag("div", tag("dt", tile.name), tag("dd", tile.value, tag("small", tile.words))) for tile in tiles(report)
    ]
    warnings = tag(
        "ul", *(tag("li", warning) for warning in report["warnings"]), class_="notice", aria_label="Warnings"
    )
    return tag(
        "header",
        tag("h1", f"Optimization of {report['model']['name']}"),
        tag("p", report["verdict"], id="verdict"),
        tag("p", lead(report), class_="lead"),
        tag("dl", *figures, class_="tiles"),
        warnings if report["warnings"] else None,
    )


def lead(report: Mapping[str, Any]) -> str:
    """What was done, in a sentence or two."""
    tried = len(report["candidates"])
    target = report["recipe"].get("target", {})
    where = (
        f" for {', '.join(target['instructionSets'])} on {target['provider']}" if "instructionSets" in target else ""
    )
    again = " The form was made again from the lock; the figures are the lock's." if report["mode"] == "replay" else ""
    repaired = sum(entry["origin"] == "repair" for entry in report["candidates"])
    mended = f", {repaired} of them made by repair" if repaired else ""
    what = f"{count(tried, 'candidate')} tried{where}{mended}." if tried else f"Nothing was tried{where}."
    return what + again


def sections(report: Mapping[str, Any], build: Mapping[str, Any] | None) -> list[Content]:
    pairs = plots.against_speed(report) if report["candidates"] else []
    bars = plots.shown([plots.latencies(report), plots.sizes(report)]) if report["candidates"] else []
    repair = plots.shown([plots.sensitivity(report), plots.convergence(report)])
    return [
        section("What was tried", tried(report)) if report["candidates"] else None,
        charts("Speed and likeness", pairs, plots.key(report)),
        charts("Latency and size", bars),
        charts("Repair and calibration" if report["sensitivity"] else "Calibration", repair),
        section("Weights", plots.weights(report)),
        section("Candidates in detail", details(report["candidates"])),
        section("Notes", notes(report["notes"])),
        section("Model, data and tools", rest(groups(report, build))),
        charts("This run", plots.shown([plots.stages(build)])),
        section("Calibrated ranges", ranges(report["ranges"])),
    ]


def section(title: str, body: Content) -> Markup | None:
    return tag("section", tag("h2", title), body) if body else None


def charts(title: str, drawn: Sequence[Markup], above: Content = None) -> Markup | None:
    return section(title, join(above, tag("div", *drawn, class_="charts"))) if drawn else None


def tried(report: Mapping[str, Any]) -> Markup:
    """The table. Where there is no room for its columns each row becomes a list; the roles keep it a table."""
    rows, found = findings(report), [column for column in columns(report) if column.title not in APART]
    heads = [
        tag("th", title, scope="col", role="columnheader", class_="number" if figures else None)
        for title, figures in [("candidate", False), *((column.title, column.figures) for column in found)]
    ]
    lines = [
        tag("tr", name_cell(row), *(cell(column, column.cells[index]) for column in found), role="row")
        for index, row in enumerate(rows)
    ]
    table = tag(
        "table",
        tag("thead", tag("tr", *heads, role="row"), role="rowgroup"),
        tag("tbody", *lines, role="rowgroup"),
        class_="tried", role="table", aria_label="What was tried",
    )  # fmt: skip
    return tag("div", table, class_="card")


def name_cell(row: Finding) -> Markup:
    """Number, name, and why it was refused."""
    lines = [tag("p", line, class_="why") for line in (*row.reasons, *(f"note: {line}" for line in row.warnings))]
    return tag("td", f"{row.number or ''} {row.name}".strip(), *lines, role="cell", class_="candidate")


def cell(column: Column, words: str) -> Markup:
    classes = " ".join(["number" if column.figures else "", "empty" if words in ("", NONE) else ""]).strip()
    shown = tag("span", words, class_=f"chip {words}") if column.title == "status" else words
    return tag("td", shown, role="cell", data_title=column.title, class_=classes or None)


def details(candidates: Sequence[Mapping[str, Any]]) -> Markup | None:
    if not candidates:
        return None
    cards = [card(f"{number} {entry['name']}", candidate_facts(entry)) for number, entry in enumerate(candidates, 1)]
    return tag("details", tag("summary", count(len(cards), "candidate")), tag("div", *cards, class_="pairs"))


def card(title: str, pairs: Pairs) -> Markup:
    return tag("div", tag("h3", title), pairs_list(pairs), class_="card")


def pairs_list(pairs: Pairs) -> Markup:
    return tag("dl", *(join(tag("dt", name), value_of(name, value)) for name, value in pairs))


def value_of(name: str, value: str) -> Markup:
    return tag("dd", tag("code", value) if name.startswith("sha256") else value)


def notes(lines: Sequence[str]) -> Markup | None:
    return tag("ul", *(tag("li", line) for line in lines), class_="card notes") if lines else None


def rest(found: Sequence[Group]) -> Markup:
    return tag("div", *(card(group.title, group.pairs) for group in found), class_="pairs")


def ranges(entries: Mapping[str, Sequence[float]] | None) -> Markup | None:
    if not entries:
        return None
    heads = tag("tr", tag("th", "tensor"), tag("th", "least", class_="number"), tag("th", "greatest", class_="number"))
    rows = [
        tag("tr", tag("td", name, class_="mono"), *(tag("td", f"{end:.6g}", class_="number") for end in ends))
        for name, ends in list(entries.items())[:MOST_RANGES]
    ]
    table = tag("table", tag("thead", heads), tag("tbody", *rows))
    left_out = len(entries) - MOST_RANGES
    more = tag("p", f"{left_out} more are in report.json.", class_="help") if left_out > 0 else None
    scrolled = tag("div", table, class_="scroll", tabindex="0", role="region", aria_label="Calibrated ranges")
    return tag("details", tag("summary", count(len(entries), "tensor")), tag("div", scrolled, more, class_="card"))
