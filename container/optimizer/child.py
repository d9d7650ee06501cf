"""Runs one step in a process of its own, within limits of time and memory, and tells how it ended."""

import contextlib
import resource
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Ended:
    """How a child ended."""

    code: int
    """Exit status; minus the signal's number when a signal ended it."""
    timed_out: bool
    seconds: float
    complaint: str
    """The last line it wrote to standard error; empty when it wrote none."""

    @property
    def crashed(self) -> str | None:
        """The signal's name when one ended the child, other than for its time limit."""
        return signal.Signals(-self.code).name if self.code < 0 and not self.timed_out else None


def run_limited(
    command: Sequence[str],
    *,
    seconds: float,
    memory_bytes: int,
    environment: Mapping[str, str],
    errors: Path,
    on_line: Callable[[str], None],
) -> Ended:
    """Run `command` to its end, or kill it after `seconds`.

    Memory that the child allocates is bounded by `memory_bytes` where the system can (Linux); its standard error goes
    to the file `errors`; `on_line` gets each line of its standard output. Its standard input is a pipe that stays open
    for as long as this process lives (see `lifeline`).
    """
    start = time.monotonic()
    timed_out = threading.Event()
    with errors.open("wb") as stderr:
        child = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr, env=dict(environment), text=True
        )
    limit_memory(child.pid, memory_bytes)

    def expire() -> None:
        timed_out.set()
        child.kill()

    timer = threading.Timer(seconds, expire)
    timer.daemon = True
    timer.start()
    assert child.stdout is not None and child.stdin is not None
    try:
        for line in child.stdout:
            on_line(line.rstrip("\n"))
        child.wait()
    except BaseException:
        child.kill()
        child.wait()
        raise
    finally:
        timer.cancel()
        child.stdin.close()
        child.stdout.close()
    return Ended(
        code=child.returncode,
        timed_out=timed_out.is_set() and child.returncode == -signal.SIGKILL,
        seconds=time.monotonic() - start,
        complaint=last_line(errors),
    )


def limit_memory(pid: int, memory_bytes: int) -> None:
    """Bound what process `pid` can allocate, bytes; nothing happens where the system offers no such limit."""
    prlimit = getattr(resource, "prlimit", None)
    if prlimit is not None:
        with contextlib.suppress(ProcessLookupError, PermissionError, ValueError):
            prlimit(pid, resource.RLIMIT_DATA, (memory_bytes, memory_bytes))


def last_line(path: Path) -> str:
    """The last line of a file that is not blank, at most 300 characters of it."""
    lines = [line.strip() for line in path.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1][:300] if lines else ""
