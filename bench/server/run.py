"""Our server beside its peers, in interleaved rounds on one machine.

`python bench/server/run.py --out bench/results/server.json [--quick]` writes the JSON and a Markdown table beside it.
Every round measures every contestant of a scenario once, in turn, and gives one ratio; medians and the range over the
rounds are reported. Load generator and servers share the machine's processors.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import contestants
import load
import watched
import workload
from contestants import Contestant, Running

TITLE = "The server beside its peers"


@dataclass(frozen=True)
class Scenario:
    """Contestants that get the same requests; the first is ours, and its rate is divided by each of the others'."""

    name: str
    title: str
    connections: int
    binary: bool
    contestants: tuple[Contestant, ...]
    goals: dict[str, float]
    note: str


def scenarios(processors: int) -> tuple[Scenario, ...]:
    every = f"{processors} workers"
    return (
        Scenario(
            "mlp-json",
            "MLP 64-256-256-10, 16 connections, Open Inference Protocol in JSON",
            16,
            False,
            (
                contestants.slipway("slipway", "mlp"),
                contestants.fastapi("FastAPI, async def, 1 worker", "mlp", 1),
                contestants.fastapi(f"FastAPI, async def, {every}", "mlp", processors),
                contestants.litserve(f"LitServe, {every}", "mlp", processors),
            ),
            {"FastAPI, async def, 1 worker": 5, f"LitServe, {every}": 15},
            "All contestants parse, check and answer the same JSON. wrk has one thread.",
        ),
        Scenario(
            "mlp-metrics",
            "The same MLP and requests, with metrics and with nothing counted",
            16,
            False,
            (
                contestants.slipway("slipway", "mlp"),
                contestants.uncounted("slipway, nothing counted", "mlp"),
            ),
            {"slipway, nothing counted": 0.97},
            "Stages, answers, batches: every histogram and counter of a request. Nobody reads them meanwhile.",
        ),
        Scenario(
            "mlp-drift",
            "The same MLP and requests, with what is watched for drift and without",
            16,
            False,
            (
                contestants.slipway("slipway, drift counted", "mlp", serving="watched"),
                contestants.slipway("slipway, drift off", "mlp", serving="unwatched"),
            ),
            {"slipway, drift off": 0.97},
            "32 figures of the 64 inputs and two of the scores are counted, from a report of 1000 samples.",
        ),
        Scenario(
            "cnn-binary",
            "CNN 3x224x224, 8 connections, binary tensors of 602 KB",
            8,
            True,
            (
                contestants.slipway("slipway", "cnn"),
                contestants.bare(f"bare ONNX Runtime, {processors} threads", "cnn", processors),
            ),
            {f"bare ONNX Runtime, {processors} threads": 0.95},
            "The bare threads never pause; each finished run answers one request of a sink that throws its bodies "
            "away, so both see the same bodies at their own rate.",
        ),
        Scenario(
            "cnn-json",
            "The same CNN and tensor as JSON (1.6 MB), 8 connections",
            8,
            False,
            (
                contestants.slipway("slipway", "cnn"),
                contestants.slipway("slipway on one core", "cnn", ("taskset", "-c", "0")),
            ),
            {"slipway on one core": 1.5},
            "wrk takes its share of the same processors: with every core in use it competes with the server, while the "
            "server on one core leaves the others to it. The ratio is therefore a lower bound.",
        ),
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("bench/results/server.json"))
    parser.add_argument("--quick", action="store_true", help="one round of a second each: shows that it works")
    parser.add_argument("--only", metavar="NAME", help="one scenario, such as mlp-drift")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=4)
    given = parser.parse_args()
    if shutil.which("wrk") is None:
        print("The load generator wrk is missing. Install it: apt-get install wrk", file=sys.stderr)
        return 1
    rounds, seconds = (1, 1.0) if given.quick else (given.rounds, given.seconds)
    before = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="slipway-bench-") as name:
        folder = Path(name)
        workload.write(folder)
        watched.write(folder)
        alone = {model: workload.milliseconds(folder, model) for model in workload.SHAPES}
        chosen = [entry for entry in scenarios(_processors()) if given.only in (None, entry.name)]
        rows = [row for scenario in chosen for row in measure(scenario, folder, rounds, seconds)]
    result = {
        "title": TITLE,
        "command": "npm run bench -- server",
        "date": datetime.now(UTC).date().isoformat(),
        "machine": {
            "cpu": _cpu(),
            "processors": _processors(),
            "load": round(before, 2),
            "python": sys.version.split()[0],
        },
        "note": (
            f"{rounds} interleaved rounds of {seconds:g} s. One run alone: MLP {alone['mlp'] * 1e3:.0f} us, "
            f"CNN {alone['cnn']:.1f} ms. Ratios are ours divided by theirs, per round; medians, range in brackets."
        ),
        "rows": rows,
    }
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(result, indent=2) + "\n")
    text = markdown(result)
    given.out.with_suffix(".md").write_text(text)
    print(text)
    return 0


