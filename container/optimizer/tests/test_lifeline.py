import os
import signal
import subprocess
import sys
import time

import pytest

from optimizer.candidates import PACKAGE_FOLDER

CHILD = """
import os, time
from optimizer import lifeline
lifeline.attach()
print(os.getpid(), flush=True)
"""
WAITING = CHILD + "time.sleep(600)"
STUCK = CHILD + "import ctypes; ctypes.PyDLL(None).sleep(600)"
"""In native code that never lets another Python thread run."""

PARENT = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", sys.argv[1]], stdin=subprocess.PIPE)
time.sleep(600)
"""


def gone(pid: int) -> bool:
    for _ in range(200):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        with open(f"/proc/{pid}/stat") as stat:  # noqa: PTH123
            if stat.read().split()[2] == "Z":
                return True
        time.sleep(0.05)
    return False


@pytest.mark.parametrize("child", [WAITING, STUCK], ids=["waiting", "stuck"])
def test_a_child_ends_when_its_parent_is_killed(child: str) -> None:
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE_FOLDER)}
    parent = subprocess.Popen([sys.executable, "-c", PARENT, child], stdout=subprocess.PIPE, text=True, env=environment)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    assert gone(pid)


def test_a_child_ends_when_the_pipe_closes() -> None:
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE_FOLDER)}
    child = subprocess.Popen(
        [sys.executable, "-c", WAITING], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    )
    assert child.stdout is not None and child.stdin is not None
    child.stdout.readline()
    child.stdin.close()
    assert child.wait(timeout=20) == 1
