"""Step 6: the changed model beside the one it was made from, measured in ONNX Runtime."""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from optimizer.errors import UserError
from optimizer.fidelity import ShapesDifferError, class_scores, compare
from optimizer.measure import Comparison, compare_speed
from optimizer.session import answer, open_session, runner

from .answers import run
from .example import Example
from .to_onnx import Exported

MOST_SAMPLES = 512
TIMED_SAMPLES = 32
CHUNK = 1 << 20


@dataclass(frozen=True)
class Size:
    parameters: int
    macs: int
    """Multiply-accumulates of one sample, in convolutions, matrix products and attention."""
    bytes: int
    gzip_bytes: int


@dataclass(frozen=True)
class Compared:
    before: Size
    after: Size
    speed: Comparison
    """Batch 1, one thread, this machine's CPU."""
    samples: int
    agreement: float | None
    """Share of samples with the same top class of the first float output [batch, classes]; None where there is none."""
    sqnr_db: float
    """Of the worst float output, decibels."""


def counts(model: nn.Module, example: Example) -> tuple[int, int]:
    """Parameters, and multiply-accumulates of one sample."""
    with FlopCounterMode(display=False) as counter:
        run(model, example, example.batch(1))
    return sum(parameter.numel() for parameter in model.parameters()), counter.get_total_flops() // 2


def size(counted: tuple[int, int], exported: Exported) -> Size:
    packed = sum(gzip_bytes(path) for path in (exported.file, exported.weights) if path is not None)
    return Size(*counted, bytes=exported.bytes, gzip_bytes=packed)


def gzip_bytes(path: Path) -> int:
    """Size after gzip at its usual level, as image layers are kept."""
    packer, count = zlib.compressobj(6, wbits=31), 0
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            count += len(packer.compress(chunk))
    return count + len(packer.flush())


def compare_models(before: Exported, after: Exported, sizes: tuple[Size, Size], example: Example) -> Compared:
    """Raises UserError when the outputs have other shapes."""
    sessions = [open_session(exported.file) for exported in (before, after)]
    rows = np.arange(min(example.samples, MOST_SAMPLES))
    reference, got = (answer(session, example.arrays, rows) for session in sessions)
    try:
        fidelity = compare(reference, got)
    except ShapesDifferError as error:
        raise UserError(f"The changed model cannot take the place of the given one: {error}.") from None
    timed = rows[:TIMED_SAMPLES]
    given, changed = (runner(session, example.arrays, timed) for session in sessions)
    return Compared(*sizes, compare_speed(given, changed), len(rows), agreement(reference, got), fidelity.sqnr_db)


def agreement(reference: Mapping[str, Any], got: Mapping[str, Any]) -> float | None:
    a, b = class_scores(reference), class_scores(got)
    return None if a is None or b is None else float(np.mean(a.argmax(axis=1) == b.argmax(axis=1)))