def measure(scenario: Scenario, folder: Path, rounds: int, seconds: float) -> list[dict[str, Any]]:
    """One row per contestant: rates of all rounds, and the ratio to ours in each."""
    model = scenario.contestants[0].model
    headers = {"Content-Type": "application/json"}
    body = workload.json_body(model)
    first_body, first_headers = body, dict(headers)
    if scenario.binary:
        body, head = workload.binary_body(model)
        headers = {"Content-Type": "application/octet-stream", "Inference-Header-Content-Length": str(head)}
    script = load.write(folder, scenario.name, body, headers)
    started: list[Running] = []
    rates: dict[str, list[float]] = {entry.name: [] for entry in scenario.contestants}
    try:
        for contestant in scenario.contestants:
            started.append(Running(contestant, folder, first_body, first_headers))
        for turn in range(rounds):
            for running in started if turn % 2 == 0 else reversed(started):
                rates[running.contestant.name].append(_rate(running, script, scenario.connections, seconds))
            print(f"{scenario.name}: round {turn + 1} of {rounds}", file=sys.stderr, flush=True)
    finally:
        for running in started:
            running.end()
    ours = rates[scenario.contestants[0].name]
    rows = []
    for contestant in scenario.contestants:
        theirs = rates[contestant.name]
        ratios = [mine / other for mine, other in zip(ours, theirs, strict=True)]
        rows.append(
            {
                "scenario": scenario.title,
                "note": scenario.note,
                "contestant": contestant.name,
                "requestsPerSecond": _summary(theirs),
                "ours": None if theirs is ours else _summary(ratios),
                "goal": scenario.goals.get(contestant.name),
            }
        )
    return rows


def _rate(running: Running, script: Path, connections: int, seconds: float) -> float:
    url = f"http://127.0.0.1:{running.port}{running.contestant.route}"
    running.resume()
    try:
        load.requests_per_second(url, script, connections, min(1.0, seconds))
        return load.requests_per_second(url, script, connections, seconds)
    finally:
        running.pause()
        time.sleep(0.1)


def _summary(values: list[float]) -> dict[str, Any]:
    return {
        "median": round(statistics.median(values), 3),
        "min": round(min(values), 3),
        "max": round(max(values), 3),
        "rounds": [round(value, 3) for value in values],
    }


def markdown(result: dict[str, Any]) -> str:
    """The table for people."""
    machine = result["machine"]
    lines = [f"# {result['title']}", "", result["note"], ""]
    last = None
    for row in result["rows"]:
        if row["scenario"] != last:
            last = row["scenario"]
            lines += [f"## {last}", "", row["note"], ""]
            lines += ["| server | requests/s | ours divided by it | goal |", "| --- | --- | --- | --- |"]
        rate, ratio = row["requestsPerSecond"], row["ours"]
        shown = f"{ratio['median']:.2f} [{ratio['min']:.2f}, {ratio['max']:.2f}]" if ratio else ""
        goal = f">= {row['goal']:g}" if row["goal"] else ""
        rates = f"{rate['median']:,.0f} [{rate['min']:,.0f}, {rate['max']:,.0f}]"
        lines.append(f"| {row['contestant']} | {rates} | {shown} | {goal} |")
        if row is result["rows"][-1] or result["rows"][result["rows"].index(row) + 1]["scenario"] != last:
            lines.append("")
    where = f"{machine['cpu']}, {machine['processors']} processors, Python {machine['python']}, {result['date']}, "
    lines += [where + f"load average before {machine['load']}. Again with `{result['command']}`.", ""]
    return "\n".join(lines)


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


if __name__ == "__main__":
    sys.exit(main())
