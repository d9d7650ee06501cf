"""Stage 8, report: how answers and inputs are spread on the samples, for the server to count in the same bins."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from watch.bins import Bins, text_of
from watch.figures import figures

from .bake import Baked
from .fidelity import class_scores, is_float
from .onnx_file import Tensor
from .samples import Samples
from .session import Answers
from .tasks import Task, names_top_class

MOST_BINS = 10
MOST_CATEGORIES = 20
SAMPLES_PER_BIN = 17
"""With n observations, m samples and B bins, PSI without any drift stays below chi2(B - 1, 99 %) * (1/n + 1/m) in 99 of
100. From n = 500 on that is at most 0.2, the usual limit, with 17 samples for each bin, for 3 to 20 bins."""
FEWEST_BINS = 3
FEWEST_IN_BIN = 5
"""Samples; below it a chi-square says little of a bin."""
FEWEST_SAMPLES = FEWEST_BINS * SAMPLES_PER_BIN
MOST_WATCHED = {"input": 32, "output": 16}
"""Figures of one side; each costs up to 42 series of metrics."""
MOST_COLUMNS = 32
"""Of a table whose columns are watched one by one and not by their mean."""
WIDE_TABLE = 256
"""Columns beyond which numbers are no table but one thing, such as a picture or a vector."""
AT_A_TIME = 64
"""Samples."""
MOST_LETTERS = 64
"""Of a category's name."""
STILL = 1e-4
"""Figures that vary by less, relative to their size, vary by rounding alone."""


@dataclass(frozen=True)
class Wanted:
    """A figure of one tensor, see `watch.figures`."""

    side: str
    tensor: str
    statistic: str
    column: int | None = None


def drift(baked: Baked) -> dict[str, Any]:
    """The part of report.json that the server counts by.

    Answers are those of the form that is served, on the evaluation samples: what the server will see.
    """
    decided = baked.repaired.decided
    referenced = decided.tried.referenced
    admitted = referenced.normalized.admitted
    answers = decided.winner.trial.answers if decided.winner else referenced.answers
    assert answers is not None
    return reference(admitted.samples, answers, referenced.task, admitted.model.inputs)


def reference(samples: Samples, answers: Answers, task: Task, inputs: Sequence[Tensor]) -> dict[str, Any]:
    """Bins and counts of everything that is watched; none, and the reason, without samples or with too few."""
    reason = why_none(samples)
    count = 0 if samples.made_up else len(samples.evaluation)
    if reason is not None:
        return {"samples": count, "reason": reason, "watched": [], "notes": []}
    notes: list[str] = []
    wanted = [*fitting(list(of_outputs(answers, task)), notes), *fitting(list(of_inputs(samples, inputs)), notes)]
    watched = [
        binned(
            entry,
            answered(answers[entry.tensor])
            if entry.side == "output"
            else given(samples.inputs[entry.tensor], samples.evaluation),
        )
        for entry in wanted
    ]
    return {"samples": count, "reason": None, "watched": watched, "notes": notes}


def why_none(samples: Samples) -> str | None:
    if samples.made_up:
        return "The inputs were made up, so nothing tells how real ones are spread. Give samples with --data."
    count = len(samples.evaluation)
    if count >= FEWEST_SAMPLES:
        return None
    return (
        f"{count} samples judge, and it is told from {FEWEST_SAMPLES} on: with fewer, chance alone would look like "
        "drift. Give 80 samples or more."
    )


def fitting(wanted: Sequence[Wanted], notes: list[str]) -> Sequence[Wanted]:
    """As many as may be watched; a note tells what is left out."""
    if not wanted:
        return wanted
    side, most = wanted[0].side, MOST_WATCHED[wanted[0].side]
    for name in dict.fromkeys(entry.tensor for entry in wanted[most:]):
        given = sum(entry.tensor == name for entry in wanted)
        kept = sum(entry.tensor == name for entry in wanted[:most])
        notes.append(f"Of {side} '{name}', {kept} of {given} figures are watched for drift: {most} of all {side}s are.")
    return wanted[:most]


# What is watched.


def of_outputs(answers: Answers, task: Task) -> Iterator[Wanted]:
    """Of class scores the top class and its probability, of words and whole numbers themselves, else of the numbers."""
    scores = class_scores(answers) if task.name == "classification" else None
    scored = next((name for name, values in answers.items() if is_float(values)), None) if scores is not None else None
    tops = None if scores is None else scores.argmax(axis=1)
    named = False
    for name, values in answers.items():
        if not is_float(values):
            named = named or (tops is not None and names_top_class(values, tops))
            yield from of_words(name, values)
    for name, values in answers.items():
        if name == scored:
            yield from [] if named else [Wanted("output", name, "class")]
            yield Wanted("output", name, "confidence")
        elif is_float(values):
            yield from of_numbers(name, values)


def of_words(name: str, values: Sequence[np.ndarray]) -> Iterator[Wanted]:
    if all(value.size == 1 for value in values):
        yield Wanted("output", name, "class")
    else:
        yield Wanted("output", name, "length" if values[0].dtype.kind == "U" else "mean")


