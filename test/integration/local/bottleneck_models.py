"""Models that bring bottlenecks about: `python bottleneck_models.py FOLDER` writes them there."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

RANDOM = np.random.default_rng(0)


def save(path: Path, nodes: list, shape: list, weights: dict[str, np.ndarray]) -> None:
    """Rows of numbers in, one number a row out."""
    graph = helper.make_graph(
        nodes,
        path.stem,
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 1])],
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.checker.check_model(model)
    onnx.save(model, path)


def quick(folder: Path) -> None:
    """Microseconds a row."""
    node = helper.make_node("ReduceSum", ["x", "axes"], ["y"], keepdims=1)
    save(folder / "quick.onnx", [node], ["N", "T"], {"axes": np.array([1], np.int64)})


def shared(folder: Path) -> None:
    """Reads 32 MB of weights in each run, so that eight rows take hardly longer than one."""
    nodes = [
        helper.make_node("ReduceSum", ["x", "axes"], ["sum"], keepdims=1),
        helper.make_node("MatMul", ["sum", "first"], ["h0"]),
        helper.make_node("MatMul", ["h0", "square"], ["h1"]),
        helper.make_node("MatMul", ["h1", "other"], ["h2"]),
        helper.make_node("ReduceSum", ["h2", "axes"], ["y"], keepdims=1),
    ]
    weights = {
        "axes": np.array([1], np.int64),
        "first": RANDOM.standard_normal((1, 2048), np.float32) / 2048,
        "square": RANDOM.standard_normal((2048, 2048), np.float32) / 2048,
        "other": RANDOM.standard_normal((2048, 2048), np.float32) / 2048,
    }
    save(folder / "shared.onnx", nodes, ["N", "T"], weights)


def alone(folder: Path) -> None:
    """Computes for tens of milliseconds, for each row anew."""
    products = 10
    nodes = [
        helper.make_node("ReduceSum", ["x", "axes"], ["sum"], keepdims=1),
        helper.make_node("Unsqueeze", ["sum", "axes"], ["scalar"]),
        helper.make_node("Mul", ["scalar", "w"], ["m0"]),
        *[helper.make_node("MatMul", [f"m{i}", "w"], [f"m{i + 1}"]) for i in range(products)],
        helper.make_node("ReduceSum", [f"m{products}", "square"], ["all"], keepdims=0),
        helper.make_node("Unsqueeze", ["all", "axes"], ["y"]),
    ]
    weights = {
        "axes": np.array([1], np.int64),
        "square": np.array([1, 2], np.int64),
        "w": RANDOM.standard_normal((640, 640), np.float32) / 640,
    }
    save(folder / "alone.onnx", nodes, ["N", "T"], weights)


if __name__ == "__main__":
    for make in (quick, shared, alone):
        make(Path(sys.argv[1]))
