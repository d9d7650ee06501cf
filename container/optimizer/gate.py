"""Stage 5, gate: who passes and who wins. Every refusal has both numbers in it."""

from collections.abc import Sequence
from dataclasses import dataclass

from .accuracy import Accuracy, OwnMetric, judge_accuracy, judge_metric
from .admit import NO_SAMPLES
from .bounds import answer_warnings, judge_answers, judge_size, judge_speed
from .canaries import replayable
from .candidates import Trial, Tried
from .errors import GateFailedError
from .fidelity import Fidelity, ShapesDifferError
from .host import Host, this_host
from .measure import Comparison
from .metric import MetricFailedError, measure
from .recipe import Recipe
from .reference import judge_labels
from .tasks import beyond_labels, likeness
from .work import Work

TIE = 1.03
"""Candidates within this ratio of the best are as good, however surely they were timed."""
NOISY_TIE = 1.1
"""Within this ratio they are as good where their intervals overlap: the machine was too busy to tell them apart."""
CALIBRATIONS = ("minmax", "percentile", "entropy")
"""From simple to involved."""


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
    """None without labels, and where the user's own metric decides in their place."""
    metric: OwnMetric | None = None
    by_answers_alone: bool = False
    """Rejected for its answers, and neither too slow nor too large: leaving nodes out may rescue it."""

    @property
    def comparison(self) -> Comparison | None:
        return self.trial.result.comparison if self.trial.result else None

    @property
    def speedup(self) -> float | None:
        return self.comparison.speedup if self.comparison else None


@dataclass(frozen=True)
class Decided:
    tried: Tried
    judged: tuple[Judged, ...]
    winner: Judged | None
    """None: fp32."""
    judges_speed: bool


def gate(tried: Tried, work: Work) -> Decided:
    """Judge every candidate and choose."""
    work.progress.step("gate", "judging accuracy and speed")
    recipe = tried.referenced.normalized.admitted.recipe
    judges_speed = unlike_target(recipe, tried.trials, this_host()) is None
    judged = tuple(judge(trial, tried, judges_speed) for trial in tried.trials)
    return Decided(tried, judged, choose(judged, judges_speed, recipe.goal), judges_speed)


def unlike_target(recipe: Recipe, trials: Sequence[Trial], host: Host) -> str | None:
    """Why times taken on this host say nothing of the target, in words; None when they do."""
    if host.emulated:
        return "This host's processor is emulated"
    if host.instruction_set not in recipe.instruction_sets:
        return f"This host is {host.instruction_set}, the target {', '.join(recipe.instruction_sets)}"
    timed = {trial.result.timed_provider for trial in trials if trial.result and trial.result.comparison}
    if timed - {recipe.provider}:
        return f"The target runs on {recipe.provider}, which this host lacks"
    return None


def demand_winner(decided: Decided) -> None:
    """Called when repair has done what it can. Raises GateFailedError when none passes and the recipe forbids fp32.

    A model of which nothing smaller can be made, such as trees, cannot fail; missing samples can be given.
    """
    admitted = decided.tried.referenced.normalized.admitted
    could_win = bool(admitted.candidates) or admitted.why_none == NO_SAMPLES
    if decided.winner is None and could_win and admitted.recipe.on_failure == "error":
        refused = [f"{entry.trial.candidate.name}: {'; '.join(entry.reasons)}" for entry in decided.judged]
        raise GateFailedError(
            ["No candidate passed the gate, and the recipe's onFailure is 'error'. Loosen the gate, or allow fp32.",
             *(refused or [f"There was no candidate: {admitted.why_none}."])]
        )  # fmt: skip


