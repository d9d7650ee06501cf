"""Stage 4, candidates: what every method of making a smaller form takes and gives, and why one cannot be made."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from ..recipe import Candidate

MOST_BYTES = 1_900_000_000
"""Protobuf ends at 2 GB; the methods work on one file."""


class CannotQuantizeError(Exception):
    """The form cannot be made; the message is a sentence without a full stop."""


@dataclass(frozen=True)
class Calibration:
    """Samples to calibrate with, and where their ranges are shared between candidates."""

    inputs: Mapping[str, np.ndarray]
    rows: np.ndarray
    ranges: Path | None = None
    """Read when it is there, written otherwise; None where nothing is shared."""


@dataclass(frozen=True)
class Rung:
    """One way to ask a method."""

    name: str
    candidate: Candidate
    shapes: bool = True
    """Whether inferred shapes are kept."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """More for ONNX Runtime's quantizer."""


@dataclass(frozen=True)
class Made:
    """What a method gives."""

    model: onnx.ModelProto
    ranges: Mapping[str, tuple[float, float]] | None = None
    """Calibrated ranges it was made with, by tensor, each exactly a 32-bit float; None where the method has none."""
