"""The report of a run in the terminal, and as Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from optimizer.views.markdown import inline, section, table
from optimizer.views.markup import plain
from run_report.rows import drift_rows, rows, title

MARKS = {"good": "✓", "bad": "✗", "note": "·"}


def text(run: Mapping[str, Any]) -> str:
    """Findings first, then the figures."""
    figures = run["figures"]
    lines = [title(run), ""]
    for finding in run["findings"]:
        lines.append(f"  {MARKS[finding['state']]} {finding['words']}")
        if finding["next"]:
            lines.append(f"    {finding['next']}")
    lines += ["", *_aligned(rows(figures))]
    watched = drift_rows(figures)
    if watched:
        lines += ["", *_aligned(watched)]
    return "\n".join(" ".join(plain(line).splitlines()) for line in lines) + "\n"


def _aligned(found: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(plain(cell)) for cell in column) for column in zip(*found, strict=True)]
    return [
        "  " + "  ".join(plain(cell).ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in found
    ]


def markdown(run: Mapping[str, Any]) -> str:
    """The same as Markdown (GitHub's)."""
    figures = run["figures"]
    parts = [f"## {inline(title(run))}", bullets(run["findings"])]
    parts.append(
        section("Figures", table(["", ""], [[inline(cell) for cell in pair] for pair in rows(figures)], [False, True]))
    )
    watched = drift_rows(figures)
    if watched:
        heads, *lines = ([inline(cell) for cell in line] for line in watched)
        parts.append(section("Drift", table(heads, lines, [False, *[True] * (len(heads) - 1)])))
    return "\n\n".join(part for part in parts if part) + "\n"


def bullets(found: Sequence[Mapping[str, Any]]) -> str:
    """A line for each finding, with what to do next."""
    return "\n".join(
        f"- {MARKS[finding['state']]} {inline(finding['words'])}"
        + (f" *{inline(finding['next'])}*" if finding["next"] else "")
        for finding in found
    )
