"""Stage 5, gate: how sure a comparison on the same samples is: Tango's score interval for right and wrong answers, the
bootstrap for other figures.
"""

import math

import numpy as np

Z95 = 1.959963984540054
"""Two-sided 95 %."""
RESAMPLES = 4000
BLOCK = 250
"""Resamples drawn at a time, which bounds memory."""


def loss_interval(lost: int, gained: int, count: int, z: float = Z95) -> tuple[float, float]:
    """Interval of the accuracy lost, a share from -1 to 1.

    `lost` samples only the reference gets right, `gained` only the candidate, of `count` in all. Holds for few samples
    too: without any disagreement it is as wide as the number of samples demands, never zero.
    """
    if count < 1 or lost < 0 or gained < 0 or lost + gained > count:
        raise ValueError(f"lost {lost} and gained {gained} of {count} samples")
    estimate = (lost - gained) / count
    return (
        crossing(lambda loss: score(loss, lost, gained, count) - z, -1.0, estimate),
        crossing(lambda loss: score(loss, lost, gained, count) + z, estimate, 1.0),
    )


def score(loss: float, lost: int, gained: int, count: int) -> float:
    """Standardised distance between the observed loss and `loss`; falls from +infinity to -infinity."""
    a = 2 * count
    b = -lost - gained + (2 * count - lost + gained) * loss
    c = -gained * loss * (1 - loss)
    gain_rate = (math.sqrt(max(b * b - 4 * a * c, 0.0)) - b) / (2 * a)
    variance = count * (2 * gain_rate + loss * (1 - loss))
    distance = lost - gained - count * loss
    if variance <= 0:
        return 0.0 if distance == 0 else math.copysign(math.inf, distance)
    return distance / math.sqrt(variance)


def crossing(function, low: float, high: float) -> float:
    """Where a falling function passes zero, between `low` and `high`, by halving."""
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if function(middle) > 0 else (low, middle)
    return (low + high) / 2


def mean_interval(values: np.ndarray, seed: int) -> tuple[float, float]:
    """95 % interval of the mean of `values`, one for each sample, by the percentiles of RESAMPLES bootstrap means.

    The same seed gives the same interval, whatever the order of the values.
    """
    if len(values) == 0 or not np.isfinite(values).all():
        raise ValueError(f"{len(values)} values, all of which have to be numbers")
    ordered = np.sort(np.asarray(values, dtype=np.float64))
    random = np.random.default_rng(seed)
    means = [
        ordered[random.integers(0, len(ordered), (min(BLOCK, RESAMPLES - done), len(ordered)))].mean(axis=1)
        for done in range(0, RESAMPLES, BLOCK)
    ]
    low, high = np.percentile(np.concatenate(means), [2.5, 97.5])
    return float(low), float(high)
