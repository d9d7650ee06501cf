import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from optimizer.fidelity import CEILING_DB, ShapesDifferError, compare, sqnr_db


def rows(*values: list[float]) -> list[np.ndarray]:
    return [np.array([value], np.float32) for value in values]


anything = hnp.arrays(np.float32, (5, 3), elements=st.floats(width=32))
ordinary = hnp.arrays(np.float32, (5, 3), elements=st.floats(-1e6, 1e6, width=32))


def samples(values: np.ndarray) -> list[np.ndarray]:
    return [row[None] for row in values]


def test_figures_are_those_worked_out_by_hand() -> None:
    reference = {"y": rows([3, 4], [0, 1])}
    got = {"y": rows([4, 3], [0, 1])}
    # Signal 9 + 16 + 1, noise 1 + 1; cosine 24 / 25 and 1.
    found = compare(reference, got)
    assert (found.agreement, found.max_abs_error, found.non_finite) == (None, 1.0, 0)
    assert found.sqnr_db == pytest.approx(10 * np.log10(26 / 2))
    assert (found.cosine_min, found.cosine_mean) == (pytest.approx(0.96), pytest.approx(0.98))


def test_the_worst_output_counts() -> None:
    reference = {"a": rows([1, 0], [1, 0]), "b": rows([10, 0], [10, 0])}
    got = {"a": rows([1, 0], [1, 0]), "b": rows([9, 0], [9, 0])}
    assert compare(reference, got).sqnr_db == pytest.approx(20)


@given(ordinary)
def test_the_same_answers_are_perfect(values: np.ndarray) -> None:
    answers = {"y": samples(values)}
    found = compare(answers, answers)
    assert (found.sqnr_db, found.max_abs_error, found.non_finite) == (CEILING_DB, 0.0, 0)
    assert (found.cosine_min, found.cosine_mean) == (pytest.approx(1), pytest.approx(1))


@given(hnp.arrays(np.float64, (4, 3), elements=st.floats(0.5, 100)), st.sampled_from([0.1, 0.01, 0.001]))
def test_relative_noise_gives_its_decibels(values: np.ndarray, noise: float) -> None:
    assert sqnr_db(samples(values), samples(values * (1 + noise))) == pytest.approx(-20 * np.log10(noise), abs=1e-6)


@given(anything, anything)
def test_every_figure_is_a_number_whatever_the_answers(expected: np.ndarray, values: np.ndarray) -> None:
    found = compare({"y": samples(expected)}, {"y": samples(values)})
    assert -CEILING_DB <= found.sqnr_db <= CEILING_DB
    assert -1 <= found.cosine_min <= found.cosine_mean + 1e-12 <= 1 + 2e-12
    assert np.isfinite(found.max_abs_error)
    assert found.non_finite == np.count_nonzero(np.isfinite(expected) & ~np.isfinite(values))


def test_new_nan_is_counted_and_old_nan_is_not() -> None:
    found = compare({"y": rows([np.nan, 1, 2])}, {"y": rows([np.nan, np.nan, 2])})
    assert (found.non_finite, found.sqnr_db, found.cosine_min) == (1, -CEILING_DB, -1.0)


def test_other_shapes_are_told_by_output_and_count() -> None:
    with pytest.raises(ShapesDifferError, match="output 'boxes' has another shape than fp32's for 1 of 2 samples"):
        compare({"boxes": rows([1, 2], [1, 2])}, {"boxes": rows([1, 2], [1, 2, 3])})


def test_a_constant_answers_nothing_of_what_differs_between_samples() -> None:
    kelvin = [np.array([[288 + 10 * np.sin(row)]]) for row in range(40)]
    mean = [np.full((1, 1), float(np.mean(kelvin)))] * 40
    found = compare({"y": kelvin}, {"y": mean})
    assert found.sqnr_db > 28 and found.variation_db == pytest.approx(0, abs=0.01)
    close = compare({"y": kelvin}, {"y": [value + 0.01 for value in kelvin]})
    assert close.variation_db == pytest.approx(57, abs=1)


def test_answers_that_hardly_vary_and_few_samples_have_no_variation() -> None:
    same = [np.full((1, 3), 5.0)] * 40
    assert compare({"y": same}, {"y": [value + 0.1 for value in same]}).variation_db == CEILING_DB
    few = [np.array([[float(row)]]) for row in range(5)]
    assert compare({"y": few}, {"y": [value * 0 for value in few]}).variation_db == CEILING_DB
