"""Optimizer bench: the results as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

GOALS = {"resnet50": 2.5, "mobilenet-v2": 1.5, "bert-base": 1.9, "vit-b16": 1.9}
"""Speed-up on a processor with VNNI, least."""
BUDGET_SECONDS, BUDGET_BYTES = 240, 4 * 2**30
NOTE = """\
Speed is fp32's latency divided by the contestant's, batch 1, all files in one process in turn: medians over the rounds,
95 % intervals by paired bootstrap in brackets. Slower: the interval ends below 0.98. Answers are judged by Slipway's
gate on samples nobody calibrated with. Models that are not trained have random weights: their signal to noise means
something, their accuracy would not. The sweep times and judges every single recipe of ONNX Runtime's quantizer: static
and dynamic, operators, types, weights per channel or tensor, 7 or 8 bits, three calibrations."""


def markdown(result: Mapping[str, Any]) -> str:
    parts = [f"# {result['title']}", "", NOTE, "", f"Again with `{result['command']}`.", ""]
    for name, held in result["hosts"].items():
        parts += host(name, held)
    return "\n".join(parts)


def host(name: str, held: Mapping[str, Any]) -> list[str]:
    facts, models = held["host"], held["models"]
    where = f"{facts['cpu']}, {facts['processors']} processors, {', '.join(facts['features']) or 'no vector features'}"
    dates = sorted({row["date"] for row in models if "date" in row})
    tools = f"ONNX Runtime {facts['onnxruntime']}, {' to '.join(dict.fromkeys([*dates[:1], *dates[-1:]]))}"
    quick = (
        ["", "A quick run: few rounds and samples, a smaller grid."] if any(row.get("quick") for row in models) else []
    )
    parts = [
        f"## {name}",
        "",
        f"{where}; {tools}; load before {facts['loadBefore']}.",
        *quick,
        "",
        *goals(name, models),
    ]
    for row in models:
        parts += ["", f"### {row['model']}: {row['title']}", ""]
        parts += [f"Failed: {row['failed']}."] if "failed" in row else model(row)
    return [*parts, ""]


def goals(name: str, models: Sequence[Mapping[str, Any]]) -> list[str]:
    lines = [
        [
            "model",
            "threads",
            "Slipway",
            "goal",
            "against the best of the sweep",
            "reaches 0.95",
            "as fast and as right as fp32",
        ]
    ]
    for row, table in measured(models):
        ours = contestant(table, "Slipway")
        goal = GOALS.get(row["model"])
        against = table["slipwayAgainstSweep"]
        lines.append([
            row["model"],
            str(table["threads"]),
            speed(ours),
            "-" if goal is None else f"≥ {goal}x: {yes(value(ours) >= goal)}" if name == "x86-64-vnni" else "for VNNI",
            ratio(against) if against else "-",
            yes(against["reaches"]) if against else "-",
            yes("speedup" in ours and not ours["slower"] and not ours["worse"] and ours["accepted"]),
        ])  # fmt: skip
    return [*grid(lines), "", *budget(models)]


def budget(models: Sequence[Mapping[str, Any]]) -> list[str]:
    found = [
        f"Optimizing `{row['model']}` ({row['bytes'] / 1e6:.0f} MB, {took['samples']} samples, {took['processors']} "
        f"processors): {took['seconds']:.0f} s, {took['peakBytes'] / 2**30:.1f} GB at most; the goal of "
        f"{BUDGET_SECONDS} s and 4 GB is "
        + ("reached." if took["seconds"] <= BUDGET_SECONDS and took["peakBytes"] <= BUDGET_BYTES else "missed.")
        for row, table in measured(models)
        if row["model"] == "resnet50" and (took := table["optimizing"])["samples"] >= 200 and took["processors"] == 2
    ]
    return found[:1]


def model(row: Mapping[str, Any]) -> list[str]:
    labels = f", accuracy {share(row['accuracy'])}" if row["accuracy"] is not None else ""
    parts = [f"fp32: {row['bytes'] / 1e6:.2f} MB{labels}; {row['judged']} samples judge."]
    for table in row["threads"]:
        lines = [["", "form", "speed", "size", "SQNR dB", "agreement", "accuracy", ""]]
        lines += [line(entry, table) for entry in table["contestants"]]
        grown = table["sweep"]
        parts += [
            "",
            f"{table['threads']} thread{'s' if table['threads'] > 1 else ''}: fp32 {table['fp32Ms']:.3g} ms, "
            f"{table['rounds']} rounds; sweep of {grown['recipes']} recipes, "
            f"{grown['judged']} of them fast enough to judge"
            + ("." if grown["best"] else "; none passed, so fp32 is the best."),
            "",
            *grid(lines),
        ]
    return parts


def line(entry: Mapping[str, Any], table: Mapping[str, Any]) -> list[str]:
    form = table["sweep"]["best"] if entry["name"] == "best of sweep" else entry["note"]
    if "speedup" not in entry:
        return [entry["name"], "-", "-", "-", "-", "-", "-", cell(f"no model: {entry['note']}")]
    remarks = [
        *(["**slower than fp32**"] if entry["slower"] else []),
        *([f"**broken**: {'; '.join(entry['reasons'])}"] if not entry["accepted"] else []),
        *(["accuracy is lost"] if entry["worse"] else []),
    ]
    if entry["name"] not in ("Slipway", "best of sweep") and entry["note"]:
        remarks, form = [*remarks, entry["note"]], ""
    return [
        entry["name"],
        cell(form or "defaults"),
        speed(entry),
        f"{entry['bytes'] / 1e6:.2f} MB",
        "-" if entry["sqnrDb"] is None else f"{entry['sqnrDb']:.1f}",
        share(entry["agreement"]),
        share(entry["accuracy"]),
        cell("; ".join(remarks)),
    ]


def measured(models: Sequence[Mapping[str, Any]]) -> Iterable[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    return ((row, table) for row in models if "threads" in row for table in row["threads"])


def contestant(table: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    return next(entry for entry in table["contestants"] if entry["name"] == name)


def value(entry: Mapping[str, Any]) -> float:
    return entry["speedup"]["value"] if "speedup" in entry else 0.0


def speed(entry: Mapping[str, Any]) -> str:
    return f"{ratio(entry['speedup'])}" if "speedup" in entry else "no model"


def ratio(found: Mapping[str, float]) -> str:
    return f"{found['value']:.2f}x ({found['low']:.2f} to {found['high']:.2f})"


def share(part: float | None) -> str:
    return "-" if part is None else f"{100 * part:.1f} %"


def yes(answer: bool) -> str:
    return "yes" if answer else "**no**"


def cell(text: str) -> str:
    return text.replace("|", "/").replace("\n", " ")


def grid(lines: Sequence[Sequence[str]]) -> list[str]:
    header, *rest = lines
    return [f"| {' | '.join(entry)} |" for entry in [header, ["---"] * len(header), *rest]]
