"""Stage 5, gate: a candidate's figures against the bounds of the recipe; every refusal has both numbers."""

from .accuracy import Accuracy, OwnMetric
from .fidelity import Fidelity
from .measure import Comparison
from .recipe import Gate
from .words import percent, times

AGREEMENTS = {
    "detection": "agreement of boxes",
    "embedding": "agreement of neighbours",
    "generation": "agreement of tokens",
}
VARIATION_ROOM_DB = 10.0
"""Where answers cannot be counted, what differs from sample to sample may be noisier than the whole by this."""


def judge_answers(
    fidelity: Fidelity,
    decider: Accuracy | OwnMetric | None,
    rule: Gate,
    others: Fidelity | None = None,
    task: str = "classification",
) -> list[str]:
    """Why the answers are not good enough: labels or the user's metric decide where they can, else closeness to fp32.

    `others`: closeness of the outputs that labels say nothing about, None where there are none.
    """
    if fidelity.non_finite:
        return [f"{fidelity.non_finite} values are NaN or infinite where fp32's are not"]
    if decider is not None and decider.decided != "inconclusive":
        return [
            *decider.reasons,
            *(f"the other outputs: {reason}" for reason in (too_far(others, rule, task) if others else [])),
        ]
    what = "samples of your metric" if isinstance(decider, OwnMetric) else "labels"
    strict = decider is not None and rule.strict
    return [
        *([f"the {what} are too few to tell, and the gate is strict"] if strict else []),
        *too_far(fidelity, rule, task),
    ]


def too_far(fidelity: Fidelity, rule: Gate, task: str) -> list[str]:
    """Why answers are not close enough to fp32's."""
    reasons = []
    if fidelity.agreement is not None and fidelity.agreement < rule.min_agreement:
        what = AGREEMENTS.get(task, "agreement")
        reasons.append(f"{what} {percent(fidelity.agreement)} is below {percent(rule.min_agreement)}")
    if fidelity.sqnr_db < rule.min_sqnr_db:
        reasons.append(f"signal to noise {fidelity.sqnr_db:.1f} dB is below {rule.min_sqnr_db:g} dB")
    least = rule.min_sqnr_db - VARIATION_ROOM_DB
    if fidelity.agreement is None and fidelity.variation_db < least:
        reasons.append(
            f"signal to noise of what differs between samples {fidelity.variation_db:.1f} dB is below {least:g} dB"
        )
    return reasons


def answer_warnings(fidelity: Fidelity, decider: Accuracy | OwnMetric | None, rule: Gate) -> list[str]:
    warnings = []
    if decider is not None and decider.decided == "inconclusive":
        most = rule.metric.max_drop if isinstance(decider, OwnMetric) and rule.metric else rule.max_accuracy_drop
        warnings.append(
            f"{decider.what} is inconclusive at 95 %: too few samples to tell whether it is "
            f"within {percent(most)} of fp32's; closeness to fp32 decided"
        )
    if fidelity.sqnr_db < rule.warn_sqnr_db:
        warnings.append(f"signal to noise {fidelity.sqnr_db:.1f} dB is below {rule.warn_sqnr_db:g} dB")
    if fidelity.cosine_min < rule.warn_cosine:
        warnings.append(f"least cosine {fidelity.cosine_min:.4f} is below {rule.warn_cosine:g}")
    return warnings


def judge_size(reference: int, candidate: int, rule: Gate) -> str | None:
    shrink = reference / candidate
    return f"{times(shrink)} smaller is below {times(rule.min_shrink)}" if shrink < rule.min_shrink else None


def judge_speed(found: Comparison, rule: Gate, goal: str = "speed") -> str | None:
    """Why the candidate is not fast enough; None when it is.

    For speed it has to reach the margin, and to be faster than fp32 beyond doubt. For size it must not be slower
    beyond doubt.
    """
    low, high = found.interval
    if goal == "size":
        return f"slower than fp32: {times(found.speedup)}, at most {times(high)}" if high < 1 else None
    if found.speedup < rule.min_speedup:
        return f"{times(found.speedup)} is below {times(rule.min_speedup)}"
    # Below 0 there is no speed: this interval was not measured.
    if 0 < low < 1:
        return f"{times(found.speedup)} is not sure: the 95 % interval begins at {times(low)}, slower than fp32"
    return None
