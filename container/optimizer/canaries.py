"""Inputs that the server replays before it is ready: some of the samples, or made up so that none leaves the build."""

from collections.abc import Mapping

import numpy as np

from .session import Answers


def canary_rows(answers: Answers, most: int, seed: int) -> np.ndarray:
    """Positions among the evaluation samples, chosen by `seed`; only samples whose answers have one shape."""
    shapes = list(zip(*([entry.shape for entry in values] for values in answers.values()), strict=True))
    order = np.random.default_rng(seed).permutation(len(shapes))
    alike = [int(row) for row in order if shapes[row] == shapes[order[0]]]
    return np.sort(np.array(alike[:most], dtype=np.int64))


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
