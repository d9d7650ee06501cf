"""Stage 4, candidates: calibrated ranges as a file, exact, so that candidates and repair trials calibrate once."""

import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

Ranges = Mapping[str, tuple[float, float]]
"""By tensor of the normalized graph: least and greatest value, each exactly a 32-bit float."""


@dataclass(frozen=True)
class Step:
    """How far the ranges had settled."""

    samples: int
    width: float
    """Mean over tensors of the width so far as a share of the final one."""


def read_ranges(path: Path) -> Ranges:
    """Raises ValueError when a bound is no finite 32-bit float or a range is the wrong way round."""
    found = json.loads(path.read_text())
    for name, (low, high) in found.items():
        exact = all(np.isfinite(bound) and float(np.float32(bound)) == bound for bound in (low, high))
        if not exact or low > high:
            raise ValueError(f"the range of '{name}', {low} to {high}, is none of 32-bit floats")
    return {name: (float(low), float(high)) for name, (low, high) in found.items()}


def write_ranges(path: Path, ranges: Ranges) -> None:
    """Sorted by name; the file is whole or not there."""
    write_whole(path, json.dumps({name: list(ranges[name]) for name in sorted(ranges)}, indent=0, allow_nan=False))


def convergence_file(ranges: Path) -> Path:
    """Where the steps of a ranges file lie: beside it."""
    return ranges.with_suffix(".convergence.json")


def write_convergence(ranges: Path, steps: Sequence[Step]) -> None:
    write_whole(convergence_file(ranges), json.dumps([[step.samples, step.width] for step in steps]))


def read_convergence(ranges: Path) -> list[Step]:
    """Empty where the ranges were given, not calibrated."""
    try:
        return [Step(samples, width) for samples, width in json.loads(convergence_file(ranges).read_text())]
    except FileNotFoundError:
        return []


def write_whole(path: Path, text: str) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w") as file:
            file.write(text)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
