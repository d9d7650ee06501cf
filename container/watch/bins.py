"""Bins that figures are counted in: ranges of numbers, or categories; the last bin is for what fits none of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


class Bins:
    """Ranges up to each of `edges`, rising, and one above; or `categories`.

    Bin i of the ranges takes numbers above edge i - 1 and up to edge i. `names`: of every bin; ranges are numbered. The
    last is `nan`, for what is no number, or `other`, for any other category.
    """

    def __init__(self, edges: Sequence[float] | None, categories: Sequence[str] | None) -> None:
        self.ordered = categories is None
        self.edges = np.array(edges or [], np.float64)
        # What is no number comes after infinity.
        self._bounds = np.append(self.edges, np.inf)
        self._places = {name: place for place, name in enumerate(categories or ())}
        ranges = [str(place) for place in range(len(self.edges) + 1)]
        self.names: tuple[str, ...] = (*ranges, "nan") if self.ordered else (*self._places, "other")

    def count(self, figures: np.ndarray) -> np.ndarray:
        """How many figures fall into each bin."""
        if self.ordered:
            return np.bincount(np.searchsorted(self._bounds, figures), minlength=len(self.names))
        last = len(self.names) - 1
        counts = np.zeros(last + 1, np.int64)
        found, numbers = np.unique(figures, return_counts=True)
        for name, number in zip(found.tolist(), numbers.tolist(), strict=True):
            counts[self._places.get(text_of(name), last)] += number
        return counts


def text_of(category: object) -> str:
    """A class as it is named: words as they are, whole numbers and booleans as numbers."""
    return category if isinstance(category, str) else str(int(category))  # type: ignore[call-overload]


def ratios(counts: Sequence[int]) -> list[float]:
    """Share of each bin, none of them 0: half an observation more in every bin, as in the rules for what is seen."""
    total = sum(counts) + len(counts) / 2
    return [(count + 0.5) / total for count in counts]
