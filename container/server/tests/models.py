"""Tiny models the tests serve, made with onnx.helper."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

WEIGHT = (np.arange(12, dtype=np.float32).reshape(4, 3) - 5) / 4
BIAS = np.array([0.5, -0.5, 0.25], np.float32)

ONNX_TYPES = {
    "BOOL": TensorProto.BOOL,
    "UINT8": TensorProto.UINT8,
    "UINT16": TensorProto.UINT16,
    "UINT32": TensorProto.UINT32,
    "UINT64": TensorProto.UINT64,
    "INT8": TensorProto.INT8,
    "INT16": TensorProto.INT16,
    "INT32": TensorProto.INT32,
    "INT64": TensorProto.INT64,
    "FP16": TensorProto.FLOAT16,
    "FP32": TensorProto.FLOAT,
    "FP64": TensorProto.DOUBLE,
    "BYTES": TensorProto.STRING,
}


def save(path: Path, nodes: list, inputs: list, outputs: list, weights: dict[str, np.ndarray] | None = None) -> Path:
    """Writes a checked model; inputs and outputs are (name, OIP datatype, shape)."""

    def values(tensors: list) -> list:
        return [helper.make_tensor_value_info(name, ONNX_TYPES[kind], shape) for name, kind, shape in tensors]

    initializers = [numpy_helper.from_array(array, name) for name, array in (weights or {}).items()]
    graph = helper.make_graph(nodes, path.stem, values(inputs), values(outputs), initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return path


def linear(path: Path) -> Path:
    """y = x · WEIGHT + BIAS, rows of 4 floats to rows of 3."""
    node = helper.make_node("Gemm", ["x", "w", "b"], ["y"])
    return save(path, [node], [("x", "FP32", ["N", 4])], [("y", "FP32", ["N", 3])], {"w": WEIGHT, "b": BIAS})


def echo(path: Path, kinds: list[str], shape: list | None = None) -> Path:
    """One input and one output per datatype: out_FP32 is in_FP32, and so on."""
    shape = ["N", 2] if shape is None else shape
    nodes = [helper.make_node("Identity", [f"in_{kind}"], [f"out_{kind}"]) for kind in kinds]
    inputs = [(f"in_{kind}", kind, shape) for kind in kinds]
    outputs = [(f"out_{kind}", kind, shape) for kind in kinds]
    return save(path, nodes, inputs, outputs)


def slow(path: Path, products: int, size: int = 640) -> Path:
    """y = x, after `products` matrix products of `size` (about 10 ms each)."""
    rng = np.random.default_rng(0)
    weight = (rng.standard_normal((size, size)) / size).astype(np.float32)
    nodes = [
        helper.make_node("ReduceMean", ["x"], ["mean"], keepdims=0),
        helper.make_node("Mul", ["w", "mean"], ["m0"]),
        *[helper.make_node("MatMul", [f"m{i}", "w"], [f"m{i + 1}"]) for i in range(products)],
        helper.make_node("ReduceSum", [f"m{products}"], ["sum"], keepdims=0),
        helper.make_node("Mul", ["sum", "zero"], ["nothing"]),
        helper.make_node("Add", ["x", "nothing"], ["y"]),
    ]
    weights = {"w": weight, "zero": np.array(0, np.float32)}
    return save(path, nodes, [("x", "FP32", ["N", 1])], [("y", "FP32", ["N", 1])], weights)


def wide(path: Path, size: int) -> Path:
    """y = sum of each row of `size` floats: a large tensor in, one number out."""
    node = helper.make_node("ReduceSum", ["x", "axes"], ["y"], keepdims=1)
    weights = {"axes": np.array([1], np.int64)}
    return save(path, [node], [("x", "FP32", ["N", size])], [("y", "FP32", ["N", 1])], weights)


def dynamic_quantized(path: Path) -> Path:
    """A product in 8 bits whose activation scale is taken over the whole batch, so that batches change answers."""
    weight = (np.arange(12, dtype=np.int32).reshape(4, 3) * 20 - 110).astype(np.int8)
    nodes = [
        helper.make_node("DynamicQuantizeLinear", ["x"], ["q", "scale", "zero"]),
        helper.make_node("MatMulInteger", ["q", "w", "zero"], ["i"]),
        helper.make_node("Cast", ["i"], ["f"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["f", "scale"], ["y"]),
    ]
    return save(path, nodes, [("x", "FP32", ["N", 4])], [("y", "FP32", ["N", 3])], {"w": weight})


def picky(path: Path) -> Path:
    """Looks up 3 rows by index: an index outside fails inside ONNX Runtime, which no check of the request can know."""
    node = helper.make_node("Gather", ["table", "x"], ["y"])
    table = np.array([10, 20, 30], np.float32)
    return save(path, [node], [("x", "INT64", ["N"])], [("y", "FP32", ["N"])], {"table": table})


def quantized(path: Path, reduce_range: bool, rows: int = 8, size: int = 64) -> tuple[Path, np.ndarray, np.ndarray]:
    """A product in 8 bits with calibrated ranges, whose sums of 8-bit products overflow 16 bits unless the weights keep
    to 7 bits. Gives the file, inputs of `rows` and what the same product gives in fp32.
    """
    rng = np.random.default_rng(3)
    weight = rng.uniform(0.5, 1, (size, 4)).astype(np.float32) * rng.choice([-1, 1], (1, 4)).astype(np.float32)
    x = rng.uniform(0.5, 1, (rows, size)).astype(np.float32)
    top = 63 if reduce_range else 127
    weights = {
        "w": np.round(weight * top).astype(np.int8),
        "w_scale": np.array(1 / top, np.float32),
        "w_zero": np.array(0, np.int8),
        "x_scale": np.array(1 / 255, np.float32),
        "x_zero": np.array(0, np.uint8),
    }
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "x_scale", "x_zero"], ["x_q"]),
        helper.make_node("DequantizeLinear", ["x_q", "x_scale", "x_zero"], ["x_f"]),
        helper.make_node("DequantizeLinear", ["w", "w_scale", "w_zero"], ["w_f"]),
        helper.make_node("MatMul", ["x_f", "w_f"], ["y"]),
    ]
    save(path, nodes, [("x", "FP32", ["N", size])], [("y", "FP32", ["N", 4])], weights)
    return path, x, x @ weight
