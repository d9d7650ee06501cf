"""The optimizer's road: eight stages, each takes the value of the one before and returns the next.

With a lock the road is the same but for two of them: inputs are held against it first, and nothing is searched.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from .admit import Request, admit
from .bake import bake
from .build import build_document
from .candidates import candidates
from .gate import gate
from .normalize import normalize
from .publish import publish
from .reference import reference
from .repair import repair
from .replay import locked, recheck, same_inputs
from .report import Reported, report
from .work import Work

Stage = Callable[[Any, Work], Any]

SEARCH: tuple[tuple[str, Stage], ...] = (
    ("admit", admit),
    ("normalize", normalize),
    ("reference", reference),
    ("candidates", candidates),
    ("gate", gate),
    ("repair", repair),
    ("bake", bake),
    ("report", report),
)
REPLAY: tuple[tuple[str, Stage], ...] = (
    ("admit", admit),
    ("lock", same_inputs),
    ("normalize", normalize),
    ("reference", reference),
    ("candidates", candidates),
    ("gate", recheck),
    ("bake", bake),
    ("report", report),
)


def optimize(request: Request, work: Work) -> tuple[Reported, Sequence[dict[str, Any]]]:
    """Run every stage; what the last returns, and the name and seconds of each.

    Raises UserError for what the user has to mend, GateFailedError when the gate fails and fp32 may not be served.
    """
    value: Any = replace(request, recipe=locked(request.recipe))
    stages = []
    for name, stage in REPLAY if request.recipe.replay else SEARCH:
        start = time.monotonic()
        value = stage(value, work)
        stages.append({"name": name, "seconds": round(time.monotonic() - start, 3)})
    return value, stages


def optimize_to(request: Request, work: Work, out: Path) -> str:
    """Run every stage and put the files in `out`; the verdict. Raises OSError when they cannot be written."""
    reported, stages = optimize(request, work)
    publish(reported.baked, reported.document, build_document(reported.baked, stages), out, work.scratch.name)
    return reported.document["verdict"]
