"""Bins: every figure falls into exactly one, and no share is 0."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from watch.bins import Bins, ratios


def test_a_range_goes_up_to_its_edge_and_what_is_no_number_is_apart() -> None:
    bins = Bins([0, 2.5], None)
    assert bins.names == ("0", "1", "2", "nan")
    figures = np.array([-math.inf, -1, 0, 0.1, 2.5, 2.6, math.inf, math.nan])
    assert bins.count(figures).tolist() == [3, 2, 2, 1]
    assert bins.count(np.array([0, 2, 3])).tolist() == [1, 1, 1, 0]
    assert bins.count(np.array([True, False])).tolist() == [1, 1, 0, 0]


@pytest.mark.parametrize("figures", [np.array([3, 3, 12, 7]), np.array(["3", "3", "12", "x"], object)])
def test_categories_are_counted_by_name_and_all_others_together(figures: np.ndarray) -> None:
    bins = Bins(None, ["12", "3"])
    assert bins.names == ("12", "3", "other")
    assert bins.count(figures).tolist() == [1, 2, 1]


def test_yes_and_no_are_1_and_0() -> None:
    assert Bins(None, ["1", "0"]).count(np.array([True, False, True])).tolist() == [2, 1, 0]


@given(st.lists(st.floats(width=32)), st.lists(st.floats(allow_nan=False, width=32), max_size=9))
def test_each_figure_is_counted_once(figures: list[float], edges: list[float]) -> None:
    counts = Bins(sorted(edges), None).count(np.array(figures, np.float32))
    assert counts.sum() == len(figures)
    assert counts[-1] == sum(map(math.isnan, figures))


@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=21))
def test_shares_add_up_to_one_and_none_is_0(counts: list[int]) -> None:
    found = ratios(counts)
    assert sum(found) == pytest.approx(1)
    assert min(found) > 0
