"""Steps 1 to 3: the models that come out answer as torch does, at any size that was promised."""

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from exporter.arguments import Dynamic
from exporter.example import Example
from exporter.publish import publish
from exporter.to_onnx import Wanted, export

from .projects import PLAIN, answers, folder_names, graph_inputs, project, run

RANDOM = np.random.default_rng(7)

MLP = """
class Two(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b, self.out = nn.Linear(4, 8), nn.Linear(3, 8), nn.Linear(8, 2)

    def forward(self, left, right, scale: float = 2.0):
        hidden = torch.relu(self.a(left) + self.b(right))
        return {"logits": self.out(hidden) * scale, "left": hidden}


def build_model():
    print("building")
    return Two()
"""

TRANSFORMER = """
class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(50, 16)
        layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
        self.layers = nn.TransformerEncoder(layer, 2)
        self.out = nn.Linear(16, 3)

    def forward(self, tokens, mask):
        hidden = self.layers(self.embed(tokens), src_key_padding_mask=mask == 0)
        return self.out((hidden * mask.unsqueeze(-1)).sum(1) / mask.sum(1, keepdim=True))


def build_model():
    return Encoder()
"""


def test_two_inputs_from_an_example_of_one_sample(tmp_path):
    right = np.ones((1, 3), np.float32)
    folder = project(tmp_path, MLP, right=right, left=np.ones((1, 4), np.float32))
    ran = run(folder, *PLAIN)
    assert graph_inputs(folder / "model.onnx") == {"left": ["batch", 4], "right": ["batch", 3]}
    assert folder_names(folder) == ["inputs.npz", "model.onnx", "train.py"]
    summary = ran.summary
    # 'left' is an input, too.
    assert [output["name"] for output in summary["outputs"]] == ["logits", "left_out"]
    assert summary["outputs"][0] == {"name": "logits", "dtype": "float32", "shape": ["batch", 2]}
    assert (summary["exporter"], summary["opset"], summary["parity"]["batches"]) == ("dynamo", 20, [1, 3])
    assert summary["notes"] == summary["warnings"] == []
    assert ran.said == ["building"]
    assert [(step["done"], step["total"]) for step in ran.steps] == [(0, 4), (1, 4), (2, 4), (3, 4)]
    for batch in (1, 7):
        shapes = [
            value.shape
            for value in answers(
                folder / "model.onnx", left=np.ones((batch, 4), np.float32), right=np.ones((batch, 3), np.float32)
            )
        ]
        assert shapes == [(batch, 2), (batch, 8)]
    # Nothing of this machine is in the file.
    assert str(tmp_path).encode() not in (folder / "model.onnx").read_bytes()


def test_a_transformer_takes_sequences_of_any_length(tmp_path):
    tokens = RANDOM.integers(0, 50, (4, 9))
    folder = project(tmp_path, TRANSFORMER, tokens=tokens, mask=np.ones((4, 9), np.float32))
    summary = run(
        folder, *PLAIN, "--dynamic", "tokens=1:sequence,mask=1:sequence", "--output-names", "classes", "--opset", "21"
    ).summary
    assert graph_inputs(folder / "model.onnx") == {"tokens": ["batch", "sequence"], "mask": ["batch", "sequence"]}
    assert summary["opset"] == 21
    assert summary["parity"]["sizes"] == [{}, {"sequence": 8}]
    assert summary["parity"]["maxAbsError"] < 1e-4
    for batch, length in ((1, 3), (5, 20)):
        longer = RANDOM.integers(0, 50, (batch, length))
        (classes,) = answers(folder / "model.onnx", tokens=longer, mask=np.ones((batch, length), np.float32))
        assert classes.shape == (batch, 3)


