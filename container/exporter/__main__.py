"""`python -m exporter`: checks what was asked for and what is installed, exports, leaves nothing behind."""

import contextlib
import os
import shutil
import signal
import sys
import tempfile
import traceback
from pathlib import Path
from types import FrameType

from optimizer.errors import UserError, sentence

from .arguments import Asked, parse
from .needed import missing_sentence
from .progress import Progress, own_standard_output, steps_of

STOPPING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class StoppedError(BaseException):
    """A signal asked for the end. No Exception, so that the user's own handlers let it pass."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


def stop(number: int, _frame: FrameType | None) -> None:
    raise StoppedError(number)


def main() -> int:
    """Exit status: 0 done, 1 a fault of ours, 2 something to mend, 128 + the signal's number."""
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    for number in STOPPING:
        signal.signal(number, stop)
    scratch = None
    try:
        asked = parse(None)
        check(asked)
        scratch = make_scratch(asked.scratch)
        export(asked, scratch)
        return 0
    except StoppedError as error:
        return 128 + error.number
    except UserError as error:
        print(*error.problems, sep="\n", file=sys.stderr)
        return 2
    except OSError as error:
        print(sentence(error), file=sys.stderr)
        return 2
    except Exception:
        traceback.print_exc()
        return 1
    finally:
        for number in STOPPING:
            signal.signal(number, signal.SIG_IGN)
        if scratch is not None:
            shutil.rmtree(scratch, ignore_errors=True)


def check(asked: Asked) -> None:
    """Raises UserError when this Python lacks something, or the result could not be written in the end."""
    lacking = missing_sentence(asked.prune is not None)
    if lacking:
        raise UserError(lacking)
    if asked.out.is_dir():
        raise UserError(f"--out {asked.out} is a folder. Name a file in it, such as {asked.out / 'model.onnx'}.")
    parent = next(path for path in asked.out.absolute().parents if path.exists())
    if not parent.is_dir() or not os.access(parent, os.W_OK | os.X_OK):
        raise UserError(f"No permission to write to {parent}. Choose another place with --out.")
    if asked.out.exists() and asked.example.exists() and asked.out.samefile(asked.example):
        raise UserError(f"--out {asked.out} would overwrite the example. Name another file.")


def make_scratch(folder: Path | None) -> Path:
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(prefix="slipway-", dir=folder))


def export(asked: Asked, scratch: Path) -> None:
    progress = Progress(steps_of(asked), own_standard_output())
    # torch takes seconds to load, and is there only now for sure.
    from .pipeline import run
    from .summary import summary

    progress.finished(summary(run(asked, progress, scratch)))


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):
        sys.exit(main())
