"""Step 1: the example inputs, read from the .npz and matched to the parameters of forward()."""

import inspect
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from optimizer.errors import UserError, sentence
from optimizer.words import count

from .arguments import Dynamic

KINDS = "biuf"
"""numpy's kinds of numbers that torch has."""


@dataclass(frozen=True)
class Example:
    """Inputs in the order of forward's parameters; the first axis of each array is the sample."""

    arrays: Mapping[str, np.ndarray]
    """By the name that the ONNX model's input gets."""
    parameters: Mapping[str, str]
    """From that name to forward's parameter."""
    dynamic: tuple[Dynamic, ...]

    @property
    def samples(self) -> int:
        return len(next(iter(self.arrays.values())))

    def batch(self, size: int, sizes: Mapping[str, int] | None = None) -> dict[str, np.ndarray]:
        """`size` samples, over and over where there are fewer; labelled axes cut to, or repeated up to, `sizes`."""
        made = {name: array[np.arange(size) % len(array)] for name, array in self.arrays.items()}
        for axis in self.dynamic:
            wanted = (sizes or {}).get(axis.label)
            if wanted is not None:
                array = made[axis.input]
                made[axis.input] = array.take(np.arange(wanted) % array.shape[axis.axis], axis=axis.axis)
        return {name: np.ascontiguousarray(array) for name, array in made.items()}

    def tensors(self, arrays: Mapping[str, np.ndarray]) -> dict[str, torch.Tensor]:
        """As forward takes them, by parameter."""
        return {self.parameters[name]: torch.from_numpy(array.copy()) for name, array in arrays.items()}

    def labels(self) -> dict[str, int]:
        """The example's size of each labelled axis."""
        return {axis.label: self.arrays[axis.input].shape[axis.axis] for axis in self.dynamic}

    def traced_batch(self) -> int:
        """Samples that the model is traced with: at least 2, as torch takes 1 for a constant; unlike other sizes."""
        taken = {size for array in self.arrays.values() for size in array.shape[1:]}
        return next(size for size in range(2, len(taken) + 3) if size not in taken)


def read_example(path: Path, model: nn.Module, dynamic: Sequence[Dynamic]) -> Example:
    """Raises UserError with all problems when the example does not fit the model or the labelled axes."""
    arrays = read_arrays(path)
    problems = [problem for name, array in arrays.items() for problem in problems_of(path, name, array)]
    lengths = {name: len(array) for name, array in arrays.items() if array.ndim > 0}
    if len(set(lengths.values())) > 1:
        each = ", ".join(f"'{name}' {length}" for name, length in lengths.items())
        problems.append(f"{path}: the first axis is the sample, but the arrays have different numbers: {each}.")
    if problems:
        raise UserError(problems)
    parameters = matched(path, list(arrays), model)
    axes = axis_problems(path, arrays, dynamic)
    if axes:
        raise UserError(axes)
    return Example({name: arrays[name] for name in parameters}, parameters, tuple(dynamic))


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    try:
        with np.load(path, allow_pickle=False) as archive:
            if isinstance(archive, np.ndarray):
                raise ValueError("it holds a single array")
            arrays = {name: archive[name] for name in archive.files}
    except OSError as error:
        raise UserError(f"--example: {sentence(error)}") from None
    except (ValueError, zipfile.BadZipFile, EOFError) as error:
        raise UserError(
            f"{path} is not an .npz of arrays: {error}. Write it with numpy.savez(path, NAME=array, …)."
        ) from None
    if not arrays:
        raise UserError(f"{path} has no arrays. Write one for each input with numpy.savez(path, NAME=array, …).")
    return arrays


def problems_of(path: Path, name: str, array: np.ndarray) -> list[str]:
    if array.dtype.kind not in KINDS:
        return [f"{path}: '{name}' holds {array.dtype}. Inputs are numbers or booleans."]
    if array.ndim == 0 or len(array) == 0:
        return [f"{path}: '{name}' has shape {list(array.shape)}. Its first axis is the sample, at least one."]
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        return [f"{path}: '{name}' holds NaN or infinity, with which nothing can be compared. Take them out."]
    return []


def matched(path: Path, names: list[str], model: nn.Module) -> dict[str, str]:
    """forward's parameter for each array, in forward's order. Raises UserError when they do not match."""
    kinds = inspect.Parameter
    parameters = [
        parameter
        for parameter in inspect.signature(model.forward).parameters.values()
        if parameter.kind in (kinds.POSITIONAL_OR_KEYWORD, kinds.KEYWORD_ONLY)
    ]
    required = [parameter.name for parameter in parameters if parameter.default is kinds.empty]
    known = [parameter.name for parameter in parameters]
    if len(names) == 1 and names[0] not in known and len(required) == 1:
        return {names[0]: required[0]}
    problems = [
        f"{path}: '{name}' is no parameter of {type(model).__name__}.forward({', '.join(known)}). Rename the array."
        for name in names
        if name not in known
    ]
    problems += [
        f"{path} lacks '{name}', which {type(model).__name__}.forward needs. Add an array of that name."
        for name in required
        if name not in names
    ]
    if problems:
        raise UserError(problems)
    return {name: name for name in known if name in names}


def axis_problems(path: Path, arrays: Mapping[str, np.ndarray], dynamic: Sequence[Dynamic]) -> list[str]:
    problems = []
    sizes: dict[str, int] = {}
    for axis in dynamic:
        array = arrays.get(axis.input)
        if array is None:
            there = ", ".join(arrays)
            problems.append(f"--dynamic names input '{axis.input}', which {path} lacks. It has: {there}.")
        elif axis.axis >= array.ndim:
            problems.append(
                f"--dynamic {axis.input}={axis.axis}:{axis.label}: "
                f"'{axis.input}' has {count(array.ndim, 'axis', 'axes')}"
                f", the last is {array.ndim - 1}."
            )
        elif array.shape[axis.axis] < 2:
            problems.append(
                f"--dynamic {axis.input}={axis.axis}:{axis.label}: "
                f"the example has size {array.shape[axis.axis]} there, "
                "which torch takes for a constant. Give an example with at least 2."
            )
        elif sizes.setdefault(axis.label, array.shape[axis.axis]) != array.shape[axis.axis]:
            problems.append(
                f"--dynamic: axes labelled '{axis.label}' have sizes {sizes[axis.label]} and {array.shape[axis.axis]}; "
                "one label is one size. Use two labels."
            )
    return problems
