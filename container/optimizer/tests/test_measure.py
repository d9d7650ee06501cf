import time

import pytest

from optimizer.measure import LEAST_PAIRS, MOST_PAIRS, WARM_UP_RUNS, compare_speed, measure_latency


def busy(seconds: float) -> None:
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass


def test_twice_the_work_is_half_the_speed() -> None:
    found = compare_speed(lambda _: busy(0.002), lambda _: busy(0.001), budget=0.3)
    assert found.speedup == pytest.approx(2, rel=0.15)
    assert found.reference.p50 / found.candidate.p50 == pytest.approx(2, rel=0.15)
    assert found.reference.p50 <= found.reference.p95


def test_both_see_the_same_samples_the_same_number_of_times() -> None:
    seen: tuple[list[int], list[int]] = ([], [])
    compare_speed(seen[0].append, seen[1].append, budget=0.05)
    assert seen[0] == seen[1]
    assert LEAST_PAIRS + WARM_UP_RUNS <= len(seen[0]) <= MOST_PAIRS + WARM_UP_RUNS


def test_a_slow_model_is_still_timed_often_enough() -> None:
    runs: list[int] = []
    assert measure_latency(lambda index: (runs.append(index), busy(0.001)), budget=0).p50 > 0
    assert len(runs) == LEAST_PAIRS + WARM_UP_RUNS
