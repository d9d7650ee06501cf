"""The optimizer's road: seven stages, each takes the value of the one before and returns the next.

Repairing a candidate by excluding sensitive nodes belongs between `candidates` and `gate`.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .admit import Request, admit
from .bake import bake
from .candidates import candidates
from .gate import gate
from .normalize import normalize
from .publish import publish
from .reference import reference
from .report import Reported, report
from .work import Work

STAGES: tuple[Callable[[Any, Work], Any], ...] = (admit, normalize, reference, candidates, gate, bake, report)


def optimize(request: Request, work: Work) -> Reported:
    """Run every stage. Raises UserError for what the user has to mend, GateFailedError when the recipe demands it."""
    value: Any = request
    stages = []
    for stage in STAGES:
        start = time.monotonic()
        value = stage(value, work)
        stages.append({"name": stage.__name__, "seconds": round(time.monotonic() - start, 3)})
    value.document["stages"] = stages
    return value


def optimize_to(request: Request, work: Work, out: Path) -> str:
    """Run every stage and put the files in `out`; the verdict. Raises OSError when they cannot be written."""
    reported = optimize(request, work)
    publish(reported.baked, reported.document, out, work.scratch.name)
    return reported.document["verdict"]
