"""Step 4, --sparsify: zeros where they belong, kept while the model is trained on."""

import copy

import pytest
import torch
from torch import nn

from exporter.sparsify import make_permanent, sparsify, zeros
from optimizer.errors import UserError


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 16, 3), nn.Flatten(), nn.Linear(64, 10))


def train(model: nn.Module) -> None:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    for _ in range(5):
        optimizer.zero_grad()
        model(torch.randn(4, 3, 6, 6)).square().mean().backward()
        optimizer.step()


def test_the_smallest_weights_of_all_layers_go():
    model = network()
    before = torch.cat([model[index].weight.detach().abs().ravel() for index in (0, 2, 4)])
    sparse = sparsify(model, 0.6, two_of_four=False)
    make_permanent(model, sparse.layers)
    after = torch.cat([model[index].weight.detach().ravel() for index in (0, 2, 4)])
    assert sparse.layers == ("0", "2", "4")
    assert zeros(model, sparse.layers) == pytest.approx(0.6, abs=1e-3)
    assert before[after == 0].max() <= before[after != 0].min()
    assert sorted(model.state_dict()) == ["0.bias", "0.weight", "2.bias", "2.weight", "4.bias", "4.weight"]


def test_two_of_every_four_input_channels_go():
    model = network()
    weights = {index: model[index].weight.detach().clone() for index in (2, 4)}
    sparse = sparsify(model, 0.5, two_of_four=True)
    train(model)
    make_permanent(model, sparse.layers)
    assert sparse.layers == ("2", "4")
    assert sparse.skipped == {"0": "3 input channels are no multiple of 4"}
    for index, before in weights.items():
        fours = model[index].weight.detach().movedim(1, -1).reshape(-1, 4)
        assert ((fours == 0).sum(1) == 2).all()
        original = before.movedim(1, -1).reshape(-1, 4).abs()
        largest = original.topk(2, dim=1).indices.sort(dim=1).values
        assert torch.equal((fours != 0).nonzero()[:, 1].reshape(-1, 2), largest)


def test_zeros_stay_while_the_model_is_trained_on():
    model = network()
    sparse = sparsify(model, 0.5, two_of_four=False)
    masked = {name: model.get_submodule(name).weight == 0 for name in sparse.layers}
    before = model[4].weight.detach().clone()
    train(model)
    make_permanent(model, sparse.layers)
    for name, mask in masked.items():
        assert torch.equal(model.get_submodule(name).weight == 0, mask)
    assert not torch.equal(model[4].weight, before)


def test_a_model_without_its_masks_is_refused():
    model = network()
    plain = copy.deepcopy(model)
    sparse = sparsify(model, 0.5, two_of_four=False)
    with pytest.raises(UserError, match=r"has no mask on 0\.weight, so its zeros are lost"):
        make_permanent(plain, sparse.layers)


def test_nothing_to_sparsify():
    with pytest.raises(UserError, match="has no convolution or dense layer that can take zeros"):
        sparsify(nn.Sequential(nn.ReLU()), 0.5, two_of_four=False)
    with pytest.raises(UserError, match=r"that can take zeros\.\n  0: 3 input channels are no multiple of 4"):
        sparsify(nn.Sequential(nn.Linear(3, 4)), 0.5, two_of_four=True)
