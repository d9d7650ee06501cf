"""How far what was seen has parted from the samples, and how far chance takes it, as the rules for Prometheus have it.

Only the standard library: the notebook of a run carries this file's text.
"""

from __future__ import annotations

import math
from collections.abc import Sequence


def smoothed(counts: Sequence[float]) -> list[float]:
    """Share of each bin, none of them 0: half an observation more in every bin."""
    total = sum(counts) + len(counts) / 2
    return [(count + 0.5) / total for count in counts]


def psi(seen: Sequence[float], expected: Sequence[float]) -> float:
    """Population stability index of two lists of shares, none of them 0."""
    return sum((share - other) * math.log(share / other) for share, other in zip(seen, expected, strict=True))


def jensen_shannon(seen: Sequence[float], expected: Sequence[float]) -> float:
    """Distance to base 2, 0 to 1, of two lists of shares, none of them 0."""
    total = 0.0
    for share, other in zip(seen, expected, strict=True):
        middle = (share + other) / 2
        total += share * math.log2(share / middle) + other * math.log2(other / middle)
    return math.sqrt(max(0.0, total) / 2)


def kolmogorov_smirnov(counts: Sequence[float], expected: Sequence[float]) -> float:
    """Greatest distance of the distributions at the edges of ranges. The last bin, for what is no number, has none."""
    rows, seen, reference, most = sum(counts), 0.0, 0.0, 0.0
    for count, share in list(zip(counts, expected, strict=True))[:-1]:
        seen += count / rows
        reference += share
        most = max(most, abs(seen - reference))
    return most


def chance(rows: float, samples: float, bins: int, figures: int) -> float:
    """PSI that chance alone exceeds in one window of a hundred, over all `figures` of a side together.

    PSI of n rows against m samples is chi-square with one degree less than bins, times 1/n + 1/m; the quantile is
    Wilson and Hilferty's.
    """
    degrees = bins - 1
    if degrees < 1:
        return 0.0
    spread = 2 / (9 * degrees)
    deviations = math.sqrt(5.41 + 1.82 * math.log(figures))
    return degrees * (1 - spread + math.sqrt(spread) * deviations) ** 3 * (1 / rows + 1 / samples)
