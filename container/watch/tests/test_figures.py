"""Figures: what each is of a row, and that a row's figure is its own, whatever batch it came in."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from watch.bins import Bins
from watch.figures import FIGURES, MOST_VALUES, figures, rows_of, spread

BLOCKS = arrays.arrays(
    np.float32,
    st.tuples(st.integers(1, 5), st.integers(1, 7)),
    elements=st.floats(-1e6, 1e6, width=32),
)


@pytest.mark.parametrize(
    ("name", "row", "expected"),
    [
        ("value", [3, 9], 3),
        ("norm", [3, 4], 5),
        ("mean", [1, 2, 6], 3),
        ("deviation", [1, 3], 1),
        ("length", [101, 7, 0, 0], 2),
        ("size", [1, 2, 3], 3),
        ("class", [0.1, 0.7, 0.2], 1),
        ("confidence", [0.1, 0.7, 0.2], 0.7),
        ("confidence", [0, np.log(3)], 0.75),
        ("confidence", [1000, -1000], 1),
    ],
)
def test_a_figure_of_a_row(name: str, row: list[float], expected: float) -> None:
    assert figures(name, np.array([row], np.float32)) == pytest.approx(expected, rel=1e-6)


@given(BLOCKS)
def test_rows_in_a_batch_have_the_figures_they_have_alone(block: np.ndarray) -> None:
    for name in FIGURES:
        together = figures(name, block)
        alone = np.concatenate([figures(name, block[row : row + 1]) for row in range(len(block))])
        np.testing.assert_allclose(together, alone, rtol=1e-12)


def test_words_have_the_length_of_their_letters_and_are_their_own_class() -> None:
    words = np.array([["ab", ""], ["héé", "x"]])
    for block in (words, words.astype(object)):
        assert figures("length", block).tolist() == [2, 4]
        assert figures("class", block).tolist() == ["ab", "héé"]


def test_one_column_is_looked_at_alone() -> None:
    block = np.arange(6).reshape(2, 3)
    assert figures("value", block, 2).tolist() == [2, 5]
    assert figures("class", block, None).tolist() == [0, 3]


@pytest.mark.parametrize("name", ["norm", "mean", "deviation", "confidence", "value"])
def test_what_is_no_number_has_no_figure(name: str) -> None:
    assert np.isnan(figures(name, np.array([[np.nan, 1]], np.float32)))


def test_rows_without_a_value_have_no_figure_but_their_size() -> None:
    expected = {"length": 0, "size": 0, "class": -1}
    for name in FIGURES:
        found = figures(name, np.empty((2, 0), np.float32))
        np.testing.assert_array_equal(found, [expected.get(name, np.nan)] * 2)
        assert Bins([0.5], None).count(found).sum() == Bins(None, ["1"]).count(np.array([-1, 1])).sum() == 2
    assert np.isnan(figures("value", np.empty((1, 3), np.float32), 5))


@pytest.mark.parametrize("shape", [(3, 224, 224), (224, 224, 3), (64, 64, 3), (1025,), (4096,), (1, 128, 768)])
def test_of_wide_rows_values_are_taken_evenly_from_every_channel(shape: tuple[int, ...]) -> None:
    block = np.arange(np.prod(shape), dtype=np.int64).reshape(1, -1)
    taken = spread(block)[0]
    assert MOST_VALUES // 2 <= len(taken) <= MOST_VALUES
    assert len(set(np.diff(taken).tolist())) == 1
    for axis, size in enumerate(shape):
        met = np.unravel_index(taken, shape)[axis]
        assert len(set(met.tolist())) >= min(size, len(taken) // 4)


def test_rows_are_told_apart_only_where_there_is_one_for_each() -> None:
    assert rows_of(np.zeros((4, 2, 3)), 4).shape == (4, 6)  # type: ignore[union-attr]
    assert rows_of(np.zeros(4), 4).shape == (4, 1)  # type: ignore[union-attr]
    assert rows_of(np.zeros((7, 5)), 4) is None
    assert rows_of(np.zeros((7, 5)), 1).shape == (1, 35)  # type: ignore[union-attr]
    assert rows_of(np.float32(3), 1).shape == (1, 1)  # type: ignore[union-attr]
