"""Step 3: whether ONNX Runtime answers as torch does, at other sizes of the batch and of every labelled axis."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
from torch import nn

from optimizer.errors import UserError
from optimizer.session import brief, open_session

from .answers import answers
from .example import Example
from .users_code import own_traceback

RELATIVE, OF_LARGEST = 1e-3, 1e-4
"""A float may differ by RELATIVE of itself and OF_LARGEST of the output's largest: kernels add in another order."""
HALF = 16
"""Times as much for float16, which has 11 bits instead of 24."""


@dataclass(frozen=True)
class Parity:
    """The largest difference seen, and where it was looked for."""

    batches: tuple[int, ...]
    sizes: tuple[Mapping[str, int], ...]
    """Sizes of labelled axes, one entry for each batch."""
    max_abs_error: float


class DisagreesError(Exception):
    """The exported model answers otherwise; the message says where, without a full stop."""


def check_parity(model: nn.Module, example: Example, file: Path, outputs: Sequence[str]) -> Parity:
    """Compare at a batch of 1 and at another than the traced one.

    Raises DisagreesError when the exported model does not answer as torch does, UserError when torch itself fails.
    """
    try:
        session = open_session(file)
    except Exception as error:
        raise DisagreesError(f"ONNX Runtime {onnxruntime.__version__} cannot load it: {brief(error)}") from None
    other = example.traced_batch() + 1
    one, several = {}, other_sizes(model, example, other)
    worst = 0.0
    for batch, sizes in ((1, one), (other, several)):
        arrays = example.batch(batch, sizes)
        where = told(batch, sizes)
        expected = answers(model, example, arrays)
        try:
            got = session.run(list(outputs), {i.name: arrays[i.name] for i in session.get_inputs()})
        except Exception as error:
            raise DisagreesError(f"with {where} ONNX Runtime says: {brief(error)}") from None
        for name, a, b in zip(outputs, expected, got, strict=True):
            worst = max(worst, difference(name, where, a, np.asarray(b)))
    return Parity((1, other), (one, several), worst)


def other_sizes(model: nn.Module, example: Example, batch: int) -> dict[str, int]:
    """Other sizes of the labelled axes that torch takes: one less, else twice as much. Raises UserError for neither."""
    own = example.labels()
    failed: Exception | None = None
    for sizes in ({label: size - 1 for label, size in own.items()}, {label: 2 * size for label, size in own.items()}):
        try:
            answers(model, example, example.batch(batch, sizes))
        except Exception as error:
            failed = failed or error
        else:
            return sizes
    assert failed is not None
    raise UserError(
        f"The model itself cannot be run in torch with {told(batch, {k: v - 1 for k, v in own.items()})}, "
        "nor with twice the "
        f"example's sizes. Leave out --dynamic for axes whose size is fixed.\n{own_traceback(failed)}"
    )


def told(batch: int, sizes: Mapping[str, int]) -> str:
    return " and ".join([f"a batch of {batch}", *(f"{label} {size}" for label, size in sizes.items())])


def difference(name: str, where: str, expected: np.ndarray, got: np.ndarray) -> float:
    """The largest difference of an output. Raises DisagreesError beyond the tolerance."""
    if expected.shape != got.shape:
        raise DisagreesError(
            f"with {where} output '{name}' has shape {list(got.shape)} in ONNX Runtime, {list(expected.shape)} in torch"
        )
    if expected.dtype.kind != "f":
        differing = int(np.count_nonzero(expected != got))
        if differing:
            raise DisagreesError(f"with {where} {differing} of {expected.size} values of output '{name}' differ")
        return 0.0
    a, b = expected.astype(np.float64), got.astype(np.float64)
    finite = np.isfinite(a)
    if not np.array_equal(a[~finite], b[~finite], equal_nan=True) or not np.isfinite(b[finite]).all():
        raise DisagreesError(f"with {where} NaN or infinity in output '{name}' are at other places than in torch")
    a, b = a[finite], b[finite]
    factor = HALF if expected.dtype == np.float16 else 1
    allowed = factor * (RELATIVE * np.abs(a) + OF_LARGEST * np.abs(a).max(initial=0))
    apart = np.abs(a - b)
    if (apart > np.maximum(allowed, 1e-7)).any():
        raise DisagreesError(
            f"with {where} output '{name}' differs by {apart.max():.2g}, its largest value is {np.abs(a).max():.2g}"
        )
    return float(apart.max(initial=0))
