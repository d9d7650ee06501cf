"""How sure a comparison on the same samples is: Tango's score interval for a paired difference of proportions."""

import math

Z95 = 1.959963984540054
"""Two-sided 95 %."""


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
