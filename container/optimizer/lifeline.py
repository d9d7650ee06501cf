"""Ties a process to the one that started it: when the parent dies, by whatever signal, the child ends too."""

import ctypes
import os
import signal
import sys
import threading

_PR_SET_PDEATHSIG = 1


def attach() -> None:
    """Call first in a child started with a pipe as standard input that the parent holds open.

    Linux: the kernel kills this process when the parent's thread ends. Everywhere: end of file on the pipe ends it,
    which also covers a parent that died before this call.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    while os.read(0, 1):
        pass
    os._exit(1)
