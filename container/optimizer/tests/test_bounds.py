import numpy as np

from optimizer.accuracy import OwnMetric, judge_accuracy
from optimizer.bounds import answer_warnings, judge_answers, judge_size, judge_speed
from optimizer.fidelity import Fidelity
from optimizer.measure import Comparison, Latency
from optimizer.recipe import Gate, from_document
from optimizer.tests.models import recipe

RULE = from_document(recipe()).gate
STRICT = from_document(recipe(gate={"strict": True})).gate
METRIC = from_document(recipe(gate={"metric": {"function": "f1", "direction": "higher", "maxDrop": 0.05}})).gate


def right(count: int, *wrong: int) -> np.ndarray:
    answers = np.ones(count, dtype=bool)
    answers[list(wrong)] = False
    return answers


PASSING = judge_accuracy(right(1000), right(1000), RULE)
UNSURE = judge_accuracy(right(46), right(46, 7), RULE)


def fidelity(
    agreement: float | None = 1.0,
    sqnr_db: float = 40.0,
    cosine_min: float = 1.0,
    non_finite: int = 0,
    variation_db: float = 40.0,
) -> Fidelity:
    return Fidelity(agreement, sqnr_db, cosine_min, 1.0, 0.1, non_finite, variation_db)


def race(speedup: float, low: float = 0.0, high: float = float("inf")) -> Comparison:
    return Comparison(Latency(1, 1), Latency(1, 1), speedup, (low, high))


def test_labels_that_decide_overrule_closeness() -> None:
    assert judge_answers(fidelity(agreement=0.9, sqnr_db=12.0), PASSING, RULE) == []


def test_outputs_that_labels_say_nothing_about_have_to_stay_close() -> None:
    assert judge_answers(fidelity(sqnr_db=3.0), PASSING, RULE, fidelity(sqnr_db=3.0)) == [
        "the other outputs: signal to noise 3.0 dB is below 20 dB"
    ]
    assert judge_answers(fidelity(sqnr_db=3.0), PASSING, RULE, fidelity()) == []


def test_inconclusive_labels_leave_it_to_closeness_unless_the_gate_is_strict() -> None:
    assert judge_answers(fidelity(), UNSURE, RULE) == []
    assert judge_answers(fidelity(agreement=0.978), UNSURE, RULE) == ["agreement 97.8 % is below 99 %"]
    assert judge_answers(fidelity(), UNSURE, STRICT) == ["the labels are too few to tell, and the gate is strict"]
    assert answer_warnings(fidelity(), UNSURE, RULE) == [
        "label accuracy 97.8 % is inconclusive at 95 %: too few samples to tell whether it is within 1 % of fp32's; "
        "closeness to fp32 decided"
    ]


def test_the_users_metric_decides_as_labels_do() -> None:
    failing = OwnMetric("f1", 0.8, 0.11, "fail", ("f1 0.8 is too low",))
    unsure = OwnMetric("f1", 0.85, 0.05, "inconclusive", ())
    assert judge_answers(fidelity(agreement=0.5, sqnr_db=1), OwnMetric("f1", 0.9, 0, "pass", ()), METRIC) == []
    assert judge_answers(fidelity(), failing, METRIC) == ["f1 0.8 is too low"]
    assert judge_answers(fidelity(sqnr_db=19), unsure, METRIC) == ["signal to noise 19.0 dB is below 20 dB"]
    assert judge_answers(fidelity(), unsure, STRICT) == [
        "the samples of your metric are too few to tell, and the gate is strict"
    ]
    assert answer_warnings(fidelity(), unsure, METRIC) == [
        "f1 0.85 is inconclusive at 95 %: too few samples to tell whether it is within 5 % of fp32's; "
        "closeness to fp32 decided"
    ]


def test_without_labels_every_reason_is_given_in_the_words_of_the_task() -> None:
    assert judge_answers(fidelity(agreement=0.98, sqnr_db=-2.4), None, RULE) == [
        "agreement 98 % is below 99 %",
        "signal to noise -2.4 dB is below 20 dB",
    ]
    assert judge_answers(fidelity(agreement=0.98), None, RULE, None, "detection") == [
        "agreement of boxes 98 % is below 99 %"
    ]


def test_the_bounds_themselves_pass() -> None:
    assert judge_answers(fidelity(agreement=0.99, sqnr_db=20.0), None, RULE) == []
    assert judge_speed(race(1.1, 1.08, 1.12), RULE) is None
    assert judge_size(1500, 1000, RULE) is None


def test_nan_is_refused_whatever_the_labels_say() -> None:
    assert judge_answers(fidelity(non_finite=2), PASSING, RULE) == ["2 values are NaN or infinite where fp32's are not"]


def test_answers_without_classes_are_judged_by_noise_alone() -> None:
    assert judge_answers(fidelity(agreement=None), None, RULE) == []
    assert judge_answers(fidelity(agreement=None, variation_db=9.9), None, RULE) == [
        "signal to noise of what differs between samples 9.9 dB is below 10 dB"
    ]
    assert judge_answers(fidelity(agreement=1.0, variation_db=0.0), None, RULE) == []


def test_noise_and_angle_below_their_marks_warn() -> None:
    assert answer_warnings(fidelity(sqnr_db=25.0, cosine_min=0.972), None, RULE) == [
        "signal to noise 25.0 dB is below 30 dB",
        "least cosine 0.9720 is below 0.999",
    ]


def test_too_little_speed_is_refused_with_both_numbers() -> None:
    assert judge_speed(race(1.049), RULE) == "1.04x is below 1.1x"


def test_a_speed_up_that_may_be_none_is_refused() -> None:
    assert (
        judge_speed(race(1.3, 0.9, 1.6), RULE) == "1.3x is not sure: the 95 % interval begins at 0.9x, slower than fp32"
    )
    assert judge_speed(race(1.3), RULE) is None


def test_for_size_a_candidate_must_not_be_slower_beyond_doubt_and_needs_no_speed_up() -> None:
    assert judge_speed(race(0.98, 0.95, 1.01), RULE, "size") is None
    assert judge_speed(race(0.9, 0.88, 0.92), RULE, "size") == "slower than fp32: 0.9x, at most 0.92x"
    assert judge_size(1499, 1000, RULE) == "1.49x smaller is below 1.5x"


def test_recipe_fields_reach_the_rule() -> None:
    assert Gate(1.1, 1.5, 0.01, 1.5, 0.99, 20, 30, 0.999, False, None) == RULE
