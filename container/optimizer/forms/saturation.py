"""Stage 4, candidates: whether this machine's 8-bit kernels saturate on a form, found by computing it without them."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from ..fidelity import is_float, sqnr_db
from ..recipe import Candidate, Static
from ..session import answer, open_session

PROBES = 8
"""Samples that are compared."""


def saturation_db(
    served: Path, raw: Path, candidate: Candidate, inputs: Mapping[str, np.ndarray], rows: Sequence[int]
) -> float | None:
    """Signal to noise of the fused model against the same one computed in floats, decibels, worst over float outputs.

    `served` has its kernels fused, `raw` its QDQ nodes apart. None where nothing is fused: other methods than static,
    and forms for another provider.
    """
    if not isinstance(candidate, Static) or candidate.placement != "cpu":
        return None
    chosen = list(rows)[:PROBES]
    fused = answer(open_session(served), inputs, chosen)
    floats = answer(open_session(raw, "none"), inputs, chosen)
    return min((sqnr_db(values, fused[name]) for name, values in floats.items() if is_float(values)), default=None)
