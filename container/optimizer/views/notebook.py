"""Views of the report: report.ipynb, which reads report.json and the TensorBoard events beside it; executed here."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from ..errors import UserError
from .markdown import inline

SECONDS = 300
"""For one cell, most."""

READ = """
import json
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

report = json.loads(Path("report.json").read_text(encoding="utf-8"))
candidates = pd.json_normalize(report["candidates"])
candidates["status"] = [
    "served" if name == report["winner"]["name"] else status
    for name, status in zip(candidates.get("name", []), candidates.get("status", []))
]
print(report["verdict"])
"""

TABLE = """
columns = {
    "name": "candidate",
    "status": "status",
    "speedup": "speed, times fp32",
    "latencyMs.p50": "p50, ms",
    "latencyMs.p95": "p95, ms",
    "fidelity.agreement": "agreement",
    "fidelity.sqnrDb": "SQNR, dB",
    "accuracy.value": "accuracy",
    "metric.value": "metric",
    "bytes": "bytes",
}
candidates.reindex(columns=list(columns)).rename(columns=columns).dropna(axis="columns", how="all")
"""

REASONS = """
pd.DataFrame(
    [(entry["name"], reason) for entry in report["candidates"] for reason in entry["reasons"] + entry["warnings"]],
    columns=["candidate", "why"],
)
"""

SPEED = """
colours = {"served": "tab:green", "passed": "tab:blue", "rejected": "tab:red"}
measured = candidates.reindex(columns=["name", "status", "speedup", "fidelity.sqnrDb"]).dropna()
figure, axes = plt.subplots(figsize=(7, 4))
for status, group in measured.groupby("status"):
    axes.scatter(group["speedup"], group["fidelity.sqnrDb"], label=status, color=colours.get(status, "tab:gray"))
for _, row in measured.iterrows():
    place = (row["speedup"], row["fidelity.sqnrDb"])
    axes.annotate(row["name"], place, xytext=(4, 4), textcoords="offset points", fontsize=8)
gate = report["recipe"].get("gate", {})
if "minSpeedup" in gate:
    axes.axvline(gate["minSpeedup"], color="gray", linestyle="--")
if "minSqnrDb" in gate:
    axes.axhline(gate["minSqnrDb"], color="gray", linestyle="--")
axes.set(xlabel="speed, times fp32", ylabel="signal to noise, dB", title="Dashed: the gate's bounds")
if len(measured):
    axes.legend()
plt.show()
"""

LATENCY = """
latency = {"fp32": report["reference"]["latencyMs"]}
latency.update((entry["name"], entry["latencyMs"]) for entry in report["candidates"] if entry["latencyMs"])
pd.DataFrame(latency).T.iloc[::-1].plot.barh(figsize=(7, 0.6 * len(latency) + 1.2), title="Latency at batch 1")
plt.xlabel("milliseconds")
plt.show()
"""

SIZES = """
sizes = {"fp32": report["reference"]["bytes"]}
sizes.update((entry["name"], entry["bytes"]) for entry in report["candidates"] if entry["bytes"] is not None)
(pd.Series(sizes).iloc[::-1] / 1000).plot.barh(figsize=(7, 0.4 * len(sizes) + 1.2), title="Size of the file")
plt.xlabel("KB")
plt.show()
"""

EVENTS = """
rows = []
for folder in sorted({path.parent for path in Path("tensorboard").rglob("events.out.tfevents.*")}):
    run = EventAccumulator(str(folder), size_guidance={"scalars": 0})
    run.Reload()
    for tag in run.Tags()["scalars"]:
        for event in run.Scalars(tag):
            rows.append((folder.relative_to("tensorboard").as_posix(), tag, event.step, event.value))
events = pd.DataFrame(rows, columns=["run", "tag", "step", "value"])
events[events["step"] == 0].pivot_table(index="tag", columns="run", values="value")
"""

SENSITIVITY = """
nodes = pd.DataFrame(report["sensitivity"]).head(24).iloc[::-1]
colours = ["tab:red" if excluded else "tab:blue" for excluded in nodes["excluded"]]
nodes.plot.barh(x="node", y="sqnrDb", legend=False, color=colours, figsize=(7, 0.3 * len(nodes) + 1.2))
plt.title("Nodes that hurt most at the top")
plt.xlabel("signal to noise with the node quantized, dB; red: left in fp32")
plt.show()
"""

WEIGHTS = """
shown = report["tensors"][:9]
figure, grid = plt.subplots((len(shown) + 2) // 3, 3, figsize=(9, 2.2 * ((len(shown) + 2) // 3)), squeeze=False)
for axes, tensor in zip(grid.flat, shown):
    axes.stairs(tensor["counts"], tensor["edges"], fill=True)
    axes.set_title(f"{tensor['name'][-28:]}, {tensor['sqnrDb']:.1f} dB", fontsize=8)
    axes.tick_params(labelsize=7)
for axes in grid.flat[len(shown):]:
    axes.axis("off")
figure.suptitle("Weights in fp32, and the signal to noise of their new form")
figure.tight_layout()
plt.show()
"""

CONVERGENCE = """
settled = pd.DataFrame(report["convergence"])
settled["width"] *= 100
settled.plot(x="samples", y="width", marker="o", legend=False, figsize=(7, 3))
plt.title("How the calibrated ranges settled")
plt.xlabel("samples seen")
plt.ylabel("mean width, % of the final one")
plt.show()
"""


def cells(report: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Heading and code of each part that the report has figures for."""
    tried = bool(report["candidates"])
    every = [
        ("", READ, True),
        ("What was tried", TABLE, tried),
        ("Why not", REASONS, tried),
        ("Speed and likeness to fp32", SPEED, tried),
        ("Latency", LATENCY, True),
        ("Size", SIZES, True),
        ("Sensitivity by node", SENSITIVITY, bool(report["sensitivity"])),
        ("Weights", WEIGHTS, bool(report["tensors"])),
        ("Calibration", CONVERGENCE, bool(report["convergence"])),
        ("Figures of the TensorBoard runs", EVENTS, True),
    ]
    return [(heading, code.strip()) for heading, code, shown in every if shown]


def notebook(report: Mapping[str, Any]) -> nbformat.NotebookNode:
    """Not executed yet."""
    made = new_notebook(metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}})
    title = f"# {inline(report['model']['name'])}: {inline(report['verdict'])}"
    intro = f"{title}\n\nRead from `report.json` and `tensorboard/` beside this notebook."
    made.cells.append(new_markdown_cell(intro))
    for heading, code in cells(report):
        if heading:
            made.cells.append(new_markdown_cell(f"## {heading}"))
        made.cells.append(new_code_cell(code))
    for number, cell in enumerate(made.cells):
        # By default they are drawn by lot, and every notebook would differ.
        cell["id"] = f"cell-{number}"
    return made


def executed(report: Mapping[str, Any], folder: Path) -> str:
    """The notebook with its outputs, as it is written to a file. Runs in `folder`, which holds report.json.

    Raises UserError when a cell fails.
    """
    made = notebook(report)
    client = NotebookClient(made, timeout=SECONDS, kernel_name="python3", resources={"metadata": {"path": str(folder)}})
    try:
        client.execute()
    except CellExecutionError as error:
        raise UserError(f"A cell of the notebook failed: {error.ename}: {error.evalue}.") from None
    return nbformat.writes(made) + "\n"
