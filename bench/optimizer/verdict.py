"""Optimizer bench: how good a file's answers are, by the optimizer's own gate, on samples nobody calibrated with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from optimizer.accuracy import judge_accuracy
from optimizer.bounds import judge_answers
from optimizer.fidelity import ShapesDifferError
from optimizer.paired import loss_interval
from optimizer.recipe import Gate
from optimizer.reference import judge_labels
from optimizer.session import Answers, answer, brief, open_session
from optimizer.tasks import Task, beyond_labels, likeness, task_of


@dataclass(frozen=True)
class Verdict:
    """What the gate would say, speed apart."""

    reasons: tuple[str, ...]
    """Why the answers are refused; none: they are good enough."""
    agreement: float | None = None
    sqnr_db: float | None = None
    accuracy: float | None = None
    """Share of labels that are right; None without labels."""
    worse: bool = False
    """Whether labels show at 95 % that accuracy was lost."""

    @property
    def good(self) -> bool:
        return not self.reasons

    def document(self) -> dict[str, Any]:
        return {
            "accepted": self.good,
            "reasons": list(self.reasons),
            "agreement": self.agreement,
            "sqnrDb": None if self.sqnr_db is None else round(self.sqnr_db, 2),
            "accuracy": self.accuracy,
            "worse": self.worse,
        }


@dataclass(frozen=True)
class Judge:
    """fp32's answers and the rule that others are held to."""

    answers: Answers
    inputs: Mapping[str, np.ndarray]
    rows: np.ndarray
    classes: np.ndarray | None
    correct: np.ndarray | None
    task: Task
    rule: Gate

    @property
    def accuracy(self) -> float | None:
        """fp32's."""
        return None if self.correct is None else float(self.correct.mean())

    def of(self, path: Path) -> Verdict:
        """Run a file on the judging samples. One that cannot be run is refused with the reason."""
        try:
            got = answer(open_session(path), self.inputs, self.rows)
            fidelity = likeness(self.task, self.answers, got)
        except ShapesDifferError as error:
            return Verdict((str(error),))
        except Exception as error:
            return Verdict((f"cannot be run: {brief(error)}",))
        if self.correct is None or self.classes is None or fidelity.non_finite:
            reasons = judge_answers(fidelity, None, self.rule, None, self.task.name)
            return Verdict(tuple(reasons), fidelity.agreement, fidelity.sqnr_db)
        right = judge_labels(got, self.classes, self.rows)
        decided = judge_accuracy(self.correct, right, self.rule)
        others = beyond_labels(self.answers, got)
        lost, gained = int((self.correct & ~right).sum()), int((~self.correct & right).sum())
        low, _ = loss_interval(lost, gained, len(right))
        return Verdict(
            tuple(judge_answers(fidelity, decided, self.rule, others, self.task.name)),
            fidelity.agreement,
            fidelity.sqnr_db,
            float(right.mean()),
            low > 0,
        )


def judge_of(
    model: Path,
    inputs: Mapping[str, np.ndarray],
    rows: Sequence[int] | np.ndarray,
    classes: np.ndarray | None,
    task: str,
    family: str,
    rule: Gate,
) -> Judge:
    """A judge from the model as given. `task` and `family` as in recipe.json; `rows` are judged."""
    rows = np.asarray(rows)
    answers = answer(open_session(model), inputs, rows)
    correct = None if classes is None else judge_labels(answers, classes, rows)
    return Judge(answers, inputs, rows, classes, correct, task_of(task, family, answers, classes is not None), rule)
