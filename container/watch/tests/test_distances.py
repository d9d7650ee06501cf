"""Distances: known values, what no drift gives, and what chance gives."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from watch.bins import ratios
from watch.distances import chance, jensen_shannon, kolmogorov_smirnov, psi, smoothed

FOUR = [0.25, 0.25, 0.25, 0.25]
SEEN = [0.5, 0.25, 0.125, 0.125]


def test_known_distances() -> None:
    assert psi(SEEN, FOUR) == pytest.approx(0.3466, abs=5e-5)
    assert jensen_shannon(SEEN, FOUR) == pytest.approx(0.2475, abs=5e-5)
    # The last bin is for what is no number.
    assert kolmogorov_smirnov([400, 200, 100, 100, 0], [*FOUR, 0.0]) == pytest.approx(0.25)


def test_what_is_no_number_parts_the_distributions_too() -> None:
    assert kolmogorov_smirnov([40, 40, 20], [0.5, 0.5, 0.0]) == pytest.approx(0.2)


@given(st.lists(st.integers(0, 10_000), min_size=2, max_size=21))
def test_the_same_counts_are_no_distance_apart(counts: list[int]) -> None:
    shares = smoothed(counts)
    assert shares == pytest.approx(ratios(counts))
    assert psi(shares, shares) == pytest.approx(0, abs=1e-12)
    assert jensen_shannon(shares, shares) == pytest.approx(0, abs=1e-6)


@given(
    st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 10_000)), min_size=2, max_size=21),
)
def test_distances_are_within_their_bounds(pairs: list[tuple[int, int]]) -> None:
    seen, other = (smoothed(list(column)) for column in zip(*pairs, strict=True))
    assert psi(seen, other) >= -1e-12
    assert 0 <= jensen_shannon(seen, other) <= 1 + 1e-12


def test_one_bin_cannot_drift() -> None:
    assert chance(1000, 100, 1, 1) == 0.0


@pytest.mark.parametrize("rows", [500, 2000])
def test_chance_is_exceeded_about_once_in_a_hundred_windows(rows: int) -> None:
    rng = np.random.default_rng(7)
    bins, samples, trials = 10, 1000, 4000
    limit = chance(rows, samples, bins, 1)
    above = 0
    for _ in range(trials):
        seen, reference = (smoothed(rng.multinomial(n, [1 / bins] * bins).tolist()) for n in (rows, samples))
        above += psi(seen, reference) > limit
    assert 0.003 < above / trials < 0.02


def test_more_rows_and_fewer_figures_leave_less_to_chance() -> None:
    assert chance(500, 400, 10, 1) > chance(5000, 400, 10, 1)
    assert chance(500, 400, 10, 32) > chance(500, 400, 10, 1)
    assert math.isfinite(chance(1, 1, 21, 100))
