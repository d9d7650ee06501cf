"""Numbers as people read them. Rounding never flatters: a share is rounded down, a factor too."""

import math

IDENTICAL_DB = 200.0
"""What the optimizer writes for identical answers, whose ratio would be infinite."""


def percent(share: float) -> str:
    """0.9966 as `99.6 %`, 1 as `100 %`."""
    # The small term keeps 0.29 from becoming 28.9 %.
    tenths = math.floor(share * 1000 + 1e-9) / 10
    return f"{tenths:g} %"


def times(factor: float) -> str:
    """2.94 as `2.9x`, 1.049 as `1.04x`: two decimals below 2, where they decide."""
    digits = 100 if factor < 2 else 10
    return f"{math.floor(factor * digits + 1e-9) / digits:g}x"


def size(count: int) -> str:
    """1355055 as `1355 KB`; KB, MB and GB are powers of ten."""
    if count < 10_000_000:
        return f"{max(1, round(count / 1000))} KB"
    return f"{count / 1e6:.0f} MB" if count < 10_000_000_000 else f"{count / 1e9:.1f} GB"


def decibels(ratio: float) -> str:
    """30.96 as `30.9 dB`; from 200 on, what stands for identical answers, `identical`."""
    if ratio >= IDENTICAL_DB:
        return "identical"
    return f"{math.floor(ratio * 10 + 1e-9) / 10:.1f} dB" if math.isfinite(ratio) else "not a number"


def latency(milliseconds: float) -> str:
    """0.142 as `142 µs`, 17.71 as `17.7 ms`, 1234 as `1.23 s`."""
    if milliseconds < 1:
        return f"{three_digits(milliseconds * 1000)} µs"
    return f"{three_digits(milliseconds)} ms" if milliseconds < 1000 else f"{three_digits(milliseconds / 1000)} s"


def duration(seconds: float) -> str:
    """3.21 as `3.2 s`, 192 as `3 min 12 s`."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s"


def count(number: int, one: str, many: str | None = None) -> str:
    """`1 node`, `1,200 nodes`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def three_digits(value: float) -> str:
    """Three significant digits, no exponent where one is not needed: 142, 17.7, 0.05."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"
