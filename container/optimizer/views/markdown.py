"""Views of the report: report.md, for a pull request."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ..words import decibels
from .facts import Pairs, candidate_facts, groups
from .findings import columns
from .markup import plain
from .page import lead

MOST_NODES = 24
SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~$@&!])")


def inline(value: object) -> str:
    """Text on one line in which nothing is taken for Markdown, a mention or HTML."""
    return SPECIAL.sub(lambda found: f"&#{ord(found[1])};", " ".join(plain(value).split()))


def markdown(report: Mapping[str, Any], build: Mapping[str, Any] | None) -> str:
    """The report as Markdown (GitHub's). Both documents have to follow their schemas."""
    parts = [
        f"## {inline(report['model']['name'])}: {inline(report['verdict'])}",
        inline(lead(report)),
        bullets([f"⚠ {warning}" for warning in report["warnings"]]),
        tried(report),
        sensitivity(report["sensitivity"]),
        section("Notes", bullets(report["notes"])),
        *(folded(group.title, pairs_table(group.pairs)) for group in groups(report, build)),
        folded("Candidates in detail", details(report["candidates"])),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def bullets(lines: Sequence[str]) -> str:
    return "\n".join(f"- {inline(line)}" for line in lines)


def section(title: str, body: str) -> str:
    return f"### {title}\n\n{body}" if body else ""


def folded(title: str, body: str) -> str:
    return f"<details><summary>{title}</summary>\n\n{body}\n\n</details>" if body else ""


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[bool]) -> str:
    ruler = ["---:" if aligned else "---" for aligned in right]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [heads, ruler, *rows])


def tried(report: Mapping[str, Any]) -> str:
    if not report["candidates"]:
        return ""
    found = columns(report)
    rows = [[inline(column.cells[index]) for column in found] for index in range(len(found[0].cells))]
    return table([inline(column.title) for column in found], rows, [column.figures for column in found])


def sensitivity(nodes: Sequence[Mapping[str, Any]]) -> str:
    rows = [
        [inline(node["node"]), inline(node["op"]), decibels(node["sqnrDb"]), "yes" if node["excluded"] else ""]
        for node in nodes[:MOST_NODES]
    ]
    if not rows:
        return ""
    more = f"\n\n{len(nodes) - MOST_NODES} more are in report.json." if len(nodes) > MOST_NODES else ""
    heads = ["node", "operator", "signal to noise", "left in fp32"]
    return section("Sensitivity by node", table(heads, rows, [False, False, True, False]) + more)


def pairs_table(pairs: Pairs) -> str:
    return table(["", ""], [[inline(name), inline(value)] for name, value in pairs], [False, False])


def details(candidates: Sequence[Mapping[str, Any]]) -> str:
    return "\n\n".join(f"**{inline(entry['name'])}**\n\n{pairs_table(candidate_facts(entry))}" for entry in candidates)
