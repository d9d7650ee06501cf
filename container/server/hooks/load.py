"""Loads the hooks file before the server is ready, and says with file and line what is wrong with it."""

from __future__ import annotations

import dis
import importlib.util
import inspect
import os
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any

from server.config import HookFile
from server.errors import StartError

NAMES = {"pre": ("request",), "post": ("outputs", "request")}


@dataclass(frozen=True, slots=True)
class Hooks:
    """What the file defines; at least one of the two. `seconds`: time one call may take."""

    file: Path
    seconds: float
    pre: Callable[[Any], Any] | None
    post: Callable[[Any, Any], Any] | None


def load(given: HookFile) -> Hooks:
    """Runs the file once. Raises StartError: it fails, defines neither function, or one that cannot be called so."""
    # Standard output carries two lines for the program above: what hooks print goes to the log's stream.
    sys.stdout = sys.stderr
    module = _imported(given.file)
    functions: dict[str, Any] = {name: getattr(module, name, None) for name in NAMES}
    if not any(functions.values()):
        raise StartError(
            f"{given.file} defines neither 'pre' nor 'post'. Define pre(request), post(outputs, request) or both."
        )
    problems = [
        problem for name, function in functions.items() if function is not None and (problem := _fault(name, function))
    ]
    if problems:
        raise StartError(f"{given.file}: {'; '.join(problems)}.")
    return Hooks(given.file, given.seconds, functions["pre"], functions["post"])


def _imported(file: Path) -> ModuleType:
    # Modules beside the file can be imported by their names.
    sys.path.insert(0, str(file.parent))
    spec = importlib.util.spec_from_file_location("slipway_hooks", file)
    if spec is None or spec.loader is None:
        raise StartError(f"{file} is no Python file. Name it with .py.")
    module = importlib.util.module_from_spec(spec)
    sys.modules["slipway_hooks"] = module
    try:
        spec.loader.exec_module(module)
    except SyntaxError as error:
        raise StartError(
            f"{error.filename or file}, line {error.lineno}: {type(error).__name__}: {error.msg}."
        ) from error
    except ModuleNotFoundError as error:
        advice = (
            "Name its package in the requirements (serving.requirements, --requirements), or put it beside hooks.py in "
            "a folder and give the folder (serving.hooks, --hooks)"
        )
        raise StartError(f"{_where(error.__traceback__, file)}: {error}. {advice}.") from error
    except (Exception, SystemExit) as error:
        raise StartError(f"{_where(error.__traceback__, file)}: {type(error).__name__}: {str(error)[:300]}.") from error
    return module


def _where(trace: TracebackType | None, file: Path) -> str:
    line = line_in(trace, file)
    return f"{file}, line {line}" if line else str(file)


def line_in(trace: TracebackType | None, file: Path) -> int | None:
    """The innermost line of `file` that a traceback passes through."""
    lines = [
        entry.lineno for entry in traceback.extract_tb(trace) if os.path.samestat(_stat(entry.filename), _stat(file))
    ]
    return lines[-1] if lines else None


def raised_in(trace: TracebackType | None, file: Path) -> bool:
    """Whether a `raise X` of `file` raised, not something that it called, whose words may tell internals."""
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None or not os.path.samestat(_stat(trace.tb_frame.f_code.co_filename), _stat(file)):
        return False
    code = trace.tb_frame.f_code.co_code
    return dis.opname[code[trace.tb_lasti]] == "RAISE_VARARGS" and code[trace.tb_lasti + 1] > 0


def _stat(path: str | Path) -> os.stat_result:
    try:
        return os.stat(path)  # noqa: PTH116
    except OSError:
        return os.stat_result((0,) * 10)


def _fault(name: str, function: Any) -> str | None:
    wanted = f"{name}({', '.join(NAMES[name])})"
    if not callable(function):
        return f"'{name}' is {type(function).__name__}, not a function; define {wanted}"
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        return f"'{name}' is async; define it with a plain def, it runs in a thread of its own"
    if inspect.isgeneratorfunction(function):
        return f"'{name}' is a generator (it has a yield); return the whole answer"
    try:
        inspect.signature(function).bind(*NAMES[name])
    except (TypeError, ValueError):
        return f"'{name}' cannot be called as {wanted}"
    return None
