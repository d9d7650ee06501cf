"""Canaries: samples with fp32's answers, replayed before the server is ready. A model that differs is refused."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from server.errors import StartError, quote
from server.oip import TensorSpec
from server.session import Arrays, Model

# Reported where the answers are equal, or closer than this.
MOST_DB = 200.0
LEAST_EQUAL = 0.99


@dataclass(frozen=True, slots=True)
class Canaries:
    """`rows`: inputs of one run each, in the model's order. `expected`: per output name, the answers of all samples."""

    rows: list[Arrays]
    expected: dict[str, np.ndarray]


@dataclass(frozen=True, slots=True)
class Replay:
    """Outcome of a replay. `sqnr_db`: the worst float output's, None without one. `problems`: empty when it passed."""

    sqnr_db: float | None
    problems: list[str]


def load(path: Path, model: Model) -> Canaries:
    """Reads canaries.npz ('input:<name>', 'expected:<name>', samples on the first axis). Raises StartError."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {key: archive[key] for key in archive.files}
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise StartError(f"{path} cannot be read as canaries: {quote(str(error), 200)}.") from error
    specs = model.signature.inputs
    missing = [f"input:{spec.name}" for spec in specs if f"input:{spec.name}" not in arrays]
    if missing:
        raise StartError(f"{path} lacks {', '.join(missing)}; it has {', '.join(sorted(arrays)) or 'nothing'}.")
    names = {spec.name for spec in model.signature.outputs}
    expected = {key.removeprefix("expected:"): value for key, value in arrays.items() if key.startswith("expected:")}
    unknown = sorted(expected.keys() - names)
    if unknown or not expected:
        raise StartError(
            f"{path} expects {', '.join(unknown) or 'no output'}; the model gives {', '.join(sorted(names))}."
        )
    columns = [_split(arrays[f"input:{spec.name}"], spec, path) for spec in specs]
    counts = sorted({len(column) for column in columns})
    if len(counts) != 1 or counts == [0]:
        raise StartError(f"{path} has {counts} samples in its inputs; give each the same number, at least 1.")
    return Canaries([list(row) for row in zip(*columns, strict=True)], expected)


def _split(array: np.ndarray, spec: TensorSpec, path: Path) -> list[np.ndarray]:
    """One array per run: a sample with the model's rank, or as many as a fixed first dim takes."""
    if array.dtype.kind == "U":
        array = array.astype(object)
    if array.dtype != spec.datatype.dtype or array.ndim not in (len(spec.dims), len(spec.dims) + 1) or array.ndim == 0:
        given = f"{array.dtype} of shape {list(array.shape)}"
        raise StartError(f"{path}: input:{spec.name} is {given}; the model takes {spec.metadata()}.")
    if array.ndim > len(spec.dims):
        return list(array)
    step = spec.dims[0] or 1
    return [array[first : first + step] for first in range(0, len(array) - step + 1, step)]


def replay(model: Model, canaries: Canaries, min_sqnr_db: float) -> Replay:
    """Runs every canary and compares: floats by signal to noise over all, other types by the share that is equal."""
    answers: dict[str, list[np.ndarray]] = {name: [] for name in canaries.expected}
    try:
        for row in canaries.rows:
            for name, output in zip(model.output_names, model.run(row), strict=True):
                if name in answers:
                    answers[name].append(output)
    except Exception as error:
        lines = str(error).splitlines() or [type(error).__name__]
        return Replay(None, [f"the model does not run on a canary: {lines[0][:300]}"])
    worst, problems = None, []
    for name, expected in canaries.expected.items():
        parts = answers[name]
        got = np.concatenate(parts) if parts[0].ndim == expected.ndim else np.stack(parts)
        if got.shape != expected.shape:
            problems.append(f"output {quote(name)} has shape {list(got.shape)}, expected {list(expected.shape)}")
        elif expected.dtype.kind == "f":
            noise = sqnr_db(expected, got)
            worst = noise if worst is None else min(worst, noise)
            if noise < min_sqnr_db:
                problems.append(
                    f"output {quote(name)} has {noise:.1f} dB signal to noise, at least {min_sqnr_db:.1f} is wanted"
                )
        else:
            equal = float((got == expected.astype(got.dtype)).mean()) if got.size else 1.0
            if equal < LEAST_EQUAL:
                problems.append(
                    f"output {quote(name)} equals fp32's in {equal:.1%}, at least {LEAST_EQUAL:.0%} is wanted"
                )
    return Replay(worst, problems)


def sqnr_db(expected: np.ndarray, got: np.ndarray) -> float:
    """Signal to quantization noise in decibels, -200 to 200. NaN and infinities must stand where they are expected."""
    one, other = expected.astype(np.float64), got.astype(np.float64)
    finite = np.isfinite(one)
    if not np.array_equal(one[~finite], other[~finite], equal_nan=True) or not np.isfinite(other[finite]).all():
        return -MOST_DB
    signal = float(np.square(one[finite]).sum())
    noise = float(np.square(one[finite] - other[finite]).sum())
    if noise == 0:
        return MOST_DB
    return float(np.clip(10 * np.log10(max(signal, 1e-300) / noise), -MOST_DB, MOST_DB))
