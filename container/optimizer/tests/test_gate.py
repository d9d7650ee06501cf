from pathlib import Path

import numpy as np
import pytest

from optimizer.candidate import Result
from optimizer.candidates import Trial
from optimizer.fidelity import Fidelity
from optimizer.gate import Judged, answer_warnings, choose, judge_accuracy, judge_answers, judge_speed
from optimizer.measure import Comparison, Latency
from optimizer.recipe import Gate, candidate, from_document
from optimizer.tests.models import candidate as entry
from optimizer.tests.models import recipe

RULE = from_document(recipe()).gate
STRICT = from_document(recipe(gate={"strict": True})).gate


def right(count: int, *wrong: int) -> np.ndarray:
    answers = np.ones(count, dtype=bool)
    answers[list(wrong)] = False
    return answers


def fidelity(**changes: float) -> Fidelity:
    return Fidelity(**{
        "agreement": 1.0, "sqnr_db": 40.0, "cosine_min": 1.0, "cosine_mean": 1.0, "max_abs_error": 0.1, "non_finite": 0,
        **changes,
    })  # fmt: skip


def judged(name: str, speedup: float, size: int, status: str = "passed") -> Judged:
    race = Comparison(Latency(1, 1), Latency(1, 1), speedup)
    trial = Trial(candidate(entry(name)), Result(size, 3, (), race), None, None, Path(), 1.0, 1)
    return Judged(trial, status, (), (), None, None)


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


def test_labels_that_decide_overrule_closeness() -> None:
    passing = judge_accuracy(right(1000), right(1000), RULE)
    assert judge_answers(fidelity(agreement=0.9, sqnr_db=12.0), passing, RULE) == []


def test_outputs_that_labels_say_nothing_about_have_to_stay_close() -> None:
    passing = judge_accuracy(right(1000), right(1000), RULE)
    assert judge_answers(fidelity(sqnr_db=3.0), passing, RULE, fidelity(sqnr_db=3.0)) == [
        "the other outputs: signal to noise 3.0 dB is below 20 dB"
    ]
    assert judge_answers(fidelity(sqnr_db=3.0), passing, RULE, fidelity()) == []


def test_inconclusive_labels_leave_it_to_closeness_unless_the_gate_is_strict() -> None:
    unsure = judge_accuracy(right(46), right(46, 7), RULE)
    assert judge_answers(fidelity(), unsure, RULE) == []
    assert judge_answers(fidelity(agreement=0.978), unsure, RULE) == ["agreement 97.8 % is below 99 %"]
    assert judge_answers(fidelity(), unsure, STRICT) == ["the labels are too few to tell, and the gate is strict"]
    assert "inconclusive" in answer_warnings(fidelity(), unsure, RULE)[0]


def test_without_labels_every_reason_is_given() -> None:
    assert judge_answers(fidelity(agreement=0.98, sqnr_db=-2.4), None, RULE) == [
        "agreement 98 % is below 99 %",
        "signal to noise -2.4 dB is below 20 dB",
    ]


def test_the_bounds_themselves_pass() -> None:
    assert judge_answers(fidelity(agreement=0.99, sqnr_db=20.0), None, RULE) == []
    assert judge_speed(1.1, RULE) is None


def test_nan_is_refused_whatever_the_labels_say() -> None:
    passing = judge_accuracy(right(1000), right(1000), RULE)
    assert judge_answers(fidelity(non_finite=2), passing, RULE) == ["2 values are NaN or infinite where fp32's are not"]


def test_answers_without_classes_are_judged_by_noise_alone() -> None:
    assert judge_answers(fidelity(agreement=None), None, RULE) == []  # type: ignore[arg-type]


def test_noise_and_angle_below_their_marks_warn() -> None:
    assert answer_warnings(fidelity(sqnr_db=25.0, cosine_min=0.972), None, RULE) == [
        "signal to noise 25.0 dB is below 30 dB",
        "least cosine 0.9720 is below 0.999",
    ]


def test_too_little_speed_is_refused_with_both_numbers() -> None:
    assert judge_speed(1.049, RULE) == "1.04x is below 1.1x"


def test_the_fastest_wins() -> None:
    assert name(choose([judged("a", 2.0, 100), judged("b", 3.0, 900)], True)) == "b"


def test_within_three_percent_the_smaller_wins_and_then_the_earlier() -> None:
    assert name(choose([judged("a", 3.0, 900), judged("b", 2.95, 100), judged("c", 2.5, 10)], True)) == "b"
    assert name(choose([judged("a", 2.95, 100), judged("b", 3.0, 100)], True)) == "a"


def test_refused_candidates_cannot_win() -> None:
    assert name(choose([judged("a", 9.0, 1, "rejected"), judged("b", 1.2, 900)], True)) == "b"
    assert choose([judged("a", 9.0, 1, "failed")], True) is None


def test_where_speed_is_not_judged_the_recipes_order_decides() -> None:
    assert name(choose([judged("a", 0.5, 900), judged("b", 3.0, 100)], False)) == "a"


def test_recipe_fields_reach_the_rule() -> None:
    assert Gate(1.1, 0.01, 1.5, 0.99, 20, 30, 0.999, False) == RULE


def name(chosen: Judged | None) -> str | None:
    return chosen and chosen.trial.candidate.name
