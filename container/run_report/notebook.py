"""The report of a run as a notebook, executed here: it reads Prometheus or what was kept of it, draws, and tells."""

from __future__ import annotations

import ast
import inspect
import json
from collections.abc import Mapping
from pathlib import Path
from pprint import pformat
from types import ModuleType
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from optimizer import words
from optimizer.errors import UserError
from optimizer.views.markdown import inline
from run_report import cells, drift, figures, findings, reading
from run_report.rows import title
from watch import distances

SECONDS = 300
"""For one cell, most."""
CARRIED: tuple[ModuleType, ...] = (words, distances, reading, drift, figures, findings)
"""Modules whose text the notebook holds, in the order in which they need each other."""
OURS = ("__future__", "optimizer", "run_report", "watch")
HIDDEN = {"jupyter": {"source_hidden": True}, "tags": ["hide-input"]}


def carried() -> str:
    """The modules as one text: without what they import of each other, which stands above them there."""
    parts, imports = [], set()
    for module in CARRIED:
        source = inspect.getsource(module)
        _, *body = ast.parse(source).body
        asked = [node for node in body if isinstance(node, ast.Import | ast.ImportFrom)]
        foreign = (node for node in asked if not (isinstance(node, ast.ImportFrom) and ours(node.module)))
        imports.update(ast.unparse(node) for node in foreign)
        first = next(node for node in body if node not in asked)
        lines = source.splitlines()[first.lineno - 1 :]
        parts.append("\n".join([f"# {(module.__doc__ or '').splitlines()[0]}", "", *lines]).rstrip())
    return "\n".join(["from __future__ import annotations", "", *sorted(imports)]) + "\n\n" + "\n\n\n".join(parts)


def ours(module: str | None) -> bool:
    return (module or "").partition(".")[0] in OURS


def notebook(run: Mapping[str, Any], data: str) -> nbformat.NotebookNode:
    """Not executed yet. `data`: the name of the file beside it that keeps what was read."""
    made = new_notebook(metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}})
    intro = cells.INTRO.format(data=inline(data), prometheus=inline(run["request"]["prometheus"]))
    made.cells = [
        new_markdown_cell(f"# {inline(title(run))}\n\n{intro}"),
        new_markdown_cell("## What is asked of Prometheus"),
        new_code_cell(f"request = {pformat(dict(run['request']), width=118, sort_dicts=False)}", metadata=HIDDEN),
        new_markdown_cell("## How figures and findings are made of the answers"),
        new_code_cell(carried(), metadata=HIDDEN),
        new_markdown_cell("## Reading"),
        new_code_cell(cells.READ.format(data=json.dumps(data)).strip()),
    ]
    for heading, code in cells.parts(run):
        made.cells += [new_markdown_cell(f"## {heading}"), new_code_cell(code.strip())]
    for number, cell in enumerate(made.cells):
        # By default they are drawn by lot, and every notebook would differ.
        cell["id"] = f"cell-{number}"
    return made


def executed(run: Mapping[str, Any], folder: Path, data: str) -> str:
    """The notebook with its outputs, as it is written to a file. Runs in `folder`, where `data` is.

    Raises UserError when a cell fails.
    """
    made = notebook(run, data)
    client = NotebookClient(made, timeout=SECONDS, kernel_name="python3", resources={"metadata": {"path": str(folder)}})
    try:
        client.execute()
    except CellExecutionError as error:
        raise UserError(f"A cell of the notebook failed: {error.ename}: {error.evalue}.") from None
    return nbformat.writes(made) + "\n"
