"""Stage 5, gate: what is lost against fp32 by labels or by the user's own metric, and whether that is sure."""

from dataclasses import dataclass

import numpy as np

from .metric import Measured
from .paired import Z95, loss_interval, mean_interval
from .recipe import Gate
from .words import percent, times

LEAST_SAMPLES = 20
"""Below this a bootstrap interval is too narrow to be believed."""
MOSTLY = 0.5
"""Share of samples without a difference above which the bootstrap sees too little of it; and of distinct values, below
which a metric has few."""


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

    @property
    def what(self) -> str:
        return f"label accuracy {percent(self.value)}"


@dataclass(frozen=True)
class OwnMetric:
    """By the user's own metric."""

    name: str
    value: float
    drop: float
    """Relative to fp32, 0.01 being 1 % worse; negative when the candidate is better."""
    decided: str
    """pass, fail, or inconclusive."""
    reasons: tuple[str, ...]

    @property
    def what(self) -> str:
        return f"{self.name} {self.value:.4g}"


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


def judge_metric(reference: Measured, candidate: Measured, rule: Gate, seed: int) -> OwnMetric:
    """Compare the user's metric on the same samples.

    With a number for each sample the 95 % interval of the loss decides as for labels; a single number is held against
    the bound as it is.
    """
    assert rule.metric is not None
    name, most, sign = rule.metric.function, rule.metric.max_drop, 1 if rule.metric.direction == "higher" else -1
    loss = sign * (reference.value - candidate.value)
    # Room for the rounding of a loss that is exactly the bound.
    bound = most * abs(reference.value) * (1 + 1e-12)
    low, high = loss, loss
    if reference.each is not None and candidate.each is not None:
        low, high = interval_of(reference.each, candidate.each, sign, seed)
    # A metric that is 0 in fp32 has no relative loss: any loss counts as whole.
    drop = loss / abs(reference.value) if reference.value else float(np.sign(loss))
    decided = "fail" if low > bound else "pass" if high <= bound else "inconclusive"
    reason = (
        f"{name} {candidate.value:.4g} is {percent(drop)} worse than fp32's {reference.value:.4g}, "
        f"at most {percent(most)} is allowed"
    )
    return OwnMetric(name, candidate.value, drop, decided, (reason,) if decided == "fail" else ())


def interval_of(reference: np.ndarray, candidate: np.ndarray, sign: int, seed: int) -> tuple[float, float]:
    """95 % interval of the mean loss; everything where there are too few samples to say.

    Two values, such as right and wrong, are counted. Of a metric with few values, most of them equal in both, the
    interval is at least as wide as counting would make it: what none of the samples shows is rare, not absent.
    """
    count, values = len(reference), np.unique([reference, candidate])
    spread = float(np.ptp(values)) if len(values) > 1 else float(np.abs(values).max()) or 1.0
    if len(values) <= 2:
        better, worse = int((reference < candidate).sum()), int((reference > candidate).sum())
        low, high = loss_interval(*((worse, better) if sign > 0 else (better, worse)), count)
        return spread * low, spread * high
    if count < LEAST_SAMPLES:
        return -np.inf, np.inf
    low, high = mean_interval(sign * (reference - candidate), seed)
    if len(values) > MOSTLY * count or np.mean(reference == candidate) <= MOSTLY:
        return low, high
    least = spread * Z95**2 / (count + Z95**2)
    return min(low, -least), max(high, least)
