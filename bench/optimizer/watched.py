"""Optimizer bench: runs a command and measures what it and everything it starts need."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

INTERVAL = 0.1


@dataclass(frozen=True)
class Needed:
    """What a finished command needed."""

    code: int
    seconds: float
    peak_bytes: int
    """Of all its processes together at the same moment, shared pages counted once; 0 where the system does not tell."""
    processors: int
    errors: str
    """The end of what it said on standard error."""


def watch(
    command: Sequence[str], *, env: Mapping[str, str], cwd: Path, limit: float, processors: int | None = None
) -> Needed:
    """Run to the end, on the first `processors` that this process may use. Ends it after `limit` seconds."""
    allowed = sorted(os.sched_getaffinity(0))[:processors]
    log = cwd / "errors.txt"
    started = time.monotonic()
    with log.open("wb") as errors:
        process = subprocess.Popen(
            command,
            env={**os.environ, **env},
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
        )
        os.sched_setaffinity(process.pid, allowed)
        peak = 0
        try:
            while process.poll() is None:
                peak = max(peak, sum(held(pid) for pid in family(process.pid)))
                if time.monotonic() - started > limit:
                    break
                time.sleep(INTERVAL)
        finally:
            over = process.poll() is None
            if over:
                end(process)
    said = log.read_text("utf-8", "replace")[-1500:].strip()
    return Needed(
        process.wait(),
        time.monotonic() - started,
        peak,
        len(allowed),
        f"took longer than {limit:.0f} s" if over else said,
    )


def end(process: subprocess.Popen) -> None:
    """First asked, so that it removes what it made; then made to, its whole family too."""
    kin = family(process.pid)
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(10)
    for pid in kin:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, 9)
    process.wait()


def family(pid: int) -> list[int]:
    """The process and its descendants."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, IndexError, ValueError):
                continue
    found, grown = {pid}, True
    while grown:
        more = {child for child, parent in parents.items() if parent in found} - found
        found |= more
        grown = bool(more)
    return sorted(found)


def held(pid: int) -> int:
    """Memory of one process in bytes, its share of pages that others hold too."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)
