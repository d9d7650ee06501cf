import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizer.measure import (
    LEAST_PAIRS,
    MOST_PAIRS,
    WARM_UP_RUNS,
    compare_speed,
    measure_latency,
    median_interval,
)


def busy(seconds: float) -> None:
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass


def test_twice_the_work_is_half_the_speed() -> None:
    found = compare_speed(lambda _: busy(0.002), lambda _: busy(0.001), budget=0.3)
    assert found.speedup == pytest.approx(2, rel=0.15)
    assert found.reference.p50 <= found.reference.p95
    assert found.interval[0] <= found.speedup <= found.interval[1]


def test_both_see_the_same_samples_the_same_number_of_times() -> None:
    seen: tuple[list[int], list[int]] = ([], [])
    compare_speed(seen[0].append, seen[1].append, budget=0.05)
    assert seen[0] == seen[1]
    assert LEAST_PAIRS + WARM_UP_RUNS <= len(seen[0]) <= MOST_PAIRS + WARM_UP_RUNS


def test_a_slow_model_is_still_timed_often_enough() -> None:
    runs: list[int] = []
    assert measure_latency(lambda index: (runs.append(index), busy(0.001)), budget=0).p50 > 0
    assert len(runs) == LEAST_PAIRS + WARM_UP_RUNS


@pytest.mark.parametrize(
    ("count", "first"),
    # The rank of the lower bound, counted from 1, as in tables of the sign test at 5 %.
    [(5, 1), (6, 1), (9, 2), (15, 4), (20, 6), (25, 8), (50, 18), (100, 40)],
)
def test_the_interval_of_a_median_is_that_of_the_sign_test(count: int, first: int) -> None:
    values = np.random.default_rng(0).permutation(count) + 1.0
    assert median_interval(values) == (first, count + 1 - first)


@given(st.lists(st.floats(0.1, 10), min_size=1, max_size=1200))
def test_the_interval_holds_the_median(values: list[float]) -> None:
    low, high = median_interval(np.array(values))
    assert min(values) <= low <= np.median(values) <= high <= max(values)


def test_the_interval_covers_the_true_median_about_19_times_of_20() -> None:
    random = np.random.default_rng(1)
    for count, trials in ((15, 2000), (400, 1000), (2000, 500)):
        intervals = [median_interval(random.lognormal(size=count)) for _ in range(trials)]
        assert 0.93 < np.mean([low <= 1 <= high for low, high in intervals]) < 0.99