def test_a_batch_that_one_exporter_froze_is_exported_by_the_other(tmp_path):
    code = """
class Branches(nn.Module):
    def forward(self, x):
        return x * 3 if x.shape[0] == 2 else x + x + x

def build_model():
    return Branches()
"""
    folder = project(tmp_path, code, x=np.ones((2, 5), np.float32))
    summary = run(folder, *PLAIN).summary
    assert summary["exporter"] == "torchscript"
    assert summary["notes"] == [
        "Written by torch's TorchScript exporter: torch.export did not do (it froze the axis 'batch' of 'x' at 2)."
    ]
    assert graph_inputs(folder / "model.onnx") == {"x": ["batch", 5]}
    (tripled,) = answers(folder / "model.onnx", x=np.full((6, 5), 2, np.float32))
    np.testing.assert_array_equal(tripled, np.full((6, 5), 6, np.float32))


def test_a_batch_that_both_freeze_is_refused(tmp_path):
    code = """
class Unrolled(nn.Module):
    def forward(self, x):
        return torch.stack([x[index] * 2 for index in range(x.shape[0])])

def build_model():
    return Unrolled()
"""
    folder = project(tmp_path, code, x=np.ones((2, 5), np.float32))
    ran = run(folder, *PLAIN)
    assert ran.code == 2
    assert "The model cannot be exported with a batch of any size." in ran.err
    assert "torch.export: it froze the axis 'batch' of 'x' at 2." in ran.err
    assert "TorchScript: with a batch of 1 " in ran.err
    assert folder_names(folder) == ["inputs.npz", "train.py"]


def test_an_axis_that_torch_itself_cannot_vary_is_refused(tmp_path):
    code = """
class Fixed(nn.Module):
    def forward(self, x):
        return x.reshape(x.shape[0], 12)

def build_model():
    return Fixed()
"""
    folder = project(tmp_path, code, x=np.ones((2, 3, 4), np.float32))
    ran = run(folder, *PLAIN, "--dynamic", "x=1:rows")
    assert ran.code == 2
    assert "The model itself cannot be run in torch with a batch of 3 and rows 2" in ran.err
    assert "nor with twice the example's sizes" in ran.err
    assert "Leave out --dynamic for axes whose size is fixed." in ran.err


@pytest.fixture
def linear() -> tuple[nn.Module, Example]:
    torch.manual_seed(0)
    example = Example({"x": np.ones((3, 64), np.float32)}, {"x": "input"}, ())
    return nn.Linear(64, 64).eval(), example


def test_the_same_model_twice_is_the_same_file(tmp_path, linear):
    files = [export(*linear, Wanted(["y"], 20), tmp_path / name).file.read_bytes() for name in ("a", "b")]
    assert files[0] == files[1]


def test_a_large_model_keeps_its_weights_apart(tmp_path, linear):
    exported = export(*linear, Wanted(["y"], 20, one_file_bytes=1000), tmp_path / "scratch")
    assert exported.weights is not None
    out = tmp_path / "out" / "big.onnx"
    assert [path.name for path in publish(exported, out, "token")] == ["big.onnx.data", "big.onnx"]
    assert folder_names(tmp_path / "out") == ["big.onnx", "big.onnx.data"]
    onnx.checker.check_model(str(out))
    x = RANDOM.standard_normal((5, 64)).astype(np.float32)
    (y,) = answers(out, x=x)
    expected = linear[0](torch.from_numpy(x)).detach().numpy()
    np.testing.assert_allclose(y, expected, rtol=1e-4, atol=1e-5)


def test_the_traced_batch_is_unlike_any_other_size():
    example = Example({"x": np.zeros((9, 2, 3, 5), np.float32)}, {"x": "x"}, ())
    assert example.traced_batch() == 4
    assert example.batch(11)["x"].shape == (11, 2, 3, 5)


def test_labelled_axes_are_cut_and_repeated():
    array = np.arange(6).reshape(2, 3)
    example = Example({"x": array}, {"x": "x"}, (Dynamic("x", 1, "s"),))
    assert example.batch(1, {"s": 2})["x"].tolist() == [[0, 1]]
    assert example.batch(3, {"s": 5})["x"].tolist() == [[0, 1, 2, 0, 1], [3, 4, 5, 3, 4], [0, 1, 2, 0, 1]]
