"""What the optimizer tells while it works: one line of JSON for each step on standard output."""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TextIO

from .recipe import Recipe

STEPS_PER_CANDIDATE = 3
"""Steps a candidate announces: quantizing, answering, timing."""
OTHER_STEPS = 6
"""One for each stage but `candidates` and `repair`."""


def steps_of(recipe: Recipe) -> int:
    """Steps of the whole job, most: what is not needed is counted when it is left out."""
    if recipe.replay is not None:
        return OTHER_STEPS + STEPS_PER_CANDIDATE * (recipe.replay.candidate is not None)
    return OTHER_STEPS + STEPS_PER_CANDIDATE * len(recipe.candidates) + repair_steps(recipe.repair.trials)


def repair_steps(trials: int) -> int:
    """Ranking the nodes, and each trial."""
    return trials + 1 if trials else 0


def own_standard_output() -> TextIO:
    """Standard output for progress alone: what libraries print from now on goes nowhere.

    ONNX Runtime's quantizer prints, and so may native code, hence by file descriptor.
    """
    kept = os.fdopen(os.dup(1), "w", buffering=1)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)
    return kept


@dataclass
class Progress:
    """Counts steps over the whole job; `done` never goes back and reaches `total` at the end."""

    total: int
    write: Callable[[str], None]
    done: int = field(default=0)

    def step(self, stage: str, step: str) -> None:
        """Say that `step` begins; `done` counts the steps before it."""
        self.write(json.dumps({"stage": stage, "step": step, "done": self.done, "total": self.total}))
        self.done = min(self.done + 1, self.total)

    def detail(self, stage: str, step: str) -> None:
        """Say how far the step has come that was begun last."""
        self.write(json.dumps({"stage": stage, "step": step, "done": max(0, self.done - 1), "total": self.total}))

    def reach(self, done: int) -> None:
        """Count up to `done` where steps were left out."""
        self.done = max(self.done, min(done, self.total))
