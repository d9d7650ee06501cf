"""Step 4 (--sparsify): sets the smallest weights to zero and keeps them there while the model is trained on."""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.utils import prune

from optimizer.errors import UserError

WEIGHTED = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Linear)
FOUR, OF_FOUR = 4, 2


@dataclass(frozen=True)
class Sparse:
    layers: tuple[str, ...]
    skipped: dict[str, str]
    """Layers left dense, and why."""


class TwoOfFour(prune.BasePruningMethod):
    """Keeps the two largest of four neighbours along the input channels, as sparse tensor cores of GPUs take them."""

    PRUNING_TYPE = "unstructured"

    def compute_mask(self, t: torch.Tensor, default_mask: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
        # Input channels last, in fours.
        moved = t.detach().abs().movedim(1, -1)
        fours = moved.reshape(-1, FOUR)
        least = fours.argsort(dim=1, stable=True)[:, :OF_FOUR]
        mask = torch.ones_like(fours).scatter_(1, least, 0.0)
        return mask.reshape(moved.shape).movedim(-1, 1) * default_mask


def sparsify(model: nn.Module, share: float, two_of_four: bool) -> Sparse:
    """Mask the weights of convolutions and dense layers: over all layers together, or two of every four in each.

    The masks hold until `make_permanent`. Raises UserError when there is nothing to mask.
    """
    weighted = {name: module for name, module in model.named_modules() if isinstance(module, WEIGHTED)}
    skipped: dict[str, str] = {}
    if two_of_four:
        skipped = {
            name: f"{module.weight.shape[1]} input channels are no multiple of 4"
            for name, module in weighted.items()
            if module.weight.shape[1] % FOUR
        }
    chosen = {name: module for name, module in weighted.items() if name not in skipped}
    if not chosen:
        reasons = "".join(f"\n  {name}: {why}" for name, why in skipped.items())
        raise UserError(f"--sparsify: the model has no convolution or dense layer that can take zeros.{reasons}")
    if two_of_four:
        for module in chosen.values():
            TwoOfFour.apply(module, "weight")
    else:
        prune.global_unstructured(
            [(module, "weight") for module in chosen.values()], pruning_method=prune.L1Unstructured, amount=share
        )
    return Sparse(tuple(chosen), skipped)


def make_permanent(model: nn.Module, layers: Iterable[str]) -> None:
    """Write the zeros into the weights and drop the masks. Raises UserError when the masks are gone."""
    for name in layers:
        try:
            prune.remove(model.get_submodule(name), "weight")
        except (ValueError, AttributeError):
            raise UserError(
                f"The model that the fine-tune function returned has no mask on {name}.weight, so its zeros are lost. "
                "Train the model that is passed in, and return it or nothing."
            ) from None


def zeros(model: nn.Module, layers: Iterable[str]) -> float:
    """Share of zeros among the weights of these layers."""
    weights = [weight for name in layers if isinstance(weight := model.get_submodule(name).weight, torch.Tensor)]
    return sum(int(weight.eq(0).sum()) for weight in weights) / sum(weight.numel() for weight in weights)
