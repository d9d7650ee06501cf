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


@dataclass(frozen=True)
class Probe:
    """Inputs that are unlike the traced ones in every axis that may have any size."""

    batch: int
    sizes: Mapping[str, int]
    """Of labelled axes."""

    def __str__(self) -> str:
        return " and ".join([f"a batch of {self.batch}", *(f"{label} {size}" for label, size in self.sizes.items())])


def probes(model: nn.Module, example: Example) -> tuple[Probe, Probe]:
    """A batch of 1, and another than the traced one with other sizes of the labelled axes.

    These are one less than the example's, or twice as much where torch refuses that.
    Raises UserError when it refuses both.
    """
    batch, own = example.traced_batch() + 1, example.labels()
    less, twice = ({label: size - 1 for label, size in own.items()}, {label: 2 * size for label, size in own.items()})
    failed: Exception | None = None
    for sizes in (less, twice):
        try:
            answers(model, example, example.batch(batch, sizes))
        except Exception as error:
            failed = failed or error
        else:
            return Probe(1, {}), Probe(batch, sizes)
    assert failed is not None
    raise UserError(
        f"The model itself cannot be run in torch with {Probe(batch, less)}, nor with twice the example's sizes. "
        f"Leave out --dynamic for axes whose size is fixed.\n{own_traceback(failed)}"
    )


def check_parity(
    model: nn.Module, example: Example, file: Path, outputs: Sequence[str], probed: Sequence[Probe]
) -> Parity:
    """Raises DisagreesError when the exported model does not answer as torch does."""
    try:
        session = open_session(file)
    except Exception as error:
        raise DisagreesError(f"ONNX Runtime {onnxruntime.__version__} cannot load it: {brief(error)}") from None
    worst = 0.0
    for probe in probed:
        arrays, where = example.batch(probe.batch, probe.sizes), str(probe)
        expected = answers(model, example, arrays)
        try:
            got = session.run(list(outputs), {i.name: arrays[i.name] for i in session.get_inputs()})
        except Exception as error:
            raise DisagreesError(f"with {where} ONNX Runtime says: {brief(error)}") from None
        for name, a, b in zip(outputs, expected, got, strict=True):
            worst = max(worst, difference(name, where, a, np.asarray(b)))
    return Parity(tuple(probe.batch for probe in probed), tuple(probe.sizes for probe in probed), worst)


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