def of_numbers(name: str, values: Sequence[np.ndarray]) -> Iterator[Wanted]:
    shapes = {value.shape for value in values}
    width = values[0].size
    if len(shapes) > 1:
        kinds = ["size", "mean", "deviation"]
    elif width == 1:
        kinds = ["value"]
    elif width <= FEWEST_IN_BIN and values[0].ndim <= 2:
        yield from (Wanted("output", name, "value", column) for column in range(width))
        return
    else:
        kinds = ["norm" if values[0].ndim <= 2 else "deviation", "mean"]
    yield from (Wanted("output", name, kind) for kind in kinds)


def of_inputs(samples: Samples, inputs: Sequence[Tensor]) -> Iterator[Wanted]:
    """What sums an input up, for all inputs, and then columns of wide tables, as far as there is room."""
    columns: list[Wanted] = []
    for entry in inputs:
        values = samples.inputs[entry.name]
        width = values[0].size
        table = values.ndim <= 2 and all(isinstance(size, int) for size in entry.shape[1:])
        each = [Wanted("input", entry.name, "value", column if width > 1 else None) for column in range(width)]
        if values.dtype.kind == "U" or (values.ndim == 2 and values.dtype.kind in "iu" and not table):
            yield Wanted("input", entry.name, "length")
        elif table and width <= MOST_COLUMNS:
            yield from each
        elif values.ndim == 2 and values.dtype.kind in "iu":
            yield Wanted("input", entry.name, "length")
        else:
            yield Wanted("input", entry.name, "mean")
            yield Wanted("input", entry.name, "deviation")
            columns += each if table and width <= WIDE_TABLE else []
    yield from columns


# How it is spread.


def binned(wanted: Wanted, values: Iterable[np.ndarray]) -> dict[str, Any]:
    """One entry of `watched`. `values`: blocks of rows, of one width each."""
    found = np.concatenate([figures(wanted.statistic, block, wanted.column) for block in values])
    ordered = wanted.statistic != "class"
    edges = cuts(found) if ordered else None
    categories = None if ordered else usual(found)
    return {
        "side": wanted.side,
        "tensor": wanted.tensor,
        "column": wanted.column,
        "statistic": wanted.statistic,
        "edges": edges,
        "categories": categories,
        "counts": Bins(edges, categories).count(found).tolist(),
    }


def given(values: np.ndarray, rows: np.ndarray) -> Iterator[np.ndarray]:
    """The samples at `rows`, some at a time: all of them may be large."""
    for first in range(0, len(rows), AT_A_TIME):
        block = values[rows[first : first + AT_A_TIME]]
        yield block.reshape(len(block), -1)


def answered(values: Sequence[np.ndarray]) -> Iterator[np.ndarray]:
    """Answers in order, some at a time, each as one row whatever its first axis."""
    kept: list[np.ndarray] = []
    for value in values:
        row = value.reshape(1, -1)
        if kept and (len(kept) == AT_A_TIME or row.shape != kept[0].shape):
            yield np.concatenate(kept)
            kept = []
        kept.append(row)
    yield np.concatenate(kept)


def usual(found: np.ndarray) -> list[str]:
    """Categories with enough samples, the most frequent first, at most one for each SAMPLES_PER_BIN samples."""
    names, counts = np.unique(found, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    frequent = [(text_of(names[place].item()), int(counts[place])) for place in order]
    most = min(MOST_CATEGORIES, len(found) // SAMPLES_PER_BIN)
    kept = [
        name
        for name, count in frequent
        if count >= FEWEST_IN_BIN and len(name) <= MOST_LETTERS and name.isprintable() and name != "other"
    ]
    return kept[:most]


def cuts(found: np.ndarray) -> list[float]:
    """Edges that cut the samples into as equal parts as can be, each between two figures that differ.

    Figures that are all the same leave one bin in the middle, and one on either side for what never was.
    """
    numbers = found[np.isfinite(found)].astype(np.float64)
    if not len(numbers):
        return []
    values, counts = np.unique(numbers, return_counts=True)
    reach = float(np.abs(values).max())
    if values[-1] - values[0] <= STILL * reach:
        margin = STILL * reach or STILL
        return [brief(values[0] - margin, values[0]), brief(values[-1], values[-1] + margin)]
    below = np.cumsum(counts)[:-1]
    bins = min(MOST_BINS, len(numbers) // SAMPLES_PER_BIN)
    chosen: list[int] = []
    for part in range(1, bins):
        place = int(np.abs(below - part * len(numbers) / bins).argmin())
        start = below[chosen[-1]] if chosen else 0
        if below[place] - start >= FEWEST_IN_BIN and len(numbers) - below[place] >= FEWEST_IN_BIN:
            chosen.append(place)
    return [brief(values[place], values[place + 1]) for place in chosen]


def brief(low: float, high: float) -> float:
    """The shortest number from `low` on and below `high`, the middle where it can be."""
    middle = low / 2 + high / 2
    for places in range(1, 18):
        rounded = float(f"{middle:.{places}g}")
        if low <= rounded < high:
            return rounded
    return float(low)
