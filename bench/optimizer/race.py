"""Optimizer bench: times files side by side in one process, and says how sure a ratio is.

Every round runs each file once on the same sample; the order turns from round to round, so that whatever slows the
machine for a while slows all alike. Ratios are taken within rounds.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

RESAMPLES = 2000
LEAST_SECONDS = 2e-3
"""One timing lasts at least this long: runs that are shorter are repeated within it."""


@dataclass(frozen=True)
class Ratio:
    """A median over rounds and its 95 % interval by paired bootstrap."""

    value: float
    low: float
    high: float

    def document(self) -> dict[str, float]:
        return {"value": round(self.value, 4), "low": round(self.low, 4), "high": round(self.high, 4)}


def race(
    runs: Mapping[str, Callable[[int], object]], *, seconds: float, least: int = 15, most: int = 600
) -> dict[str, np.ndarray]:
    """Seconds of one run, an array of rounds for each name. Takes about `seconds`, and at least `least` rounds."""
    names = list(runs)
    repeats = {name: repeats_of(run) for name, run in runs.items()}
    times: dict[str, list[float]] = {name: [] for name in names}
    end = time.perf_counter() + seconds
    rounds = 0
    while rounds < least or (rounds < most and time.perf_counter() < end):
        turn = rounds % len(names)
        order = names[turn:] + names[:turn]
        # Every other lap backwards: else each file would always follow the same one and find its cache.
        for name in order if rounds // len(names) % 2 == 0 else reversed(order):
            times[name].append(one_timing(runs[name], rounds, repeats[name]))
        rounds += 1
    return {name: np.array(values) for name, values in times.items()}


def repeats_of(run: Callable[[int], object]) -> int:
    run(0)
    taken = one_timing(run, 1, 1)
    if taken < 10 * LEAST_SECONDS:
        taken = min(one_timing(run, index, 1) for index in range(3))
    return max(1, int(np.ceil(LEAST_SECONDS / max(taken, 1e-7))))


def one_timing(run: Callable[[int], object], index: int, repeats: int) -> float:
    start = time.perf_counter()
    for _ in range(repeats):
        run(index)
    return (time.perf_counter() - start) / repeats


def ratio(above: np.ndarray, below: np.ndarray, seed: int = 0) -> Ratio:
    """How many times as long `above` takes as `below`: the median of the rounds' ratios, and its interval.

    Both are [rounds], or [sessions, rounds]: sessions are then resampled too, since how fast a session is depends a
    little on where its memory and its threads happened to come to lie.
    """
    ratios = np.atleast_2d(above / below)
    sessions, rounds = ratios.shape
    random = np.random.default_rng(seed)
    drawn = ratios[random.integers(0, sessions, (RESAMPLES, sessions))]
    columns = random.integers(0, rounds, drawn.shape)
    medians = np.median(np.take_along_axis(drawn, columns, axis=2), axis=(1, 2))
    low, high = np.percentile(medians, [2.5, 97.5])
    return Ratio(float(np.median(ratios)), float(low), float(high))


def feeds(inputs: Mapping[str, np.ndarray], rows: Sequence[int]) -> list[dict[str, np.ndarray]]:
    """Samples cut out beforehand, each with its first axis kept."""
    return [{name: np.ascontiguousarray(values[row : row + 1]) for name, values in inputs.items()} for row in rows]
