"""What the export tells while it works: lines of JSON on standard output, as the optimizer's are."""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field

from .arguments import Asked


def steps_of(asked: Asked) -> int:
    """Steps of the whole job: load, run, export; with a change also change, train on, export again, compare; write."""
    changed = asked.prune is not None or asked.sparsify is not None
    parts = (asked.prune is not None) + (asked.sparsify is not None) + (asked.finetune is not None)
    return 4 + (2 + parts if changed else 0)


@dataclass
class Progress:
    """Counts steps; `done` never goes back."""

    total: int
    write: Callable[[str], None]
    done: int = field(default=0)

    def step(self, step: str) -> None:
        """Say that `step` begins; `done` counts the steps before it."""
        self.write(json.dumps({"step": step, "done": self.done, "total": self.total}))
        self.done = min(self.done + 1, self.total)

    def said(self, line: str) -> None:
        """A line that the user's own code printed."""
        self.write(json.dumps({"said": line}))

    def finished(self, summary: dict) -> None:
        self.write(json.dumps({"finished": summary}))


def own_standard_output() -> Callable[[str], None]:
    """Writes lines to standard output, which is for them alone: what native code prints goes to standard error."""
    kept = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    return lambda line: print(line, file=kept, flush=True)
