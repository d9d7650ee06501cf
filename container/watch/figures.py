"""Figures of each row of a tensor. The optimizer's reference and the server's counts come from these same functions.

A figure of a row depends on no other row, so that a batch gives what its rows give alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

MOST_VALUES = 1024
"""Of a row, for figures that need not see all of it."""
NEARLY_ONE = 0.01

Block = np.ndarray
"""Rows of one tensor, [rows, values]."""


def rows_of(array: np.ndarray, rows: int) -> Block | None:
    """A tensor's rows, or None where it has not one for each of `rows` rows. A run of one row has all of a tensor."""
    if rows == 1:
        return array.reshape(1, -1)
    return array.reshape(rows, -1) if array.shape[:1] == (rows,) else None


def spread(block: Block) -> Block:
    """At most MOST_VALUES values of each row, at equal distances.

    The distance has no factor in common with the width, so that every channel and column of an image is met.
    """
    width = block.shape[1]
    if width <= MOST_VALUES:
        return block
    step = -(-width // MOST_VALUES)
    while math.gcd(step, width) != 1:
        step += 1
    return block[:, ::step]


def value(block: Block) -> np.ndarray:
    """Of rows of one value, or of one column."""
    return block[:, 0]


def norm(block: Block) -> np.ndarray:
    """Length of the row as a vector."""
    wide = _wide(block)
    return np.sqrt(np.einsum("ij,ij->i", wide, wide))


def mean(block: Block) -> np.ndarray:
    return _wide(block).mean(axis=1)


def deviation(block: Block) -> np.ndarray:
    """Standard deviation of a row's values."""
    wide = _wide(block)
    apart = wide - wide.mean(axis=1)[:, np.newaxis]
    return np.sqrt(np.einsum("ij,ij->i", apart, apart) / wide.shape[1])


def length(block: Block) -> np.ndarray:
    """Characters of texts; of numbers those that are not 0, since 0 fills up what is shorter."""
    if block.dtype.kind in "OU":
        return np.array([sum(map(len, row)) for row in block.tolist()], np.int64)
    return np.count_nonzero(block, axis=1)


def size(block: Block) -> np.ndarray:
    """How many values a row has."""
    return np.full(block.shape[0], block.shape[1])


def category(block: Block) -> np.ndarray:
    """The top class of scores; a word or a whole number itself."""
    return block.argmax(axis=1) if block.dtype.kind == "f" else block[:, 0]


def confidence(block: Block) -> np.ndarray:
    """Probability of the top class: of a row of probabilities as it is, of any other by softmax."""
    wide = _wide(block)
    top = wide.max(axis=1)
    given = (wide.min(axis=1) >= 0) & (np.abs(wide.sum(axis=1) - 1) <= NEARLY_ONE)
    return np.where(given, top, 1 / np.exp(wide - top[:, np.newaxis]).sum(axis=1))


def _wide(block: Block) -> np.ndarray:
    return block.astype(np.float64)


FIGURES: dict[str, Callable[[Block], np.ndarray]] = {
    "class": category,
    "confidence": confidence,
    "value": value,
    "norm": norm,
    "mean": mean,
    "deviation": deviation,
    "length": length,
    "size": size,
}
OF_NOTHING: dict[str, float] = {"length": 0, "size": 0, "class": -1}
"""Figures of rows without a value; others have none."""
UNCOMPUTED = frozenset({"class", "value", "length", "size"})
"""Figures that are read, so that nothing can overflow."""
WHOLE = UNCOMPUTED | {"confidence"}
"""Figures that have to see every value of a row."""


def figures(name: str, block: Block, column: int | None = None) -> np.ndarray:
    """One figure for each row of a block, of one column where it is given."""
    if column is not None:
        block = block[:, column : column + 1]
    if not block.shape[1]:
        return np.full(len(block), OF_NOTHING.get(name, np.nan))
    if name in UNCOMPUTED:
        return FIGURES[name](block)
    with np.errstate(all="ignore"):
        return FIGURES[name](block if name in WHOLE else spread(block))
