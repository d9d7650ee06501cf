"""How long threads of the server had work and no processor: other programs, or a limit on processor time, had it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from pathlib import Path


class Waits:
    """Seconds that threads were ready to run and had no processor, as Linux counts them (schedstat)."""

    def __init__(self) -> None:
        self._last: dict[tuple[int, str], int] = {}
        self._ended = 0

    def seconds(self, children: list[int]) -> float | None:
        """Of this process and of the processes `children` (ids), ended threads too; None where the system is silent."""
        now = {(pid, thread): wait for pid in [os.getpid(), *children] for thread, wait in _of_threads(pid)}
        if not now:
            return None
        # What was counted of a thread that is gone, or whose number is another's now, stays counted.
        self._ended += sum(wait for key, wait in self._last.items() if wait > now.get(key, 0))
        self._last = now
        return (self._ended + sum(now.values())) / 1e9


def own_seconds() -> Iterable[tuple[str, float]]:
    """Of the calling thread: seconds that it ran, and that it was ready to run and had no processor, by state."""
    yield "running", time.thread_time()
    waited = _waited(Path("/proc/thread-self/schedstat"))
    if waited is not None:
        yield "waiting", waited / 1e9


def _of_threads(pid: int) -> list[tuple[str, int]]:
    try:
        threads = list(Path(f"/proc/{pid}/task").iterdir())
    except OSError:
        return []
    waits = [(thread.name, _waited(thread / "schedstat")) for thread in threads]
    return [(thread, wait) for thread, wait in waits if wait is not None]


def _waited(path: Path) -> int | None:
    """Nanoseconds; the file has those that the thread ran, those that it waited, and how often it ran."""
    try:
        fields = path.read_bytes().split()
        return int(fields[1])
    except (OSError, IndexError, ValueError):
        return None
