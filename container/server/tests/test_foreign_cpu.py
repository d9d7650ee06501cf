"""Canaries replayed on CPUs without VNNI, emulated: weights of 7 bits pass, weights of 8 bits are caught."""

from __future__ import annotations

import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from server.tests.test_proof import checked, quantized

QEMU = shutil.which("qemu-x86_64") or "qemu-x86_64"

# Emulating another instruction set than the host's would need a Python of that kind.
pytestmark = [
    pytest.mark.skipif(shutil.which(QEMU) is None or os.uname().machine != "x86_64", reason="needs qemu-x86_64 on x86"),
    pytest.mark.timeout(300),
]


def checked_on(cpu: str, *paths: Path) -> list[tuple[int, dict[str, Any], str]]:
    """Each model checked on an emulated CPU, at the same time."""
    with ThreadPoolExecutor() as pool:
        return list(pool.map(lambda path: checked(path, QEMU, "-cpu", cpu), paths))


@pytest.mark.parametrize("cpu", ["Haswell", "EPYC-Milan"])
def test_7_bits_pass_and_8_bits_are_caught(tmp_path: Path, cpu: str) -> None:
    """Caught: served in the precise mode, or, where /proc/cpuinfo tells of the host's VNNI, refused."""
    for name in ("seven", "eight", "let-pass"):
        (tmp_path / name).mkdir()
    seven, eight, let_pass = checked_on(
        cpu,
        quantized(tmp_path / "seven", True, 40),
        quantized(tmp_path / "eight", False, 40),
        quantized(tmp_path / "let-pass", False, 10),
    )
    code, facts, errors = seven
    assert code == 0, errors
    assert facts["canarySqnrDb"] > 60
    assert facts["saturationSqnrDb"] > 60
    code, facts, errors = eight
    assert (code, facts.get("precise")) in ((0, True), (3, None)), errors
    assert "17.7 dB signal to noise" in errors
    # A tolerance that lets saturated sums pass: the self-test sees them.
    code, facts, errors = let_pass
    assert code == 0, errors
    assert facts["saturationSqnrDb"] == pytest.approx(17.7, abs=0.5)
    assert "8-bit sums saturate on this CPU" in errors
