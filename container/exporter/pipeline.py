"""The whole way: load, run, export, check; with a change also change, train on, export again, compare; write."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from optimizer.errors import UserError

from .answers import first_output, output_names
from .arguments import Asked, Place
from .compare import Compared, compare_models, counts, size
from .example import Example, read_example
from .progress import Progress
from .publish import publish
from .sparsify import Sparse, make_permanent, sparsify, zeros
from .to_onnx import Exported, Wanted, export
from .users_code import UsersCode, give_way


@dataclass(frozen=True)
class Sparsified:
    sparse: Sparse
    zeros: float
    """Share of zeros in these layers of the exported model."""


@dataclass(frozen=True)
class Outcome:
    asked: Asked
    example: Example
    exported: Exported
    pruned: "object | None"
    """`prune.Pruned`; its module is loaded only where torch-pruning is needed."""
    sparsified: Sparsified | None
    compared: Compared | None


def run(asked: Asked, progress: Progress, scratch: Path) -> Outcome:
    """Export to `asked.out`. Raises UserError, and OSError when a file cannot be written."""
    prune = pruning() if asked.prune is not None else None
    give_way()
    seeded()
    code = UsersCode(progress.said)
    progress.step(f"loading {asked.build}")
    model = module_of(code, asked.build, code.call(asked.build))
    if asked.finetune is not None:
        code.function(asked.finetune)
    example = read_example(asked.example, model, asked.dynamic)
    progress.step("running the model on the example")
    names = output_names(first_output(model, example, code), list(example.arrays), asked.output_names)
    wanted = Wanted(names, asked.opset)
    progress.step("exporting and checking")
    exported = export(model, example, wanted, scratch / "given")
    pruned = sparsified = compared = None
    if asked.prune is not None or asked.sparsify is not None:
        given, before = exported, size(counts(model, example), exported)
        if asked.prune is not None and prune is not None:
            progress.step(f"pruning {asked.prune:.0%} of the channels")
            pruned = prune(model, example, asked.prune)
        sparse = None
        if asked.sparsify is not None:
            progress.step(f"setting {asked.sparsify:.0%} of the weights to zero")
            sparse = sparsify(model, asked.sparsify, asked.two_of_four)
        if asked.finetune is not None:
            progress.step(f"training on with {asked.finetune}")
            model = trained_on(code, asked.finetune, model)
        if sparse is not None:
            make_permanent(model, sparse.layers)
            sparsified = Sparsified(sparse, zeros(model, sparse.layers))
        first_output(model, example, code)
        progress.step("exporting and checking the changed model")
        exported = export(model, example, wanted, scratch / "changed")
        progress.step("comparing with the given model")
        after = size(counts(model, example), exported)
        compared = compare_models(given, exported, (before, after), example)
    progress.step(f"writing {asked.out}")
    publish(exported, asked.out, scratch.name)
    return Outcome(asked, example, exported, pruned, sparsified, compared)


def pruning():
    """`prune.prune`, loaded before the user's code since it is ours."""
    from .prune import prune

    return prune


def seeded() -> None:
    """The same random numbers in every run, for weights that are made up and for training."""
    torch.manual_seed(0)
    np.random.seed(0)


def module_of(code: UsersCode, place: Place, made: object) -> nn.Module:
    """The user's model on the CPU, as it is used in production. Raises UserError when it is none."""
    if isinstance(made, torch.jit.ScriptModule):
        raise UserError(f"{place} returned a ScriptModule. Return the nn.Module that it was made from.")
    if not isinstance(made, nn.Module):
        raise UserError(f"{place} returned {type(made).__name__}. It has to return an nn.Module, its weights loaded.")
    with code.heard(f"The model of {place} cannot be moved to the CPU"):
        return made.cpu().eval()


def trained_on(code: UsersCode, place: Place, model: nn.Module) -> nn.Module:
    """What the fine-tune function returns, or the model it was given when it returns nothing."""
    model.train()
    returned = code.call(place, model)
    return module_of(code, place, model if returned is None else returned)
