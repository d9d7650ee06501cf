"""How long a run takes: two models in turn in one process, so that a busy machine slows both alike."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

WARM_UP_RUNS = 5
LEAST_PAIRS = 15
MOST_PAIRS = 4000
BUDGET_SECONDS = 2.0
"""After the least number of pairs, timing ends when this is used up."""


@dataclass(frozen=True)
class Latency:
    """Milliseconds of one run at batch 1."""

    p50: float
    p95: float


@dataclass(frozen=True)
class Comparison:
    reference: Latency
    candidate: Latency
    speedup: float
    """Median over pairs of the reference's time divided by the candidate's."""
    interval: tuple[float, float] = (0.0, math.inf)
    """95 % interval of that median; everything where it is not known."""


def timed(run: Callable[[int], object], index: int) -> float:
    """Seconds of one run."""
    start = time.perf_counter()
    run(index)
    return time.perf_counter() - start


def compare_speed(
    reference: Callable[[int], object], candidate: Callable[[int], object], budget: float = BUDGET_SECONDS
) -> Comparison:
    """Time both in pairs, each pair on the same sample, the order changing from pair to pair."""
    for index in range(WARM_UP_RUNS):
        reference(index)
        candidate(index)
    times: list[tuple[float, float]] = []
    end = time.perf_counter() + budget
    while len(times) < LEAST_PAIRS or (len(times) < MOST_PAIRS and time.perf_counter() < end):
        index = len(times)
        if index % 2:
            second = timed(candidate, index)
            times.append((timed(reference, index), second))
        else:
            times.append((timed(reference, index), timed(candidate, index)))
    pairs = np.maximum(np.array(times), 1e-9)
    ratios = pairs[:, 0] / pairs[:, 1]
    return Comparison(
        reference=latency(pairs[:, 0]),
        candidate=latency(pairs[:, 1]),
        speedup=float(np.median(ratios)),
        interval=median_interval(ratios),
    )


def median_interval(values: np.ndarray) -> tuple[float, float]:
    """95 % interval of the median from the order of the values alone, whatever their distribution.

    The k-th smallest and the k-th largest, k from the binomial distribution; the extremes below 6 values.
    """
    ordered = np.sort(values)
    count = len(ordered)
    rank, tail, term = 0, 0.0, 0.5**count if count < 1000 else 0.0
    if count >= 1000:
        rank = int((count - 1.96 * math.sqrt(count)) / 2)
    else:
        while (tail := tail + term) <= 0.025:
            rank += 1
            term *= (count - rank + 1) / rank
    low = max(rank, 1) - 1
    return float(ordered[low]), float(ordered[count - 1 - low])


def measure_latency(run: Callable[[int], object], budget: float = BUDGET_SECONDS / 2) -> Latency:
    """Time one model alone."""
    for index in range(WARM_UP_RUNS):
        run(index)
    times: list[float] = []
    end = time.perf_counter() + budget
    while len(times) < LEAST_PAIRS or (len(times) < MOST_PAIRS and time.perf_counter() < end):
        times.append(timed(run, len(times)))
    return latency(np.array(times))


def latency(seconds: np.ndarray) -> Latency:
    p50, p95 = np.maximum(np.percentile(seconds, [50, 95]) * 1000, 1e-6)
    return Latency(float(p50), float(p95))
