import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizer.paired import Z95, loss_interval, mean_interval, score


@st.composite
def tables(draw: st.DrawFn) -> tuple[int, int, int]:
    count = draw(st.integers(1, 2000))
    lost = draw(st.integers(0, count))
    return lost, draw(st.integers(0, count - lost)), count


def test_without_disagreement_the_interval_is_as_wide_as_the_samples_demand() -> None:
    # Closed form: z^2 / (n + z^2).
    bound = Z95**2 / (400 + Z95**2)
    assert loss_interval(0, 0, 400) == pytest.approx((-bound, bound), abs=1e-9)


@pytest.mark.parametrize(("lost", "gained", "count"), [(0, 1, 44), (12, 2, 54), (5, 5, 80)])
def test_the_score_is_that_of_the_likeliest_rates(lost: int, gained: int, count: int) -> None:
    # By search instead of the closed form: the rate of gains that fits best when the loss is given.
    for loss in (-0.1, 0.02, 0.3):
        gains = np.linspace(max(0.0, -loss) + 1e-9, (1 - loss) / 2 - 1e-9, 200_001)
        fit = (
            lost * np.log(gains + loss) + gained * np.log(gains) + (count - lost - gained) * np.log1p(-2 * gains - loss)
        )
        best = gains[np.argmax(fit)]
        expected = (lost - gained - count * loss) / np.sqrt(count * (2 * best + loss - loss**2))
        assert score(loss, lost, gained, count) == pytest.approx(expected, abs=1e-3)


@given(tables())
def test_the_interval_holds_the_estimate_and_stays_in_range(table: tuple[int, int, int]) -> None:
    lost, gained, count = table
    low, high = loss_interval(lost, gained, count)
    assert -1 <= low <= (lost - gained) / count + 1e-9
    assert (lost - gained) / count - 1e-9 <= high <= 1


@given(tables())
def test_swapping_the_two_models_mirrors_the_interval(table: tuple[int, int, int]) -> None:
    lost, gained, count = table
    low, high = loss_interval(lost, gained, count)
    assert loss_interval(gained, lost, count) == pytest.approx((-high, -low), abs=1e-6)


@given(tables())
def test_the_ends_solve_the_score_equation(table: tuple[int, int, int]) -> None:
    lost, gained, count = table
    low, high = loss_interval(lost, gained, count)
    for end, wanted in ((low, Z95), (high, -Z95)):
        if -0.999 < end < 0.999:
            before, after = (score(end + step, lost, gained, count) for step in (-1e-7, 1e-7))
            assert after <= wanted + 1e-3 and before >= wanted - 1e-3


def test_95_of_100_intervals_hold_the_truth() -> None:
    random = np.random.default_rng(5)
    truth, count = 0.06 - 0.03, 150
    draws = random.multinomial(count, [0.06, 0.03, 0.91], size=2000)
    held = sum(low <= truth <= high for low, high in (loss_interval(int(a), int(b), count) for a, b, _ in draws))
    assert 0.93 <= held / 2000 <= 0.97


@pytest.mark.parametrize("table", [(1, 1, 1), (-1, 0, 5), (0, 0, 0)])
def test_impossible_counts_are_refused(table: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match=r"of .* samples"):
        loss_interval(*table)


def test_the_score_falls_from_infinity() -> None:
    assert score(-1.0, 3, 2, 10) == math.inf
    assert score(1.0, 3, 2, 10) == -math.inf


def test_a_bootstrap_interval_is_that_of_the_normal_distribution_where_there_are_many_samples() -> None:
    values = np.random.default_rng(5).normal(3, 2, 1500)
    low, high = mean_interval(values, 0)
    half = Z95 * values.std() / math.sqrt(1500)
    assert (low, high) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.1 * half)


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=30), st.integers(0, 9))
def test_a_bootstrap_interval_holds_the_mean_and_does_not_depend_on_the_order(values: list[float], seed: int) -> None:
    row = np.array(values)
    low, high = mean_interval(row, seed)
    assert min(values) - 1e-9 <= low <= high <= max(values) + 1e-9
    assert mean_interval(np.random.default_rng(seed).permutation(row), seed) == (low, high)


def test_a_bootstrap_interval_needs_numbers() -> None:
    for values in (np.array([]), np.array([1, np.nan])):
        with pytest.raises(ValueError, match="have to be numbers"):
            mean_interval(values, 0)
