"""Stage 5, gate: who passes and who wins. Pure functions over numbers; every refusal has both numbers in it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .candidates import Trial, Tried
from .errors import GateFailedError
from .fidelity import Fidelity, ShapesDifferError, beyond_labels, compare
from .host import this_host
from .paired import loss_interval
from .recipe import Gate
from .reference import judge_labels
from .words import percent, times
from .work import Work

TIE = 1.03
"""Candidates within this ratio of the fastest are as fast; the smaller file wins."""


@dataclass(frozen=True)
class Accuracy:
    """On the evaluation samples' labels."""

    value: float
    drop: float
    """Relative to fp32; negative when the candidate is better."""
    error_ratio: float | None
    """None where fp32 makes no errors."""
    decided: str
    """pass, fail, or inconclusive: too few samples to tell."""
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Judged:
    """A candidate and the gate's word on it."""

    trial: Trial
    status: str
    """passed, rejected or failed."""
    reasons: tuple[str, ...]
    warnings: tuple[str, ...]
    fidelity: Fidelity | None
    accuracy: Accuracy | None

    @property
    def speedup(self) -> float | None:
        result = self.trial.result
        return result.comparison.speedup if result and result.comparison else None


@dataclass(frozen=True)
class Decided:
    tried: Tried
    judged: tuple[Judged, ...]
    winner: Judged | None
    """None: fp32."""
    judges_speed: bool


def gate(tried: Tried, work: Work) -> Decided:
    """Judge every candidate and choose. Raises GateFailedError when none passes and the recipe forbids fp32."""
    work.progress.step("gate", "judging accuracy and speed")
    admitted = tried.referenced.normalized.admitted
    judges_speed = this_host().instruction_set in admitted.recipe.instruction_sets
    judged = tuple(judge(trial, tried, judges_speed) for trial in tried.trials)
    winner = choose(judged, judges_speed)
    if winner is None and admitted.recipe.on_failure == "error" and admitted.recipe.precision != "fp32":
        refused = [f"{entry.trial.candidate.name}: {'; '.join(entry.reasons)}" for entry in judged]
        raise GateFailedError(
            ["No candidate passed the gate, and the recipe's onFailure is 'error'. Loosen the gate, or allow fp32.",
             *(refused or [f"There was no candidate: {admitted.why_none}."])]
        )  # fmt: skip
    return Decided(tried, judged, winner, judges_speed)


def judge(trial: Trial, tried: Tried, judges_speed: bool) -> Judged:
    admitted = tried.referenced.normalized.admitted
    rule, samples = admitted.recipe.gate, admitted.samples
    if trial.result is None:
        return Judged(trial, "failed", (trial.failure or "failed",), (), None, None)
    if trial.answers is None or trial.result.comparison is None:
        return Judged(
            trial, "rejected", ("nothing to quantize: no operator of the recipe is in the model",), (), None, None
        )
    try:
        fidelity = compare(tried.referenced.answers, trial.answers)
    except ShapesDifferError as error:
        return Judged(trial, "rejected", (str(error),), (), None, None)
    accuracy = None
    if tried.referenced.correct is not None and samples.labels is not None and fidelity.non_finite == 0:
        right = judge_labels(trial.answers, samples.labels, samples.evaluation)
        accuracy = judge_accuracy(tried.referenced.correct, right, rule)
    reasons = [*judge_answers(fidelity, accuracy, rule, beyond_labels(tried.referenced.answers, trial.answers))]
    warnings = [*answer_warnings(fidelity, accuracy, rule)]
    slow = judge_speed(trial.result.comparison.speedup, rule)
    (reasons if judges_speed else warnings).extend([slow] if slow else [])
    return Judged(trial, "rejected" if reasons else "passed", tuple(reasons), tuple(warnings), fidelity, accuracy)


