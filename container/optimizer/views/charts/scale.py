"""Views of the report: from values to places on an axis, and the round values that are written on it."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

TINY = 1e-200
"""What lies nearer to 0 is drawn at 0: its distances could not be divided any further."""
BEYOND = 1e300
"""Values from here on are not drawn; NaN is not either."""


@dataclass(frozen=True)
class Scale:
    """A linear axis over `low` to `high`, with `ticks` on it."""

    low: float
    high: float
    ticks: tuple[float, ...]

    def share(self, value: float) -> float:
        """Where a value stands, 0 at `low` and 1 at `high`; values beyond stand at the ends."""
        return min(1.0, max(0.0, (value - self.low) / (self.high - self.low)))

    def percent(self, value: float) -> str:
        """As SVG takes it: `37.25%`."""
        return f"{self.share(value) * 100:.2f}%"


def scale(
    values: Iterable[float],
    *,
    zero: bool = False,
    within: tuple[float, float] = (-math.inf, math.inf),
    margin: float = 0.06,
    ticks: int = 5,
) -> Scale:
    """An axis that holds all values that can be drawn.

    `zero`: begin or end at 0. `within`: what values can be; the axis does not reach beyond. `margin`: room beyond the
    outermost values, as a share of their distance; none at 0.
    """
    held = [value if abs(value) > TINY else 0.0 for value in values if abs(value) < BEYOND] or [0.0, 1.0]
    low, high = (min(0.0, *held), max(0.0, *held)) if zero else (min(held), max(held))
    if high - low <= 1e-9 * max(abs(low), abs(high)):
        room = abs(high) or 1.0
        low, high = (low, low + room) if zero else (low - room / 2, high + room / 2)
    reach = high - low
    low = low if zero and low == 0 else low - reach * margin
    high = high if zero and high == 0 else high + reach * margin
    low, high = max(low, within[0]), min(high, within[1])
    step = round_step((high - low) / ticks)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return Scale(low, high, tuple(float(f"{index * step:.12g}") for index in range(first, last + 1)))


def round_step(least: float) -> float:
    """The first of 1, 2, 2.5, 5 times a power of ten that is at least `least`."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= least * (1 - 1e-9))


def tick_words(value: float) -> str:
    return f"{value:g}"
