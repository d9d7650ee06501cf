"""Numbers as people read them. Rounding never flatters: a share is rounded down, a factor too."""

import math


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
