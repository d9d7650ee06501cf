"""Time without a processor: it grows where threads are more than processors, and never falls."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from server import waits
from server.waits import Waits, own_seconds

LINUX = Path("/proc/thread-self/schedstat").exists()
pytestmark = pytest.mark.skipif(not LINUX, reason="only Linux counts it")

# Four busy processes on one processor: each waits for most of the time.
CROWD = """
import os, sys, time
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
for _ in range(3): os.fork()
while time.process_time() < 0.1: pass
"""


def test_more_threads_than_processors_wait() -> None:
    script = f"{CROWD}\nsys.path.insert(0, {str(Path(waits.__file__).parents[1])!r})\n" + (
        "from server.waits import Waits, own_seconds\n"
        "waited, own = Waits().seconds([]), dict(own_seconds())\n"
        "print(waited > own['running'] >= 0.1, abs(own['waiting'] / waited - 1) < 0.1)"
    )
    lines = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True).stdout.split(b"\n")
    assert b"True True" in lines


def test_what_a_thread_waited_stays_counted_when_it_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    threads = {"1": 5_000_000_000, "2": 2_000_000_000}
    monkeypatch.setattr(waits, "_of_threads", lambda _: list(threads.items()))
    counted = Waits()
    assert counted.seconds([]) == 7
    del threads["2"]
    threads["1"] += 1_000_000_000
    assert counted.seconds([]) == 8
    # The number of an ended thread comes again.
    threads["2"] = 500_000_000
    assert counted.seconds([]) == 8.5
    threads["1"] = 0
    assert counted.seconds([]) == 8.5


def test_children_count_and_those_that_are_gone_do_not_fail() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        counted = Waits()
        assert counted.seconds([child.pid]) is not None
        child.communicate(b"\n")
    assert counted.seconds([child.pid]) is not None


def test_the_calling_thread_alone_is_asked() -> None:
    done = threading.Event()
    spinning = threading.Thread(target=lambda: [None for _ in iter(done.is_set, True)])
    before, started = sum(dict(own_seconds()).values()), time.monotonic()
    spinning.start()
    time.sleep(0.3)
    done.set()
    spinning.join()
    assert sum(dict(own_seconds()).values()) - before < (time.monotonic() - started) / 2


def test_a_system_that_is_silent_gives_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "iterdir", lambda _: iter(()))
    assert Waits().seconds([]) is None
