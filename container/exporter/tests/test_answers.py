"""What a model answers: names of outputs, and the bounds of parity."""

from collections import namedtuple
from dataclasses import dataclass

import numpy as np
import pytest
import torch

from exporter.answers import output_names
from exporter.parity import DisagreesError, difference
from exporter.users_code import SaidBy
from optimizer.errors import UserError

T = torch.zeros(1)
Pair = namedtuple("Pair", ["boxes", "scores"])


@dataclass
class Whole:
    logits: torch.Tensor
    loss: None = None


@pytest.mark.parametrize(
    ("output", "names"),
    [
        (T, ["output"]),
        ((T, T), ["output_0", "output_1"]),
        ([T], ["output_0"]),
        ({"logits": T, "hidden": [T, (T, T)]}, ["logits", "hidden_0", "hidden_1_0", "hidden_1_1"]),
        (Pair(T, T), ["boxes", "scores"]),
        (Whole(T), ["logits"]),
        ({"x": T, "y": None}, ["x_out"]),
    ],
)
def test_outputs_are_named_after_what_forward_returns(output, names):
    assert output_names(output, ["x"], None) == names


def test_names_that_do_not_fit():
    with pytest.raises(UserError, match=r"--output-names gives 1, the model has 2: output_0, output_1\."):
        output_names((T, T), ["x"], ("a",))
    with pytest.raises(UserError, match="--output-names x: an input has this name"):
        output_names(T, ["x"], ("x",))
    with pytest.raises(UserError, match="returns str as output 'name'"):
        output_names({"name": "text"}, [], None)
    with pytest.raises(UserError, match="returns no tensor"):
        output_names((None,), [], None)


def test_rounding_is_no_difference_but_more_is():
    expected = np.array([[1.0, -200.0, 3.0]], np.float32)
    assert difference("y", "a batch of 1", expected, expected + np.float32(0.015)) == pytest.approx(0.015, rel=1e-3)
    with pytest.raises(
        DisagreesError, match=r"with a batch of 1 output 'y' differs by 0\.05, its largest value is 2e\+02"
    ):
        difference("y", "a batch of 1", expected, expected + np.float32(0.05))
    with pytest.raises(DisagreesError, match=r"shape \[3\] in ONNX Runtime, \[1, 3\] in torch"):
        difference("y", "a batch of 1", expected, expected[0])
    with pytest.raises(DisagreesError, match="NaN or infinity in output 'y'"):
        difference("y", "a batch of 1", expected, expected * np.float32(np.nan))
    with pytest.raises(DisagreesError, match="1 of 2 values of output 'class' differ"):
        difference("class", "a batch of 2", np.array([1, 2]), np.array([1, 3]))


def test_printed_text_is_passed_on_in_lines():
    said: list[str] = []
    stream = SaidBy(said.append)
    print("one", file=stream)
    print("10 %\r50 %\r100 %", file=stream)
    print("\r\n  indented", end="", file=stream)
    assert said == ["one", "100 %"]
    stream.finish()
    assert said == ["one", "100 %", "  indented"]
