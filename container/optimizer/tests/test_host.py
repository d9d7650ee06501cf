from pathlib import Path

import pytest

from optimizer.host import emulated, instruction_set, kernel_architecture, processors, read_cpuinfo, this_host


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


@pytest.mark.parametrize(
    ("machine", "kernel", "expected"),
    [
        ("x86_64", "x86_64", False),
        ("x86_64", "aarch64", True),
        ("aarch64", "x86_64", True),
        ("arm64", "aarch64", False),
        ("AMD64", "x86_64", False),
        ("i686", "x86_64", False),
        ("armv7l", "aarch64", False),
        ("armv7l", "x86_64", True),
        ("x86_64", None, False),
    ],
)
def test_a_kernel_for_another_processor_means_emulation(machine: str, kernel: str | None, expected: bool) -> None:
    assert emulated(machine, kernel) is expected


def test_the_kernels_architecture_is_read_where_it_is_told(tmp_path: Path) -> None:
    (tmp_path / "arch").write_text("aarch64\n")
    assert kernel_architecture(tmp_path / "arch") == "aarch64"
    assert kernel_architecture(tmp_path / "none") is None


def test_cpuinfo_gives_the_first_processor(tmp_path: Path) -> None:
    (tmp_path / "cpuinfo").write_text("processor\t: 0\nmodel name\t: A: B\nflags\t\t: fpu avx2\n\nprocessor\t: 1\n")
    assert read_cpuinfo(tmp_path / "cpuinfo") == {"processor": "0", "model name": "A: B", "flags": "fpu avx2"}
    assert read_cpuinfo(tmp_path / "none") == {}


def test_this_host_is_one_of_the_known_kinds() -> None:
    host = this_host()
    assert host.instruction_set in {"x86-64-vnni", "x86-64", "arm64", "unknown"}
    assert host.processors == processors() >= 1 and host.cpu
