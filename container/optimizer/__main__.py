"""`python -m optimizer`: starts the process that works, passes signals on as its end, leaves nothing behind.

The watcher imports neither onnx nor onnxruntime, so that a crash inside them ends the worker only.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import FrameType

from .arguments import parse
from .errors import UserError, sentence
from .publish import remove_staging

STOPPING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class StoppedError(Exception):
    """A signal asked for the end."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


def main() -> int:
    options = parse(None)
    for number in STOPPING:
        signal.signal(number, stop)
    existed = options.out.exists()
    scratch, worker = None, None
    try:
        check_out(options.out)
        scratch = make_scratch(options.scratch)
        worker = start(sys.argv[1:], scratch)
        return status(worker.wait())
    except StoppedError as error:
        return 128 + error.number
    except UserError as error:
        print(*error.problems, sep="\n", file=sys.stderr)
        return 2
    finally:
        for number in STOPPING:
            signal.signal(number, signal.SIG_IGN)
        if worker is not None:
            end(worker)
        if scratch is not None:
            shutil.rmtree(scratch, ignore_errors=True)
            remove_staging(options.out, scratch.name, existed)


def stop(number: int, _frame: FrameType | None) -> None:
    raise StoppedError(number)


def check_out(out: Path) -> None:
    """Raises UserError when results could not be written to `out` in the end."""
    if out.exists() and not out.is_dir():
        raise UserError(f"--out {out} is a file. Name a folder.")
    parent = next(path for path in (out, *out.absolute().parents) if path.exists())
    if not parent.is_dir() or not os.access(parent, os.W_OK | os.X_OK):
        raise UserError(f"No permission to write to {parent}. Choose another folder with --out.")


def make_scratch(folder: Path | None) -> Path:
    try:
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix="slipway-", dir=folder))
    except OSError as error:
        raise UserError(sentence(error)) from None


def start(arguments: list[str], scratch: Path) -> subprocess.Popen[bytes]:
    """The worker in a process group of its own; the pipe on its standard input tells it that we live."""
    package = str(Path(__file__).resolve().parent.parent)
    search = os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH")]))
    return subprocess.Popen(
        [sys.executable, "-m", "optimizer.run", *arguments, "--scratch", str(scratch)],
        stdin=subprocess.PIPE,
        process_group=0,
        env={**os.environ, "ORT_DISABLE_TELEMETRY": "1", "PYTHONPATH": search, "TMPDIR": str(scratch)},
    )


def status(code: int) -> int:
    """Our exit status from the worker's."""
    if code >= 0:
        return code
    name = signal.Signals(-code).name
    memory = " Most likely the machine has too little memory." if -code == signal.SIGKILL else ""
    print(f"Running the model ended the optimizer's process ({name}).{memory}", file=sys.stderr)
    return 1


def end(worker: subprocess.Popen[bytes]) -> None:
    """Kill the worker and its candidates, and wait until they are gone."""
    for _ in range(200):
        try:
            os.killpg(worker.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            return
        worker.poll()
        time.sleep(0.01)


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):
        sys.exit(main())
