"""Stages 3 and 5: calls the user's metric once. `python -m optimizer.metric_call QUESTION.json`.

Whatever the user's code raises, prints or gives ends as a number, a row of numbers or one sentence in the target file.
"""

import importlib.util
import inspect
import json
import numbers
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from . import lifeline
from .answer_files import load_answers, load_arrays
from .progress import own_standard_output


@dataclass(frozen=True)
class Question:
    """What the metric's process has to know; paths as text."""

    file: str
    function: str
    answers: str
    samples: str
    """Inputs by `input:NAME`, all samples."""
    labels: str | None
    """An .npz with `labels`, all samples."""
    rows: list[int]
    """Of the samples, those that were answered."""
    target: str
    """Where the result is written: `value`, `each` or `failure`, a sentence."""


class RefusedError(Exception):
    """What is wrong with the user's function, a sentence without a full stop."""


def ask(question: Question) -> dict[str, Any]:
    """`value`, or `each`. Raises RefusedError."""
    metric = function_of(Path(question.file), question.function)
    rows = np.array(question.rows)
    inputs = {name.removeprefix("input:"): v[rows] for name, v in load_arrays(Path(question.samples)).items()}
    labels = load_arrays(Path(question.labels))["labels"][rows] if question.labels else None
    outputs = {name: joined(values) for name, values in load_answers(Path(question.answers)).items()}
    try:
        given = metric(outputs, inputs, labels)
    except BaseException as error:
        raise RefusedError(told(error, Path(question.file))) from None
    return checked(given, question.function, len(rows))


def joined(values: Sequence[np.ndarray]) -> np.ndarray | list[np.ndarray]:
    """An output, samples first: one array, or a list where samples differ in shape. A batch of 1 is taken off each."""
    batched = all(value.ndim > 0 and len(value) == 1 for value in values)
    plain = [value[0] for value in values] if batched else list(values)
    return np.stack(plain) if len({value.shape for value in plain}) == 1 else plain


def function_of(file: Path, name: str) -> Callable[..., object]:
    """The function of the user's file. Raises RefusedError when there is none, or the file cannot be run."""
    sys.path.insert(0, str(file.parent))
    module = load(file)
    found = getattr(module, name, None)
    if found is None:
        others = [
            key
            for key, value in vars(module).items()
            if inspect.isfunction(value) and value.__module__ == module.__name__
        ]
        raise RefusedError(f"{file.name} has no function '{name}'; it has: {', '.join(others) or 'none'}")
    if not callable(found) or inspect.iscoroutinefunction(found):
        kind = "an async function" if inspect.iscoroutinefunction(found) else f"a {type(found).__name__}"
        raise RefusedError(f"'{name}' in {file.name} is {kind}, and has to be a plain function")
    try:
        inspect.signature(found).bind({}, {}, None)
    except TypeError as error:
        raise RefusedError(
            f"'{name}' in {file.name} cannot be called with (outputs, inputs, labels): {error}"
        ) from None
    except ValueError:
        # Functions written in C do not tell their parameters; the call will.
        pass
    return found


def load(file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("slipway_metric", file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException as error:
        raise RefusedError(told(error, file)) from None
    return module


def told(error: BaseException, file: Path) -> str:
    """An exception with the last line of the user's file that led to it."""
    what = f"{type(error).__name__}: {error}".strip().rstrip(".:").replace("\n", " ")[:300]
    if isinstance(error, SyntaxError):
        place = f"line {error.lineno}, " if error.filename == str(file) else ""
        return f"{file.name}, {place}SyntaxError: {error.msg}"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(file)]
    if not frames:
        return f"{file.name}: {what}"
    where = f", in {frames[-1].name}" if frames[-1].name != "<module>" else ""
    return f"{file.name}, line {frames[-1].lineno}{where}: {what}"


def checked(given: object, function: str, count: int) -> dict[str, Any]:
    """What the function gave, as plain numbers. Raises RefusedError."""
    wanted = f"give one number, or one for each of the {count} samples"
    if isinstance(given, numbers.Real) or (isinstance(given, np.ndarray | np.generic) and np.ndim(given) == 0):
        values, single = np.array([given]), True
    elif isinstance(given, np.ndarray | list | tuple):
        try:
            values, single = np.asarray(given), False
        except ValueError:
            raise RefusedError(f"{function} gave a {type(given).__name__} of several lengths; {wanted}") from None
    else:
        raise RefusedError(f"{function} gave {described(given)}; {wanted}")
    if values.dtype.kind not in "fiub":
        raise RefusedError(f"{function} gave {described(given)}, which holds no real numbers; {wanted}")
    if not single and values.shape != (count,):
        raise RefusedError(f"{function} gave an array of shape {list(values.shape)}; {wanted}")
    values = values.astype(np.float64)
    if not np.isfinite(values).all():
        row = int(np.flatnonzero(~np.isfinite(values))[0])
        raise RefusedError(f"{function} gave {values[row]}" + ("" if single else f" for sample {row}") + f"; {wanted}")
    return {"value": float(values[0]), "each": None} if single else {"value": None, "each": values.tolist()}


def described(given: object) -> str:
    return "None" if given is None else f"a {type(given).__name__}"


def main() -> int:
    lifeline.attach()
    own_standard_output()
    document: Mapping[str, Any] = json.loads(Path(sys.argv[1]).read_text())
    question = Question(**document)
    try:
        found = ask(question)
    except RefusedError as error:
        found = {"failure": str(error)}
    except MemoryError:
        found = {"failure": "it ran out of memory"}
    target = Path(question.target)
    part = target.with_suffix(".part")
    part.write_text(json.dumps(found))
    part.rename(target)
    return 0


if __name__ == "__main__":
    sys.exit(main())
