import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from optimizer.accuracy import judge_accuracy, judge_metric
from optimizer.metric import Measured
from optimizer.recipe import Gate, from_document
from optimizer.tests.models import recipe

RULE = from_document(recipe()).gate
SEED = 0


def right(count: int, *wrong: int) -> np.ndarray:
    answers = np.ones(count, dtype=bool)
    answers[list(wrong)] = False
    return answers


def rule(direction: str = "higher", max_drop: float = 0.01) -> Gate:
    return from_document(recipe(gate={"metric": {"function": "f1", "direction": direction, "maxDrop": max_drop}})).gate


def each(values: np.ndarray | list[float]) -> Measured:
    row = np.asarray(values, dtype=np.float64)
    return Measured(float(row.mean()), row)


def test_equal_answers_on_enough_samples_pass() -> None:
    found = judge_accuracy(right(1000, 1, 2, 3), right(1000, 1, 2, 3), RULE)
    assert (found.value, found.drop, found.error_ratio, found.decided) == (0.997, 0.0, 1.0, "pass")


def test_one_wrong_answer_more_on_few_samples_is_inconclusive() -> None:
    found = judge_accuracy(right(46), right(46, 7), RULE)
    assert found.decided == "inconclusive"
    assert found.drop == pytest.approx(1 / 46)
    assert found.error_ratio is None


def test_a_clear_loss_fails_with_both_numbers() -> None:
    found = judge_accuracy(right(1000), right(1000, *range(50)), RULE)
    assert found.decided == "fail"
    assert found.reasons == ("label accuracy 95 % is 5 % below fp32's 100 %, at most 1 % is allowed",)


def test_three_times_the_errors_fail_although_accuracy_falls_by_less_than_the_bound() -> None:
    # 99.5 % to 98.7 %: a relative loss of 0.8 %, on so many samples that it is certain.
    found = judge_accuracy(right(20_000, *range(100)), right(20_000, *range(260)), RULE)
    assert found.decided == "fail"
    assert found.drop == pytest.approx(160 / 19_900)
    assert found.reasons == ("2.6x fp32's errors is above 1.5x",)


def test_a_better_candidate_passes_with_a_negative_drop() -> None:
    found = judge_accuracy(right(500, 1, 2, 3, 4), right(500, 1), RULE)
    assert found.decided == "pass"
    assert found.drop == pytest.approx(-3 / 496)


@pytest.mark.parametrize(
    ("direction", "fp32", "value", "drop", "decided"),
    [
        ("higher", 0.9, 0.891, 0.01, "pass"),  # Exactly the bound.
        ("higher", 0.9, 0.89, 0.0111, "fail"),
        ("higher", 0.9, 0.95, -0.0556, "pass"),
        ("lower", 2.0, 2.02, 0.01, "pass"),
        ("lower", 2.0, 2.1, 0.05, "fail"),
        ("lower", 2.0, 1.5, -0.25, "pass"),
        ("higher", -2.0, -2.1, 0.05, "fail"),  # A log likelihood.
        ("higher", 0.0, -0.1, 1.0, "fail"),
        ("lower", 0.0, 0.0, 0.0, "pass"),
    ],
)
def test_a_single_number_is_held_against_the_bound_in_its_direction(
    direction: str, fp32: float, value: float, drop: float, decided: str
) -> None:
    found = judge_metric(Measured(fp32, None), Measured(value, None), rule(direction), SEED)
    assert (found.name, found.value, found.decided) == ("f1", value, decided)
    assert found.drop == pytest.approx(drop, abs=1e-4)


def test_a_metric_that_fails_says_both_numbers() -> None:
    found = judge_metric(Measured(0.9, None), Measured(0.8, None), rule(), SEED)
    assert found.reasons == ("f1 0.8 is 11.1 % worse than fp32's 0.9, at most 1 % is allowed",)


def test_a_number_for_each_sample_gives_an_interval() -> None:
    fp32 = np.random.default_rng(1).uniform(0.4, 0.6, 400)
    noise = np.random.default_rng(2).normal(0, 0.002, 400)
    assert judge_metric(each(fp32), each(fp32 + noise), rule(), SEED).decided == "pass"
    assert judge_metric(each(fp32), each(fp32 - 0.03 + noise), rule(), SEED).decided == "fail"
    # The loss is on the bound: no number of this size can tell.
    assert judge_metric(each(fp32), each(fp32 - 0.005 + noise), rule(), SEED).decided == "inconclusive"


def test_few_samples_are_inconclusive_even_when_nothing_differs() -> None:
    values = [0.5, 0.7, 0.9]
    assert judge_metric(each(values), each(values), rule(), SEED).decided == "inconclusive"


def test_right_and_wrong_by_the_users_metric_is_judged_as_labels_are() -> None:
    fp32, got = right(1000, 1, 2), right(1000, *range(60))
    found, labels = judge_metric(each(fp32), each(got), rule(), SEED), judge_accuracy(fp32, got, RULE)
    assert (found.decided, labels.decided) == ("fail", "fail")
    assert judge_metric(each(right(46)), each(right(46, 7)), rule(), SEED).decided == "inconclusive"
    # As errors, which are to be few: the same answers, the same verdict.
    assert judge_metric(each(~fp32), each(~got), rule("lower", 10), SEED).decided == "fail"


@given(hnp.arrays(np.float64, 40, elements=st.floats(0.1, 10)), st.integers(0, 9))
def test_the_order_of_the_samples_changes_nothing(values: np.ndarray, seed: int) -> None:
    other = values * np.random.default_rng(7).uniform(0.9, 1.1, 40)
    order = np.random.default_rng(seed).permutation(40)
    one = judge_metric(each(values), each(other), rule(), SEED)
    again = judge_metric(each(values[order]), each(other[order]), rule(), SEED)
    assert (one.decided, one.drop) == (again.decided, pytest.approx(again.drop, abs=1e-12))


@pytest.mark.parametrize("scale", [(0, 100), (-1, 1)])
def test_two_values_are_counted_whatever_they_are(scale: tuple[int, int]) -> None:
    low, high = scale
    fp32, got = right(25) * (high - low) + low, right(25) * (high - low) + low
    assert judge_metric(each(fp32), each(got), rule(), SEED).decided == "inconclusive"


def test_what_no_sample_of_a_coarse_metric_shows_is_rare_and_not_absent() -> None:
    grades = np.tile([0.0, 0.5, 1.0], 10)
    assert judge_metric(each(grades), each(grades), rule(), SEED).decided == "inconclusive"
    many = np.tile([0.5, 0.75, 1.0], 400)
    assert judge_metric(each(many), each(many), rule(), SEED).decided == "pass"
