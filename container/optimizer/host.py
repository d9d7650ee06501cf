"""The machine that optimizes: its processor, instruction set and how many processors this process may use."""

import functools
import os
import platform
from dataclasses import dataclass
from pathlib import Path

VNNI_FLAGS = frozenset({"avx512_vnni", "avx_vnni"})
"""Linux' names for 8-bit dot products that do not saturate."""


@dataclass(frozen=True)
class Host:
    architecture: str
    cpu: str
    instruction_set: str
    """`x86-64-vnni`, `x86-64`, `arm64` or `unknown`, as in recipe.json."""
    processors: int
    emulated: bool = False
    """The processor is emulated (QEMU, Rosetta): it computes right, and its speed says nothing."""


@functools.cache
def this_host() -> Host:
    machine = platform.machine().lower()
    info = read_cpuinfo()
    return Host(
        architecture={"amd64": "x86_64", "aarch64": "arm64"}.get(machine, machine),
        cpu=info.get("model name") or platform.processor() or machine,
        instruction_set=instruction_set(machine, frozenset(info["flags"].split()) if "flags" in info else None),
        processors=processors(),
        emulated=emulated(machine, kernel_architecture()),
    )


def instruction_set(machine: str, flags: frozenset[str] | None) -> str:
    """Which recipe fits a processor. `flags` is None where the system does not tell them."""
    if machine in {"aarch64", "arm64"}:
        return "arm64"
    if machine not in {"x86_64", "amd64"} or flags is None:
        return "unknown"
    return "x86-64-vnni" if flags & VNNI_FLAGS else "x86-64"


def emulated(machine: str, kernel: str | None) -> bool:
    """Whether programs for `machine` run on a kernel for another processor.

    Both are Linux' names. False where the kernel does not tell (before 6.1, other systems), and where an emulator
    plays another model of the same architecture.
    """
    alike = {"amd64": "x86_64", "i386": "x86_64", "i686": "x86_64", "arm64": "aarch64", "armv7l": "aarch64"}
    machine, kernel = machine.lower(), (kernel or machine).lower()
    return alike.get(machine, machine) != alike.get(kernel, kernel)


def kernel_architecture(path: Path = Path("/proc/sys/kernel/arch")) -> str | None:
    """The architecture the kernel was built for: an emulator of user programs shows its own in `uname` alone."""
    try:
        return path.read_text().strip() or None
    except OSError:
        return None


def read_cpuinfo(path: Path = Path("/proc/cpuinfo")) -> dict[str, str]:
    """The first processor's facts; empty where there is no such file."""
    try:
        first = path.read_text().split("\n\n", 1)[0]
    except OSError:
        return {}
    pairs = (line.partition(":") for line in first.splitlines() if ":" in line)
    return {key.strip(): value.strip() for key, _, value in pairs}


def threads_here(wanted: int) -> int:
    """Threads of a run, as far as this process has processors for them."""
    return max(1, min(wanted, processors()))


def processors() -> int:
    """Processors this process may use: affinity and the control group's quota, at least 1."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
    except (OSError, ValueError):
        return allowed
    return allowed if quota == "max" else max(1, min(allowed, int(quota) // int(period)))
