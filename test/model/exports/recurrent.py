"""Recurrent networks, and graphs with loops, branches and functions of their own."""

import numpy as np
import onnxscript
import torch
from export import DYNAMO, TORCHSCRIPT, Export, Maker, node_model, torch_export
from onnx import TensorProto, helper
from onnxscript import opset18 as op
from torch import nn

FLOAT, INT64, BOOL = TensorProto.FLOAT, TensorProto.INT64, TensorProto.BOOL
SIZES = {"batch": 2, "sequence": 5}


class Recurrent(nn.Module):
    """A recurrent layer, and scores from its states and its last state."""

    def __init__(self, kind: type, first: bool, **settings) -> None:
        super().__init__()
        self.layer = kind(12, 20, batch_first=first, **settings)
        self.head = nn.Linear(40 if settings.get("bidirectional") else 20, 7)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        states, last = self.layer(x)
        return self.head(states), last[0] if isinstance(last, tuple) else last


def recurrent(kind: type, way: str, first: bool = True, **settings) -> Export:
    named = {0: "batch", 1: "sequence"} if first else {0: "sequence", 1: "batch"}
    axes = {"x": named} if way == DYNAMO else {"x": named, "scores": named, "last": {1: "batch"}}
    module = Recurrent(kind, first, **settings)
    return torch_export(module, {"x": torch.randn(3, 9, 12)}, axes, SIZES, way, ["scores", "last"])


class Cell(nn.Module):
    """A cell stepped by a loop over the sequence, as a script."""

    def __init__(self) -> None:
        super().__init__()
        self.start, self.read, self.keep = nn.Linear(12, 20), nn.Linear(12, 20), nn.Linear(20, 20)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        state = self.start(x.mean(1))
        for step in range(x.size(1)):
            state = torch.tanh(self.read(x[:, step]) + self.keep(state))
        return state


def scripted(module: nn.Module, **rest) -> Export:
    axes = {"x": {0: "batch", 1: "sequence"}, "out": {0: "batch"}}
    return torch_export(
        torch.jit.script(module), {"x": torch.randn(3, 9, 12)}, axes, SIZES, TORCHSCRIPT, ["out"], **rest
    )


class Chosen(nn.Module):
    """A branch that the data decides."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(12, 8), nn.Linear(12, 8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if bool(x.sum() > 0):
            return self.first(x).relu()
        return self.second(x) * 2


class Condition(nn.Module):
    """The same as a higher-order operator."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(12, 8), nn.Linear(12, 8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cond(x.sum() > 0, lambda x: self.first(x).relu(), lambda x: self.second(x) * 2, (x,))


