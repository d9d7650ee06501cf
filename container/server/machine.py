"""What this machine lets the process use: processors, memory, instruction set, and what it has used so far."""

from __future__ import annotations

import os
import resource
import sys
import time
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")


def processors() -> int:
    """Whole processors this process may use: its affinity, cut by the cgroup's CPU quota; at least 1."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _cpu_quota()
    return max(1, count if quota is None else min(count, int(quota + 0.5)))


def _cpu_quota() -> float | None:
    """Processors' worth of time per period, from cgroup v2 or v1; None without a quota."""
    fields = _read(_CGROUP / "cpu.max").split()
    if len(fields) == 2 and fields[0].isdigit() and int(fields[1]) > 0:
        return int(fields[0]) / int(fields[1])
    quota, period = _read(_CGROUP / "cpu/cpu.cfs_quota_us"), _read(_CGROUP / "cpu/cpu.cfs_period_us")
    if quota.isdigit() and period.isdigit() and int(period) > 0:
        return int(quota) / int(period)
    return None


def memory_limit() -> int:
    """Bytes this process may use: the cgroup's limit, else the machine's memory."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for name in ("memory.max", "memory/memory.limit_in_bytes"):
        text = _read(_CGROUP / name)
        if text.isdigit():
            return min(machine, int(text))
    return machine


def has_vnni() -> bool:
    """Whether 8-bit products are summed without saturating (x86 VNNI). True where that question does not arise."""
    if os.uname().machine not in ("x86_64", "AMD64"):
        return True
    flags = next((line for line in _read(Path("/proc/cpuinfo")).splitlines() if line.startswith("flags")), "").split()
    return "avx512_vnni" in flags or "avx_vnni" in flags


def cpu_seconds(children: list[int]) -> float:
    """User and system seconds of this process and of the processes `children` (ids)."""
    return time.process_time() + sum(child_cpu_seconds(pid) for pid in children)


def child_cpu_seconds(pid: int) -> float:
    """User and system seconds of one process; 0 when it is gone or where /proc is missing."""
    fields = _read(Path(f"/proc/{pid}/stat")).rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") if len(fields) > 12 else 0.0


def resident_bytes(children: list[int]) -> int:
    """Resident bytes of this process and of the processes `children`; memory they share counts in each."""
    total = sum(_resident(pid) for pid in [os.getpid(), *children])
    if total:
        return total
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _resident(pid: int) -> int:
    fields = _read(Path(f"/proc/{pid}/statm")).split()
    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE") if len(fields) > 1 else 0


def raise_file_limit() -> None:
    """Lets the process open as many files as the system allows it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard and sys.platform != "darwin":
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace").strip()
    except OSError:
        return ""
