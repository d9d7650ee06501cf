"""Whether a rewritten model still answers as before: the check after every step that must not change a number."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from .fidelity import ShapesDifferError, compare
from .onnx_file import Tensor
from .session import Answers, open_session, plain

LEAST_DB = 80.0
CLASSIC_TOLERANCE = 1e-5


def difference(reference: Answers, got: Answers, *, classic: bool = False) -> str | None:
    """Why `got` is not the same as `reference`, in words; None when it is.

    Same: no new NaN or infinity, at least LEAST_DB, text and integers equal. Classic models: every label equal and
    every number within CLASSIC_TOLERANCE.
    """
    try:
        found = compare(reference, got)
    except ShapesDifferError as error:
        return str(error)
    if found.non_finite:
        return f"{found.non_finite} values are NaN or infinite"
    if classic and found.max_abs_error > CLASSIC_TOLERANCE:
        return f"a value differs by {found.max_abs_error:.2g}, at most {CLASSIC_TOLERANCE:g} is allowed"
    if not classic and found.sqnr_db < LEAST_DB:
        return f"{found.sqnr_db:.1f} dB is below {LEAST_DB:g} dB"
    unequal = [
        name for name, values in reference.items() if values[0].dtype.kind != "f" and not equal(values, got[name])
    ]
    return f"output '{unequal[0]}' differs" if unequal else None


def equal(expected: Sequence[np.ndarray], values: Sequence[np.ndarray]) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(expected, values, strict=True))


def probes(
    inputs: Mapping[str, np.ndarray], tensors: Sequence[Tensor], rows: Sequence[int]
) -> list[dict[str, np.ndarray]]:
    """A few inputs to compare two forms of a model on: batches of 1, and of 2 where every batch is symbolic."""
    singles = [{name: values[row : row + 1] for name, values in inputs.items()} for row in rows[:3]]
    if len(rows) < 2 or any(isinstance(entry.shape[0], int) for entry in tensors):
        return singles
    return [*singles, {name: values[list(rows[:2])] for name, values in inputs.items()}]


def answers_to(path: Path, feeds: Sequence[Mapping[str, np.ndarray]]) -> list[Answers]:
    """The model's answers to each feed, each as one sample. Raises what ONNX Runtime raises."""
    session = open_session(path)
    names = [output.name for output in session.get_outputs()]
    return [
        {name: [plain(value)] for name, value in zip(names, session.run(names, dict(feed)), strict=True)}
        for feed in feeds
    ]
