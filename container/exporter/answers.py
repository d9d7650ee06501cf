"""What a PyTorch model answers: its outputs flat, in order, with a name each."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

from optimizer.errors import UserError

from .example import Example
from .users_code import UsersCode


def leaves(output: Any, name: str = "") -> Iterator[tuple[str, torch.Tensor]]:
    """Tensors of an output with their names: keys, fields or numbers, joined by '_'; None is left out.

    Raises UserError when something else is among them.
    """
    if isinstance(output, torch.Tensor):
        yield name or "output", output
    elif output is None:
        return
    else:
        for key, value in entries(output, name):
            yield from leaves(value, f"{name}_{key}" if name else key)


def entries(output: Any, name: str) -> list[tuple[str, Any]]:
    if isinstance(output, Mapping):
        return [(str(key), value) for key, value in output.items()]
    if dataclasses.is_dataclass(output) and not isinstance(output, type):
        return [(field.name, getattr(output, field.name)) for field in dataclasses.fields(output)]
    if isinstance(output, tuple) and hasattr(output, "_fields"):
        return list(zip(output._fields, output, strict=True))  # type: ignore[attr-defined]
    if isinstance(output, list | tuple):
        return [(f"{'' if name else 'output_'}{index}", value) for index, value in enumerate(output)]
    where = f"output '{name}'" if name else "the output"
    raise UserError(
        f"forward() returns {type(output).__name__} as {where}. Return tensors, or tuples, lists or dicts of tensors."
    )


def output_names(output: Any, inputs: list[str], asked: tuple[str, ...] | None) -> list[str]:
    """Names of the outputs: those asked for, else those of the structure. Raises UserError when they do not fit."""
    own = [name for name, _ in leaves(output)]
    if not own:
        raise UserError("forward() returns no tensor. Return at least one.")
    if asked is None:
        return [f"{name}_out" if name in inputs else name for name in own]
    if len(asked) != len(own):
        raise UserError(
            f"--output-names gives {len(asked)}, the model has {len(own)}: {', '.join(own)}. Give a name for each."
        )
    both = sorted(set(asked) & set(inputs))
    if both:
        raise UserError(f"--output-names {both[0]}: an input has this name. Choose another.")
    return list(asked)


def run(model: nn.Module, example: Example, arrays: Mapping[str, np.ndarray]) -> Any:
    """The model's output, evaluated without gradients. Raises what the model raises."""
    with torch.no_grad():
        return model(**example.tensors(arrays))


def answers(model: nn.Module, example: Example, arrays: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    """The outputs as numpy arrays, in order. Raises what the model raises."""
    return [tensor.detach().cpu().numpy() for _, tensor in leaves(run(model, example, arrays))]


def first_output(model: nn.Module, example: Example, code: UsersCode) -> Any:
    """The output for the example's first sample and for two. Raises UserError when the model cannot run them."""
    output = None
    for size in (1, 2):
        try:
            with code.heard("The model cannot be run on the example"):
                output = run(model, example, example.batch(size))
        except UserError as error:
            raise UserError(f"{error} {hint(example, size)}".rstrip()) from None
    return output


def hint(example: Example, size: int) -> str:
    doubles = [name for name, array in example.arrays.items() if array.dtype == np.float64]
    if doubles:
        return f"\n'{doubles[0]}' is float64 in the example; most models take float32: save it with .astype('float32')."
    if size > 1:
        return "\nThe first sample alone was answered, two at once were not: the model does not take a batch."
    shapes = ", ".join(f"{name} {[1, *array.shape[1:]]} {array.dtype}" for name, array in example.arrays.items())
    return f"\nIt was given: {shapes}. Make --example fit forward()."
