from pathlib import Path

import pytest

from optimizer.host import instruction_set, processors, read_cpuinfo, this_host


@pytest.mark.parametrize(
    ("machine", "flags", "expected"),
    [
        ("x86_64", {"avx2", "avx512_vnni"}, "x86-64-vnni"),
        ("x86_64", {"avx2", "avx_vnni"}, "x86-64-vnni"),
        ("x86_64", {"avx2", "avx512f"}, "x86-64"),
        ("x86_64", None, "unknown"),
        ("aarch64", None, "arm64"),
        ("arm64", None, "arm64"),
        ("riscv64", {"v"}, "unknown"),
    ],
)
def test_the_instruction_set_follows_the_processor(machine: str, flags: set[str] | None, expected: str) -> None:
    assert instruction_set(machine, None if flags is None else frozenset(flags)) == expected


def test_cpuinfo_gives_the_first_processor(tmp_path: Path) -> None:
    (tmp_path / "cpuinfo").write_text("processor\t: 0\nmodel name\t: A: B\nflags\t\t: fpu avx2\n\nprocessor\t: 1\n")
    assert read_cpuinfo(tmp_path / "cpuinfo") == {"processor": "0", "model name": "A: B", "flags": "fpu avx2"}
    assert read_cpuinfo(tmp_path / "none") == {}


def test_this_host_is_one_of_the_known_kinds() -> None:
    host = this_host()
    assert host.instruction_set in {"x86-64-vnni", "x86-64", "arm64", "unknown"}
    assert host.processors == processors() >= 1 and host.cpu