def judge_accuracy(reference: np.ndarray, candidate: np.ndarray, rule: Gate) -> Accuracy:
    """Compare two rows of right and wrong answers on the same samples.

    Pass: the 95 % interval of the loss lies within the bound. Fail: it lies beyond the bound, or beyond the bound of
    the error ratio. Otherwise the samples are too few to tell.
    """
    lost, gained, count = int((reference & ~candidate).sum()), int((~reference & candidate).sum()), len(reference)
    right, value = float(reference.mean()), float(candidate.mean())
    low, high = loss_interval(lost, gained, count)
    drop = (right - value) / right if right else 0.0
    error_ratio = (1 - value) / (1 - right) if right < 1 else None
    reasons = []
    if low > rule.max_accuracy_drop * right:
        reasons.append(
            f"label accuracy {percent(value)} is {percent(drop)} below fp32's {percent(right)}, "
            f"at most {percent(rule.max_accuracy_drop)} is allowed"
        )
    if error_ratio is not None and low > (rule.max_error_ratio - 1) * (1 - right):
        reasons.append(f"{times(error_ratio)} fp32's errors is above {times(rule.max_error_ratio)}")
    decided = "fail" if reasons else "pass" if high <= rule.max_accuracy_drop * right else "inconclusive"
    return Accuracy(value, drop, error_ratio, decided, tuple(reasons))


def judge_answers(
    fidelity: Fidelity, accuracy: Accuracy | None, rule: Gate, others: Fidelity | None = None
) -> list[str]:
    """Why the answers are not good enough: labels decide where they can, closeness to fp32 otherwise.

    `others`: closeness of the outputs that labels say nothing about, None where there are none.
    """
    if fidelity.non_finite:
        return [f"{fidelity.non_finite} values are NaN or infinite where fp32's are not"]
    if accuracy is not None and accuracy.decided != "inconclusive":
        return [
            *accuracy.reasons,
            *(f"the other outputs: {reason}" for reason in (too_far(others, rule) if others else [])),
        ]
    strict = accuracy is not None and rule.strict
    return [*(["the labels are too few to tell, and the gate is strict"] if strict else []), *too_far(fidelity, rule)]


def too_far(fidelity: Fidelity, rule: Gate) -> list[str]:
    """Why answers are not close enough to fp32's."""
    reasons = []
    if fidelity.agreement is not None and fidelity.agreement < rule.min_agreement:
        reasons.append(f"agreement {percent(fidelity.agreement)} is below {percent(rule.min_agreement)}")
    if fidelity.sqnr_db < rule.min_sqnr_db:
        reasons.append(f"signal to noise {fidelity.sqnr_db:.1f} dB is below {rule.min_sqnr_db:g} dB")
    return reasons


def answer_warnings(fidelity: Fidelity, accuracy: Accuracy | None, rule: Gate) -> list[str]:
    warnings = []
    if accuracy is not None and accuracy.decided == "inconclusive":
        warnings.append(
            f"label accuracy {percent(accuracy.value)} is inconclusive at 95 %: too few samples to tell whether it is "
            f"within {percent(rule.max_accuracy_drop)} of fp32's; closeness to fp32 decided"
        )
    if fidelity.sqnr_db < rule.warn_sqnr_db:
        warnings.append(f"signal to noise {fidelity.sqnr_db:.1f} dB is below {rule.warn_sqnr_db:g} dB")
    if fidelity.cosine_min < rule.warn_cosine:
        warnings.append(f"least cosine {fidelity.cosine_min:.4f} is below {rule.warn_cosine:g}")
    return warnings


def judge_speed(speedup: float, rule: Gate) -> str | None:
    return f"{times(speedup)} is below {times(rule.min_speedup)}" if speedup < rule.min_speedup else None


def choose(judged: Sequence[Judged], judges_speed: bool) -> Judged | None:
    """The fastest that passed; among those within TIE of it the smallest file, then the first.

    Where speed is not judged here the first that passed: the recipe's order is the target's preference.
    """
    passed = [entry for entry in judged if entry.status == "passed"]
    if not passed or not judges_speed:
        return passed[0] if passed else None
    best = max(entry.speedup or 0.0 for entry in passed)
    near = [entry for entry in passed if (entry.speedup or 0.0) * TIE >= best]
    return min(near, key=lambda entry: entry.trial.result.bytes if entry.trial.result else 0)
