import pytest

from optimizer.words import count, decibels, duration, latency, percent, size, times


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


@pytest.mark.parametrize(
    ("ratio", "text"),
    [(30.96, "30.9 dB"), (20.0, "20.0 dB"), (-2.41, "-2.5 dB"), (200.0, "identical"), (float("nan"), "not a number")],
)
def test_a_signal_to_noise_is_never_rounded_up(ratio: float, text: str) -> None:
    assert decibels(ratio) == text


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [(0.142, "142 µs"), (0.0123, "12.3 µs"), (1, "1 ms"), (17.71, "17.7 ms"), (412.6, "413 ms"), (1234, "1.23 s")],
)
def test_a_latency_has_three_digits(milliseconds: float, text: str) -> None:
    assert latency(milliseconds) == text


@pytest.mark.parametrize(("seconds", "text"), [(0.04, "0.0 s"), (3.21, "3.2 s"), (192, "3 min 12 s")])
def test_a_duration_changes_to_minutes(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(("number", "text"), [(0, "0 nodes"), (1, "1 node"), (1200, "1,200 nodes")])
def test_things_are_counted(number: int, text: str) -> None:
    assert count(number, "node") == text
