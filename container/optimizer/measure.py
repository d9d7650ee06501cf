"""How long a run takes: two models in turn in one process, so that a busy machine slows both alike."""

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
    return Comparison(
        reference=latency(pairs[:, 0]),
        candidate=latency(pairs[:, 1]),
        speedup=float(np.median(pairs[:, 0] / pairs[:, 1])),
    )


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
