"""Step 4 (--prune): takes whole channels out of layers, and out of all that depends on them."""

import copy
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
import torch_pruning
from torch import nn

from optimizer.errors import UserError

from .answers import leaves, run
from .example import Example
from .to_onnx import quiet

PRUNABLE = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose2d, nn.Linear)
BLOCK = 8
"""ONNX Runtime computes convolutions in blocks of 8 or 16 channels: 38 take longer than 40."""
LEAST_ROUNDED = 16
"""Layers narrower than this keep what the share leaves, unrounded."""
TRACED = 2
"""Samples that the dependencies are found with."""


@dataclass(frozen=True)
class Layer:
    name: str
    before: int
    """Output channels."""
    after: int


@dataclass
class Pruned:
    layers: list[Layer] = field(default_factory=list)
    whole: dict[str, str] = field(default_factory=dict)
    """Layers that keep all channels, and why."""


def kept_channels(channels: int, share: float) -> int:
    """Channels left of `channels` when `share` of them goes: rounded up, in wide layers to whole blocks."""
    left = math.ceil(channels * (1 - share) - 1e-9)
    rounded = math.ceil(left / BLOCK) * BLOCK
    return rounded if channels >= LEAST_ROUNDED and rounded < channels else max(1, left)


def prune(model: nn.Module, example: Example, share: float) -> Pruned:
    """Prune `model` in place.

    Each group of layers that share channels is tried on a copy first: where the outputs would change their shape or the
    model would not run any more, it stays whole. Raises UserError when nothing can go or a layer would be left empty.
    """
    inputs = example.tensors(example.batch(TRACED))
    trained = {name: parameter.requires_grad for name, parameter in model.named_parameters()}
    # Dependencies are read off the gradients' graph.
    model.requires_grad_(True)
    shapes = output_shapes(model, example)
    result = Pruned()
    targets: dict[str, float] = {}
    with quiet():
        for group in groups(model, inputs):
            problem = trial(model, example, group, share, shapes)
            if problem is None:
                targets |= ratios(model, group, share)
            else:
                result.whole |= dict.fromkeys(group, problem)
        refuse_empty(model, targets, share)
        before = channels(model, targets)
        remove(model, inputs, targets)
    result.layers = [Layer(name, before[name], after) for name, after in channels(model, targets).items()]
    result.layers = [layer for layer in result.layers if layer.after < layer.before]
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(trained.get(name, True))
    if not result.layers:
        raise UserError(nothing(result, share))
    problem = unfit(model, example, shapes)
    if problem:
        raise UserError(f"--prune {share:g}: each layer can be pruned alone, together they cannot: {problem}.")
    return result


def groups(model: nn.Module, inputs: dict[str, torch.Tensor]) -> list[list[str]]:
    """Names of layers whose output channels can only go together, a list for each group, from input to output."""
    graph = torch_pruning.DependencyGraph().build_dependency(model, example_inputs=inputs)
    names = {module: name for name, module in model.named_modules()}
    order = {name: index for index, name in enumerate(names.values())}
    found = [
        sorted(
            {
                names[entry.dep.target.module]
                for entry in group
                if isinstance(entry.dep.target.module, PRUNABLE)
                and graph.is_out_channel_pruning_fn(entry.dep.handler)
                and entry.dep.target.module in names
            },
            key=order.__getitem__,
        )
        for group in graph.get_all_groups(root_module_types=list(PRUNABLE))
    ]
    return sorted((group for group in found if group), key=lambda group: order[group[0]])


def trial(
    model: nn.Module, example: Example, group: list[str], share: float, shapes: list[tuple[int, ...]]
) -> str | None:
    """Why this group cannot be pruned; None when it can."""
    trying = copy.deepcopy(model)
    targets = ratios(trying, group, share)
    before = channels(trying, targets)
    try:
        remove(trying, example.tensors(example.batch(TRACED)), targets)
    except Exception as error:
        return f"torch-pruning: {first_line(error)}"
    if channels(trying, targets) == before:
        return "it has no channel to spare"
    return unfit(trying, example, shapes)


def unfit(model: nn.Module, example: Example, shapes: list[tuple[int, ...]]) -> str | None:
    """Why a pruned model cannot take the place of the whole one; None when it can."""
    try:
        changed = output_shapes(model, example) != shapes
    except Exception as error:
        return f"forward() counts on its width ({first_line(error)})"
    return "it makes an output, whose shape would change" if changed else None


def ratios(model: nn.Module, group: list[str], share: float) -> dict[str, float]:
    """Share of each layer that leaves exactly the channels it is to keep."""
    # Half a channel more, so that no rounding takes one away.
    return {
        name: 1 - (kept_channels(count, share) + 0.5) / count
        for name, count in channels(model, dict.fromkeys(group)).items()
        if kept_channels(count, share) < count
    }


def remove(model: nn.Module, inputs: dict[str, torch.Tensor], targets: Mapping[str, float]) -> None:
    """Take out the channels of least magnitude, the group's layers judged together."""
    if not targets:
        return
    torch_pruning.pruner.BasePruner(
        model,
        inputs,  # type: ignore[arg-type]  # all that build_dependency takes
        importance=torch_pruning.importance.GroupMagnitudeImportance(p=2),
        pruning_ratio=0.0,
        pruning_ratio_dict={model.get_submodule(name): ratio for name, ratio in targets.items()},
        root_module_types=list(PRUNABLE),
    ).step()


def channels(model: nn.Module, names: Mapping[str, Any]) -> dict[str, int]:
    """Output channels of layers."""
    layers = {name: model.get_submodule(name) for name in names}
    return {
        name: int(layer.out_features if isinstance(layer, nn.Linear) else layer.out_channels)  # type: ignore[arg-type]
        for name, layer in layers.items()
    }


def output_shapes(model: nn.Module, example: Example) -> list[tuple[int, ...]]:
    """Shapes of all outputs. Raises what the model raises."""
    return [tuple(tensor.shape) for _, tensor in leaves(run(model, example, example.batch(TRACED)))]


def refuse_empty(model: nn.Module, targets: Mapping[str, float], share: float) -> None:
    """Raises UserError when less than one channel of a layer would be left."""
    widths = channels(model, targets)
    empty = [name for name, count in widths.items() if count * (1 - share) < 1 - 1e-9]
    if empty:
        narrowest = min(widths.values())
        most = math.floor((1 - 1 / narrowest) * 100) / 100
        raise UserError(
            f"--prune {share:g} leaves nothing of {', '.join(empty[:5])}: "
            f"the narrowest layer that can be pruned has {narrowest} channels. At most {most:g} is possible."
        )


def nothing(result: Pruned, share: float) -> str:
    if not result.whole:
        return f"--prune {share:g}: the model has no layer whose channels can go. Leave --prune out."
    reasons = "\n".join(f"  {name}: {why}" for name, why in result.whole.items())
    return f"--prune {share:g} can take no channel out of any layer:\n{reasons}\nGive a larger share, or leave it out."


def first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200].rstrip(".")
