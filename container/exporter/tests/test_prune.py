"""Step 4, --prune: channels really go, whatever depends on them goes too, and what cannot be pruned stays whole."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from exporter.example import Example
from exporter.prune import BLOCK, LEAST_ROUNDED, Layer, Pruned, kept_channels, prune
from optimizer.errors import UserError


def pruned(model: nn.Module, x: np.ndarray, share: float) -> Pruned:
    return prune(model.eval(), Example({"x": x}, {"x": "x"}, ()), share)


@given(st.integers(1, 5000), st.floats(0.01, 0.99))
def test_what_is_kept_is_at_least_the_rest_in_whole_blocks(channels, share):
    kept = kept_channels(channels, share)
    assert 1 <= kept <= channels
    assert kept >= channels * (1 - share) - 1e-6
    assert kept < channels * (1 - share) + (BLOCK if channels >= LEAST_ROUNDED else 1)
    if channels >= LEAST_ROUNDED:
        assert kept % BLOCK == 0 or kept > (channels - 1) // BLOCK * BLOCK


@pytest.mark.parametrize(
    ("channels", "share", "kept"),
    [(64, 0.4, 40), (64, 0.5, 32), (10, 0.4, 6), (16, 0.4, 10), (48, 0.4, 32), (1, 0.9, 1)],
)
def test_channels_kept(channels, share, kept):
    assert kept_channels(channels, share) == kept


class Residual(nn.Module):
    """A residual block, a depthwise and a grouped convolution; the flattened size is found, not written down."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 32, 3, padding=1)
        self.inner = nn.Conv2d(32, 48, 3, padding=1)
        self.norm = nn.BatchNorm2d(48)
        self.back = nn.Conv2d(48, 32, 3, padding=1)
        self.depthwise = nn.Conv2d(32, 32, 3, padding=1, groups=32)
        self.point = nn.Conv2d(32, 64, 1)
        self.classes = nn.Linear(64, 10)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        x = torch.relu(self.stem(x))
        x = x + self.back(torch.relu(self.norm(self.inner(x))))
        features = torch.relu(self.point(self.depthwise(x))).mean((2, 3))
        return self.classes(features), features


def test_layers_that_share_channels_lose_the_same_ones():
    torch.manual_seed(0)
    model = Residual()
    before = sum(parameter.numel() for parameter in model.parameters())
    x = np.zeros((2, 3, 8, 8), np.float32)
    result = pruned(model, x, 0.4)
    kept = {layer.name: (layer.before, layer.after) for layer in result.layers}
    # 'point' makes the second output.
    assert kept == {"stem": (32, 24), "back": (32, 24), "depthwise": (32, 24), "inner": (48, 32)}
    assert result.whole == dict.fromkeys(("point", "classes"), "it makes an output, whose shape would change")
    assert model.depthwise.weight.shape == (24, 1, 3, 3)
    assert model.point.weight.shape == (64, 24, 1, 1)
    assert model.norm.running_mean is not None and model.norm.running_mean.shape == (32,)
    assert sum(parameter.numel() for parameter in model.parameters()) < 0.6 * before
    classes, features = model(torch.zeros(5, 3, 8, 8))
    assert (classes.shape, features.shape) == ((5, 10), (5, 64))


def test_the_weakest_channels_go():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 10), nn.ReLU(), nn.Linear(10, 3))
    weak = [1, 4, 6, 9]
    with torch.no_grad():
        model[0].weight[weak] *= 1e-4
        model[0].bias[weak] = 0  # type: ignore[index]
        model[2].weight[:, weak] *= 1e-4
    x = torch.randn(20, 4)
    expected = model(x).detach()
    result = prune(model.eval(), Example({"x": x.numpy()}, {"x": "input"}, ()), 0.4)
    assert result.layers == [Layer("0", 10, 6)]
    torch.testing.assert_close(model(x), expected, atol=1e-5, rtol=1e-4)


class Attention(nn.Module):
    """Heads of a width that is written down, and a feed-forward part that is not."""

    def __init__(self) -> None:
        super().__init__()
        self.position = nn.Parameter(torch.randn(1, 7, 16))
        self.qkv, self.project = nn.Linear(16, 48), nn.Linear(16, 16)
        self.wide, self.narrow = nn.Linear(16, 64), nn.Linear(64, 16)
        self.frozen = nn.Linear(16, 16).requires_grad_(False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.frozen(x) + self.position
        query, key, value = self.qkv(x).reshape(-1, 7, 3, 2, 8).permute(2, 0, 3, 1, 4)
        mixed = nn.functional.scaled_dot_product_attention(query, key, value).transpose(1, 2).reshape(-1, 7, 16)
        x = x + self.project(mixed)
        return (x + self.narrow(torch.relu(self.wide(x)))).mean(1)


def test_layers_whose_width_the_code_counts_on_stay_whole():
    torch.manual_seed(0)
    model = Attention()
    result = pruned(model, np.zeros((2, 7, 16), np.float32), 0.5)
    assert [layer.name for layer in result.layers] == ["wide"]
    assert result.layers[0].after == 32
    assert result.whole["qkv"].startswith("forward() counts on its width (shape '[-1, 7, 3, 2, 8]' is invalid")
    assert {"project", "narrow"} <= set(result.whole)
    # What was frozen is so again, what was not is trained on.
    assert {name for name, parameter in model.named_parameters() if not parameter.requires_grad} == {
        "frozen.weight",
        "frozen.bias",
    }
    assert model(torch.zeros(4, 7, 16)).shape == (4, 16)


def test_a_share_that_leaves_nothing_is_refused():
    model = nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU(), nn.Conv2d(8, 64, 3), nn.Flatten(), nn.LazyLinear(3))
    model(torch.zeros(1, 1, 8, 8))
    example = Example({"x": np.zeros((2, 1, 8, 8), np.float32)}, {"x": "input"}, ())
    with pytest.raises(UserError) as refused:
        prune(model.eval(), example, 0.95)
    assert str(refused.value) == (
        "--prune 0.95 leaves nothing of 0: the narrowest layer that can be pruned has 8 channels. "
        "At most 0.87 is possible."
    )


def test_a_model_without_a_layer_to_prune_is_refused():
    with pytest.raises(UserError, match="can take no channel out of any layer:\n  0: it makes an output"):
        prune(
            nn.Sequential(nn.Linear(4, 3)).eval(), Example({"x": np.zeros((2, 4), np.float32)}, {"x": "input"}, ()), 0.5
        )
    with pytest.raises(UserError, match="the model has no layer whose channels can go"):
        prune(nn.Sequential(nn.ReLU()).eval(), Example({"x": np.zeros((2, 4), np.float32)}, {"x": "input"}, ()), 0.5)