class Scanned(nn.Module):
    """A running mean over the sequence by torch's scan."""

    def __init__(self) -> None:
        super().__init__()
        self.mix = nn.Linear(12, 12)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        from torch._higher_order_ops.scan import scan

        def step(carry: torch.Tensor, row: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            new = torch.tanh(self.mix(carry)) + row
            return new, new * 0.5

        return scan(step, torch.zeros(x.shape[1], 12), x, dim=0)[1]


def open_rows(module: nn.Module, **options) -> Export:
    axes = {"x": {0: "batch", 1: "sequence"}}
    return torch_export(module, {"x": torch.randn(3, 9, 12)}, axes, SIZES, DYNAMO, ["out"], **options)


def scan_node() -> Export:
    """Cumulative sums by Scan, in both directions."""
    body = helper.make_graph(
        [
            helper.make_node("Add", ["sum_in", "row"], ["sum_out"]),
            helper.make_node("Identity", ["sum_out"], ["kept"]),
        ],
        "step",
        [helper.make_tensor_value_info(name, FLOAT, None) for name in ("sum_in", "row")],
        [helper.make_tensor_value_info(name, FLOAT, None) for name in ("sum_out", "kept")],
    )
    nodes = [
        helper.make_node("Shape", ["x"], ["rows"], start=1, end=2),
        helper.make_node("ConstantOfShape", ["rows"], ["start"]),
        helper.make_node("Unsqueeze", ["start", "last"], ["column"]),
        helper.make_node("Expand", ["column", "wide"], ["zeros"]),
        helper.make_node("Scan", ["zeros", "x"], ["end", "sums"], body=body, num_scan_inputs=1),
        helper.make_node(
            "Scan", ["zeros", "x"], ["end2", "sums2"], body=body, num_scan_inputs=1, scan_input_directions=[1],
            scan_input_axes=[0], scan_output_axes=[1], scan_output_directions=[1],
        ),
    ]  # fmt: skip
    made = node_model(
        nodes, {"x": (FLOAT, ["sequence", "batch", 4])}, ["end", "sums", "sums2"], {"last": [1], "wide": [1, 4]}
    )
    return Export(made, "onnx.helper", SIZES)


def loop_node() -> Export:
    """A loop that keeps one row for each step, and one that collects a sequence of tensors."""
    info = helper.make_tensor_value_info
    body = helper.make_graph(
        [
            helper.make_node("Mul", ["state", "rate"], ["state_out"]),
            helper.make_node("ReduceSum", ["state_out"], ["total"], keepdims=0),
            helper.make_node("Identity", ["going"], ["going_out"]),
        ],
        "step",
        [info("i", INT64, []), info("going", BOOL, []), info("state", FLOAT, None)],
        [info("going_out", BOOL, []), info("state_out", FLOAT, None), info("total", FLOAT, None)],
    )
    nodes = [
        helper.make_node("Loop", ["four", "", "x"], ["end", "totals"], body=body),
        helper.make_node("SplitToSequence", ["end"], ["parts"], axis=0, keepdims=1),
        helper.make_node("SequenceAt", ["parts", "zero"], ["first"]),
        helper.make_node("ConcatFromSequence", ["parts"], ["joined"], axis=1),
        helper.make_node("SequenceLength", ["parts"], ["length"]),
    ]
    weights = {"four": np.int64(4), "zero": np.int64(0), "rate": np.float32(0.5)}
    made = node_model(
        nodes, {"x": (FLOAT, ["batch", "sequence"])}, ["end", "totals", "first", "joined", "length"], weights
    )
    return Export(made, "onnx.helper", SIZES)


BATCH, SEQUENCE = "batch", "sequence"
ROWS = onnxscript.FLOAT[BATCH, SEQUENCE, 12]
DOMAIN = onnxscript.values.Opset("local.blocks", 1)


@onnxscript.script(DOMAIN, default_opset=op)
def scaled(x, factor):
    return op.Relu(x) * factor


@onnxscript.script(DOMAIN, default_opset=op)
def block(x, weight, bias, alpha: float = 0.25):
    wide = op.MatMul(x, weight) + bias
    return scaled(op.LeakyRelu(wide, alpha=alpha), op.Constant(value_float=2.0))


@onnxscript.script(default_opset=op)
def nested(x: ROWS, w: onnxscript.FLOAT[12, 16], b: onnxscript.FLOAT[16]):
    first = block(x, w, b, alpha=0.5)
    mean = op.ReduceMean(first, op.Constant(value_ints=[1]), keepdims=0)
    return first, mean


def functions() -> Export:
    """Functions that call functions, with an attribute handed on."""
    return Export(nested.to_model_proto(), f"onnxscript {onnxscript.__version__}", SIZES)


RECURRENT: dict[str, Maker] = {
    "lstm-torchscript": lambda: recurrent(nn.LSTM, TORCHSCRIPT, num_layers=2, bidirectional=True),
    "lstm-dynamo": lambda: recurrent(nn.LSTM, DYNAMO),
    "lstm-projection-torchscript": lambda: recurrent(nn.LSTM, TORCHSCRIPT, first=False),
    "gru-torchscript": lambda: recurrent(nn.GRU, TORCHSCRIPT, first=False, num_layers=2),
    "gru-bidirectional-dynamo": lambda: recurrent(nn.GRU, DYNAMO, bidirectional=True),
    "rnn-torchscript": lambda: recurrent(nn.RNN, TORCHSCRIPT, bidirectional=True),
    "cell-loop-torchscript": lambda: scripted(Cell()),
    "branch-torchscript": lambda: scripted(Chosen()),
    "branch-dynamo": lambda: open_rows(Condition()),
    "scan-dynamo": lambda: open_rows(Scanned()),
    "scan-nodes": scan_node,
    "loop-nodes": loop_node,
    "functions-onnxscript": functions,
}
