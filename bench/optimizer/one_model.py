"""Optimizer bench: everything about one model: all contestants make their files, then all files run side by side."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from contestants import Made, peer_files, runtime_defaults, slipway
from models import Model, Prepared
from race import Ratio, feeds, race, ratio
from sweep import Found, Sweep, run_of
from verdict import Judge, Verdict, judge_of

from optimizer.recipe import from_document
from optimizer.samples import split
from optimizer.session import brief

CALIBRATED = 20
JUDGED = 24
"""Samples of a network with random weights that all but Slipway calibrate with, and that judge."""
FAR_BEHIND = 1.5
"""Files slower than fp32 by this in a first short race do not run in the long one."""
SMALL_SECONDS = 0.02
SESSIONS = 5
SLOWER = 0.98
"""Slower is what lies below with its whole interval: even two copies of one file differ by a percent."""
SWEEP = "best of sweep"
ALWAYS = ("fp32", "Slipway", SWEEP)
"""They run in the long race in any case."""
BUDGET_PROCESSORS = 2


@dataclass(frozen=True)
class Task:
    """One model to bench. `folder` holds its files and, where peers ran, theirs."""

    model: Model
    prepared: Prepared
    recipe: Mapping[str, Any]
    threads: Sequence[int]
    folder: Path
    quick: bool
    absent: Mapping[str, str]
    """By peer: why there is no file where there is none."""


def rows_of(model: Model, prepared: Prepared, seed: int, quick: bool) -> tuple[np.ndarray, np.ndarray]:
    """Calibration and judging rows, those that Slipway splits too; the first of them where weights are random."""
    count = len(next(iter(prepared.inputs.values())))
    calibration, judging, _ = split(count, prepared.classes is not None, seed)
    if model.trained:
        return calibration, judging
    return calibration[: CALIBRATED // (2 if quick else 1)], judging[: JUDGED // (2 if quick else 1)]


def bench(task: Task) -> dict[str, Any]:
    """The row of one model."""
    model, prepared, folder = task.model, task.prepared, task.folder
    recipe = from_document(task.recipe)
    calibration, judging = rows_of(model, prepared, recipe.seed, task.quick)
    say(task, "fp32 answers")
    judge = judge_of(
        prepared.model, prepared.inputs, judging, prepared.classes, recipe.task, recipe.family, recipe.gate
    )
    others = runtime_defaults(prepared, calibration, folder)
    others += [made for peer, absent in task.absent.items() for made in peer_files(peer, folder, absent)]
    sweep = Sweep(prepared.model, folder, judge, calibration, lambda line: say(task, line), task.quick)
    verdicts: dict[Path, Verdict] = {}
    tables = [at(task, threads, others, sweep, judge, verdicts) for threads in task.threads]
    return {
        "model": model.name,
        "title": model.title,
        "kind": model.kind,
        "trained": model.trained,
        "samples": len(next(iter(prepared.inputs.values()))),
        "bytes": prepared.model.stat().st_size,
        "accuracy": judge.accuracy,
        "judged": len(judging),
        "quick": task.quick,
        "threads": tables,
    }


def at(
    task: Task,
    threads: int,
    others: Sequence[Made],
    sweep: Sweep,
    judge: Judge,
    verdicts: dict[Path, Verdict],
) -> dict[str, Any]:
    """Everyone at one number of threads. `verdicts` keeps what does not depend on it."""
    processors = BUDGET_PROCESSORS if budgeted(task.model) and threads <= BUDGET_PROCESSORS else None
    say(task, f"Slipway, {threads} threads")
    ours = slipway(task.prepared, task.recipe, threads, task.folder, 300 if task.quick else 1200, processors)
    if ours.path is None:
        say(task, f"Slipway made no model: {ours.note}")
    best, counts = sweep.best(threads)
    finalists = [Made(f"{SWEEP} {number}", found.path, found.name) for number, found in enumerate(best)]
    made = [ours, *finalists, *others]
    say(task, f"side by side, {threads} threads")
    times, refused = side_by_side(task, judge, made, threads)
    long = max((entry.fp32 for entry in times.values()), key=np.size)
    rows = [row(entry, times, refused, judge, verdicts) for entry in made]
    chosen = fastest(finalists, times)
    kept = [entry for entry in rows if not entry["name"].startswith(SWEEP) or entry["name"] == chosen]
    against = None
    if ours.name in times:
        against = ratio(times[chosen].own if chosen else times[ours.name].fp32, times[ours.name].own)
    for entry in kept:
        if entry["name"] == chosen:
            entry["name"] = SWEEP
    return {
        "threads": threads,
        "fp32Ms": round(1000 * float(np.median(long)), 4),
        "rounds": int(long.size),
        "contestants": kept,
        "sweep": {**counts, "best": found_name(chosen, best)},
        "slipwayAgainstSweep": against and {**against.document(), "reaches": against.high >= 0.95},
        "optimizing": optimizing(ours, task),
    }


def budgeted(model: Model) -> bool:
    """Whether time and memory of optimizing it have a goal."""
    return model.name == "resnet50"


def found_name(chosen: str | None, best: Sequence[Found]) -> str | None:
    """None: no recipe of the grid passed, so fp32 is the best."""
    return None if chosen is None else best[int(chosen.split()[-1])].name


def fastest(finalists: Sequence[Made], times: Mapping[str, Timed]) -> str | None:
    timed = [entry.name for entry in finalists if entry.name in times]
    return max(timed, key=lambda name: times[name].speedup.value, default=None)


def optimizing(ours: Made, task: Task) -> dict[str, Any]:
    needed = ours.needed
    assert needed is not None
    return {
        "seconds": round(needed.seconds, 1),
        "peakBytes": needed.peak_bytes,
        "processors": needed.processors,
        "samples": len(next(iter(task.prepared.inputs.values()))),
        "verdict": ours.report and ours.report["verdict"],
        "reasons": {
            entry["name"]: entry["reasons"] for entry in (ours.report or {}).get("candidates", []) if entry["reasons"]
        },
    }


@dataclass(frozen=True)
class Timed:
    """Seconds of a file and of fp32 in the same rounds."""

    fp32: np.ndarray
    own: np.ndarray

    @property
    def speedup(self) -> Ratio:
        return ratio(self.fp32, self.own)


def side_by_side(
    task: Task, judge: Judge, made: Sequence[Made], threads: int
) -> tuple[dict[str, Timed], dict[str, str]]:
    """Times of everyone by name, and why some have none. Those far behind run in a short race only."""
    cuts = feeds(judge.inputs, judge.rows[:8])
    paths = {"fp32": task.prepared.model, **{entry.name: entry.path for entry in made if entry.path is not None}}
    runs, refused = opened(paths, threads, cuts)
    short = race(runs, seconds=0.5, least=6)
    near = [name for name in runs if name.startswith(ALWAYS) or short[name].min() < FAR_BEHIND * short["fp32"].min()]
    # Sessions of small models are opened anew a few times; those of large ones take too long, and vary less.
    sessions = SESSIONS if np.median(short["fp32"]) < SMALL_SECONDS else 1
    seconds, rounds = (5, 10) if task.quick else (15, 21)
    laps = []
    for lap in range(sessions):
        if lap:
            runs, _ = opened({name: paths[name] for name in near}, threads, cuts)
        laps.append(race({name: runs[name] for name in near}, seconds=seconds / sessions, least=rounds))
    shared = min(len(lap["fp32"]) for lap in laps)
    long = {name: np.stack([lap[name][:shared] for lap in laps]) for name in near}
    found = {name: Timed((source := long if name in long else short)["fp32"], source[name]) for name in short}
    del found["fp32"]
    return found, refused


def opened(
    paths: Mapping[str, Path], threads: int, cuts: Sequence[Mapping[str, np.ndarray]]
) -> tuple[dict[str, Callable[[int], object]], dict[str, str]]:
    """A session of each file, run once; and why some cannot be."""
    runs: dict[str, Callable[[int], object]] = {}
    refused: dict[str, str] = {}
    for name, path in paths.items():
        try:
            run = run_of(path, threads, cuts)
            run(0)
            runs[name] = run
        except Exception as error:
            refused[name] = f"cannot be run: {brief(error)}"
    return runs, refused


def row(
    made: Made,
    times: Mapping[str, Timed],
    refused: Mapping[str, str],
    judge: Judge,
    verdicts: dict[Path, Verdict],
) -> dict[str, Any]:
    """One contestant's figures."""
    if made.path is None or made.name in refused:
        return {"name": made.name, "made": made.path is not None, "note": refused.get(made.name, made.note)}
    if made.path not in verdicts:
        verdicts[made.path] = judge.of(made.path)
    speed = times[made.name].speedup
    return {
        "name": made.name,
        "made": True,
        "note": made.note,
        "speedup": speed.document(),
        "slower": speed.high < SLOWER,
        "bytes": made.path.stat().st_size,
        **verdicts[made.path].document(),
    }


def say(task: Task, line: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {task.model.name}: {line}", file=sys.stderr, flush=True)


def read_recipe(folder: Path, model: Model) -> Mapping[str, Any]:
    """Raises FileNotFoundError where recipes.mjs has not written it."""
    return json.loads((folder / f"{model.name}.json").read_text())


def for_other_machine(recipe: Mapping[str, Any], instruction_set: str) -> bool:
    """Whether the recipe was planned for machines unlike this one: speed would then not be judged."""
    return instruction_set not in recipe["target"]["instructionSets"]


def shortened(model: Model, quick: bool) -> Model:
    return replace(model, samples=min(model.samples, 32)) if quick and not model.trained else model
