"""Inputs that the server replays before it is ready: some of the samples, or made up so that none leaves the build."""

from collections.abc import Mapping

import numpy as np

from .fidelity import CEILING_DB, sqnr_db
from .session import Answers

LEAST_EQUAL = 0.99
"""Of the elements of a text or integer answer; what the server asks for."""
GOOD_DB = 10.0
"""Samples that a form answers with more noise than this show little: boxes in another order have about 0 dB."""


def replayable(reference: Answers, got: Answers) -> np.ndarray:
    """Which samples can be replayed at all, bool: answers of fp32's shapes, text and integers equal, numbers finite."""
    count = len(next(iter(reference.values())))
    return np.array(
        [all(alike(values[row], got[name][row]) for name, values in reference.items()) for row in range(count)]
    )


def alike(expected: np.ndarray, got: np.ndarray) -> bool:
    if expected.shape != got.shape:
        return False
    if expected.dtype.kind == "f":
        return bool(np.isfinite(got[np.isfinite(expected)]).all())
    return expected.size == 0 or float(np.mean(expected == got)) >= LEAST_EQUAL


def canary_rows(reference: Answers, got: Answers, most: int, seed: int) -> np.ndarray:
    """Positions among the samples, at most `most`, chosen by `seed`; none where none can be replayed.

    All have answers of one shape. Those that `got` answers with little noise are preferred.
    """
    usable = np.flatnonzero(replayable(reference, got))
    order = [int(row) for row in np.random.default_rng(seed).permutation(usable)]
    good = [row for row in order if noise_of(row, reference, got) >= GOOD_DB]
    ranked = [*good, *(row for row in order if row not in set(good))] if len(good) < most else good
    shapes = [tuple(values[row].shape for values in reference.values()) for row in ranked]
    same = [row for row, shape in zip(ranked, shapes, strict=True) if shape == shapes[0]]
    return np.sort(np.array(same[:most], dtype=np.int64))


def noise_of(row: int, reference: Answers, got: Answers) -> float:
    """Signal to noise of one sample's worst float output, decibels."""
    floats = [(values[row], got[name][row]) for name, values in reference.items() if values[row].dtype.kind == "f"]
    return min((sqnr_db([a], [b]) for a, b in floats), default=CEILING_DB)


def synthetic(inputs: Mapping[str, np.ndarray], count: int, seed: int) -> dict[str, np.ndarray]:
    """`count` samples within the least and greatest value of each input, of the same dtypes and shapes.

    Numbers are drawn evenly between the two, whole ones with both ends. Texts are words that none of the samples holds.
    """
    random = np.random.default_rng(seed)
    return {name: made_up(values, count, random) for name, values in inputs.items()}


def made_up(values: np.ndarray, count: int, random: np.random.Generator) -> np.ndarray:
    shape = (count, *values.shape[1:])
    if values.dtype.kind == "b":
        return random.integers(0, 2, shape).astype(bool)
    if values.dtype.kind in "iu":
        return random.integers(values.min(), values.max(), shape, dtype=values.dtype, endpoint=True)
    if values.dtype.kind == "f":
        low, high = float(values.min()), float(values.max())
        return np.clip(low + (high - low) * random.random(shape), low, high).astype(values.dtype)
    held = set(values.ravel().tolist())
    words = [word for word in (f"canary-{index}" for index in range(len(held) + 16)) if word not in held]
    return np.array([words[index] for index in random.integers(0, len(words), shape).ravel()]).reshape(shape)
