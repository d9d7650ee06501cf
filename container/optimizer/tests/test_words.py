import pytest

from optimizer.words import percent, size, times


@pytest.mark.parametrize(
    ("share", "text"),
    [(1, "100 %"), (0.99999, "99.9 %"), (0.9966, "99.6 %"), (0.29, "29 %"), (0.01, "1 %"), (0.0, "0 %")],
)
def test_a_share_is_never_rounded_up(share: float, text: str) -> None:
    assert percent(share) == text


@pytest.mark.parametrize(
    ("factor", "text"), [(2.98, "2.9x"), (3.0, "3x"), (1.049, "1.04x"), (1.1, "1.1x"), (0.64, "0.64x")]
)
def test_a_factor_is_never_rounded_up(factor: float, text: str) -> None:
    assert times(factor) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [(96_200, "96 KB"), (1_355_055, "1355 KB"), (12, "1 KB"), (102_000_000, "102 MB"), (12_340_000_000, "12.3 GB")],
)
def test_sizes_are_decimal(count: int, text: str) -> None:
    assert size(count) == text
