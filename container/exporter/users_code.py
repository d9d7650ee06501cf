"""Runs the user's own functions: loaded from their own folder, their prints passed on, their errors with traceback."""

import contextlib
import importlib.util
import io
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from optimizer.errors import UserError

from .arguments import Place

OURS = ("exporter", "optimizer", "server")
"""Packages of Slipway's that lie beside this one; a user's own module of the same name comes first."""


class SaidBy(io.TextIOBase):
    """A text stream that passes on whole lines; of a line written over again (`\\r`), the last form."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self.say = say
        self.rest = ""

    def write(self, text: str) -> int:
        *lines, self.rest = (self.rest + text).replace("\r\n", "\n").split("\n")
        for line in lines:
            self.pass_on(line)
        return len(text)

    def pass_on(self, line: str) -> None:
        line = line.rstrip().rsplit("\r", 1)[-1].rstrip()
        if line:
            self.say(line)

    def finish(self) -> None:
        """Pass on what had no line's end."""
        self.pass_on(self.rest)
        self.rest = ""

    def writable(self) -> bool:
        return True


def give_way() -> None:
    """Let imports from now on find the user's modules where Slipway has packages of the same name.

    Everything of ours has to be imported before.
    """
    for name in [name for name in sys.modules if name.split(".")[0] in OURS]:
        del sys.modules[name]
    package = str(Path(__file__).resolve().parent.parent)
    if package in sys.path:
        sys.path.remove(package)
        sys.path.append(package)


class UsersCode:
    """The user's files, each loaded once."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self.say = say
        self.loaded: dict[Path, ModuleType] = {}

    def function(self, place: Place) -> Callable[..., Any]:
        """Load the file and take the function out. Raises UserError."""
        module = self.module(place.file)
        found = getattr(module, place.function, None)
        if found is None:
            there = sorted(
                name
                for name, value in vars(module).items()
                if callable(value) and getattr(value, "__module__", None) == module.__name__
            )
            has = f"It has: {', '.join(there)}." if there else "It has no functions of its own."
            raise UserError(f"{place.file} has no function '{place.function}'. {has}")
        if not callable(found):
            raise UserError(f"{place} is not a function but {type(found).__name__}. Name a function.")
        return found

    def module(self, file: Path) -> ModuleType:
        if not file.is_file():
            kind = "a folder" if file.is_dir() else "not there"
            raise UserError(f"{file} is {kind}. Name a Python file, as in train.py:build_model.")
        path = file.resolve()
        if path in self.loaded:
            return self.loaded[path]
        name = path.stem if path.stem not in sys.modules else f"_of_user_{path.stem}"
        spec = importlib.util.spec_from_file_location(name, path)
        if spec is None or spec.loader is None:
            raise UserError(f"{file} is not a Python file: its name has to end in .py.")
        module = importlib.util.module_from_spec(spec)
        if str(path.parent) not in sys.path:
            sys.path.insert(0, str(path.parent))
        sys.modules[name] = module
        with self.heard(f"{file.name} cannot be loaded"):
            spec.loader.exec_module(module)
        self.loaded[path] = module
        return module

    def call(self, place: Place, *arguments: Any) -> Any:
        """Call the user's function. Raises UserError when it fails."""
        function = self.function(place)
        with self.heard(f"{place} failed"):
            return function(*arguments)

    @contextlib.contextmanager
    def heard(self, failed: str) -> Iterator[None]:
        """What the user's code prints is passed on, what it raises becomes a UserError that begins with `failed`."""
        said = SaidBy(self.say)
        try:
            with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
                yield
        except SystemExit as error:
            raise UserError(
                f"{failed}: it ended Python (exit {error.code}). "
                "Put what is to run only as a script under if __name__ == '__main__'."
            ) from None
        except Exception as error:
            raise UserError(f"{failed}:\n{own_traceback(error)}") from None
        finally:
            said.finish()


def own_traceback(error: BaseException) -> str:
    """The traceback without Slipway's own frames and Python's import machinery."""
    here = Path(__file__).resolve().parent
    whole = traceback.TracebackException.from_exception(error)
    users = [
        frame
        for frame in whole.stack
        if here not in Path(frame.filename).parents and not frame.filename.startswith("<frozen importlib")
    ]
    whole.stack = traceback.StackSummary.from_list(users)
    return "".join(whole.format()).rstrip()