def judge(trial: Trial, tried: Tried, judges_speed: bool) -> Judged:
    """The gate's word on one candidate. Runs the user's metric where there is one, once for each trial."""
    referenced = tried.referenced
    recipe = referenced.normalized.admitted.recipe
    rule = recipe.gate
    if trial.result is None:
        return Judged(trial, "failed", (trial.failure or "failed",), (), None, None)
    if trial.answers is None or trial.result.comparison is None:
        return refused(trial, "nothing to quantize: no operator of the recipe is in the model")
    try:
        fidelity = likeness(referenced.task, referenced.answers, trial.answers)
    except ShapesDifferError as error:
        return refused(trial, str(error))
    if fidelity.non_finite == 0 and not replayable(referenced.answers, trial.answers).any():
        what = "no sample keeps fp32's shapes, whole numbers and texts, so the server could replay none at its start"
        return refused(trial, what, fidelity)
    accuracy, metric = None, None
    if fidelity.non_finite == 0:
        try:
            accuracy, metric = by_labels(trial, tried), by_metric(trial, tried)
        except MetricFailedError as error:
            return refused(trial, f"your metric failed: {error}", fidelity)
    others = beyond_labels(referenced.answers, trial.answers) if accuracy else None
    decider = metric or accuracy
    answers = judge_answers(fidelity, decider, rule, others, referenced.task.name)
    warnings = answer_warnings(fidelity, decider, rule)
    large = judge_size(referenced.baked.stat().st_size, trial.result.bytes, rule) if recipe.goal == "size" else None
    slow = judge_speed(trial.result.comparison, rule, recipe.goal)
    if slow and not judges_speed:
        warnings, slow = [*warnings, slow], None
    costs = [reason for reason in (large, slow) if reason]
    return Judged(
        trial,
        status="rejected" if answers or costs else "passed",
        reasons=(*answers, *costs),
        warnings=tuple(warnings),
        fidelity=fidelity,
        accuracy=accuracy,
        metric=metric,
        by_answers_alone=bool(answers) and not costs,
    )


def refused(trial: Trial, reason: str, fidelity: Fidelity | None = None) -> Judged:
    return Judged(trial, "rejected", (reason,), (), fidelity, None)


def by_labels(trial: Trial, tried: Tried) -> Accuracy | None:
    admitted, correct = tried.referenced.normalized.admitted, tried.referenced.correct
    samples = admitted.samples
    if correct is None or samples.labels is None or trial.answers is None:
        return None
    return judge_accuracy(
        correct, judge_labels(trial.answers, samples.labels, samples.evaluation), admitted.recipe.gate
    )


def by_metric(trial: Trial, tried: Tried) -> OwnMetric | None:
    """Raises MetricFailedError."""
    referenced = tried.referenced
    admitted = referenced.normalized.admitted
    if referenced.measured is None or trial.answers is None:
        return None
    measured = measure(admitted, trial.answers, referenced.samples_file, trial.path.parent)
    return judge_metric(referenced.measured, measured, admitted.recipe.gate, admitted.recipe.seed)


def choose(judged: Sequence[Judged], judges_speed: bool, goal: str = "speed") -> Judged | None:
    """The fastest that passed, or the smallest where the goal is size; of those as good as it the simplest.

    Where speed is the goal and is not judged here, the first that passed: the recipe begins with what the target likes.
    """
    passed = [entry for entry in judged if entry.status == "passed"]
    if not passed or (goal == "speed" and not judges_speed):
        return passed[0] if passed else None
    if goal == "size":
        least = min(size(entry) for entry in passed)
        return simplest([entry for entry in passed if size(entry) <= least * TIE])
    best = max(passed, key=lambda entry: entry.speedup or 0.0)
    return simplest([entry for entry in passed if as_fast(entry, best)])


def as_fast(entry: Judged, best: Judged) -> bool:
    """Whether nothing speaks for `best` but noise."""
    ratio = (best.speedup or 0.0) / max(entry.speedup or 0.0, 1e-9)
    if entry.comparison is None or best.comparison is None:
        return ratio <= TIE
    overlap = entry.comparison.interval[1] >= best.comparison.interval[0] > 0
    return ratio <= TIE or (overlap and ratio <= NOISY_TIE)


def simplest(entries: Sequence[Judged]) -> Judged:
    """Fewest nodes left out, then the simplest calibration, then the first in the recipe."""
    return min(entries, key=lambda entry: (len(entry.trial.candidate.exclude_nodes), calibration(entry)))


def calibration(entry: Judged) -> int:
    """How involved the calibration is; forms without one are as simple as the simplest."""
    return CALIBRATIONS.index(getattr(entry.trial.candidate, "calibration", CALIBRATIONS[0]))


def size(entry: Judged) -> int:
    return entry.trial.result.bytes if entry.trial.result else 0
