"""The two models of the bench, with made-up weights, and the bodies that are sent to them."""

from __future__ import annotations

import os
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import numpy as np
import onnx
import onnxruntime as ort
import orjson
from onnx import TensorProto, helper, numpy_helper

MLP_SIZES = (64, 256, 256, 10)
CNN_LAYERS = ((32, 2), (64, 2), (128, 2), (128, 1), (128, 1), (256, 2), (256, 1), (256, 1))
SHAPES = {"mlp": (1, 64), "cnn": (1, 3, 224, 224)}


def write(folder: Path) -> None:
    """Writes mlp.onnx, cnn.onnx and a serving.json for each, in `folder`."""
    random = np.random.default_rng(0)
    _save(folder / "mlp.onnx", *_mlp(random))
    _save(folder / "cnn.onnx", *_cnn(random))
    for name in SHAPES:
        (folder / f"{name}.serving.json").write_bytes(orjson.dumps(_serving(name)))


def session(folder: Path, name: str) -> ort.InferenceSession:
    """The model as every contestant opens it: one thread in a run, no spinning."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return ort.InferenceSession(str(folder / f"{name}.onnx"), options, providers=["CPUExecutionProvider"])


def sample(name: str) -> np.ndarray:
    """The input that every request carries."""
    return np.random.default_rng(1).standard_normal(SHAPES[name]).astype(np.float32)


def milliseconds(folder: Path, name: str) -> float:
    """One run alone, median of 50."""
    model, tensor, times = session(folder, name), sample(name), []
    for _ in range(50):
        start = time.perf_counter()
        model.run(None, {"x": tensor})
        times.append(time.perf_counter() - start)
    return float(np.median(times[5:])) * 1e3


def json_body(name: str) -> bytes:
    """An Open Inference Protocol request, its tensor as numbers."""
    tensor = sample(name)
    entry = {"name": "x", "shape": list(tensor.shape), "datatype": "FP32", "data": tensor.reshape(-1)}
    return orjson.dumps({"inputs": [entry]}, option=orjson.OPT_SERIALIZE_NUMPY)


def binary_body(name: str) -> tuple[bytes, int]:
    """An Open Inference Protocol request with a binary tensor, and the length of its JSON part."""
    tensor = sample(name)
    parameters = {"binary_data_size": tensor.nbytes}
    entry = {"name": "x", "shape": list(tensor.shape), "datatype": "FP32", "parameters": parameters}
    head = orjson.dumps({"inputs": [entry]})
    return head + tensor.tobytes(), len(head)


def _mlp(random: np.random.Generator) -> tuple[list[Any], dict[str, np.ndarray]]:
    nodes, weights, last = [], {}, "x"
    layers = list(pairwise(MLP_SIZES))
    for place, (wide, narrow) in enumerate(layers):
        weights[f"w{place}"] = random.standard_normal((wide, narrow)).astype(np.float32) / np.float32(wide**0.5)
        weights[f"b{place}"] = np.zeros(narrow, np.float32)
        end = place == len(layers) - 1
        nodes.append(helper.make_node("Gemm", [last, f"w{place}", f"b{place}"], ["y" if end else f"g{place}"]))
        if not end:
            nodes.append(helper.make_node("Relu", [f"g{place}"], [f"r{place}"]))
        last = f"r{place}"
    return nodes, weights


def _cnn(random: np.random.Generator) -> tuple[list[Any], dict[str, np.ndarray]]:
    nodes, weights, last, channels = [], {}, "x", 3
    for place, (filters, stride) in enumerate(CNN_LAYERS):
        scale = np.float32((9 * channels) ** 0.5)
        weights[f"w{place}"] = random.standard_normal((filters, channels, 3, 3)).astype(np.float32) / scale
        settings = {"strides": [stride, stride], "pads": [1, 1, 1, 1]}
        nodes.append(helper.make_node("Conv", [last, f"w{place}"], [f"c{place}"], **settings))
        nodes.append(helper.make_node("Relu", [f"c{place}"], [f"r{place}"]))
        last, channels = f"r{place}", filters
    weights["w"] = random.standard_normal((channels, 10)).astype(np.float32)
    nodes.append(helper.make_node("GlobalAveragePool", [last], ["pool"]))
    nodes.append(helper.make_node("Flatten", ["pool"], ["flat"]))
    nodes.append(helper.make_node("Gemm", ["flat", "w"], ["y"]))
    return nodes, weights


def _save(path: Path, nodes: list[Any], weights: dict[str, np.ndarray]) -> None:
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", *SHAPES[path.stem][1:]])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 10])
    initializers = [numpy_helper.from_array(array, name) for name, array in weights.items()]
    graph = helper.make_graph(nodes, path.stem, [x], [y], initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    onnx.checker.check_model(model)
    onnx.save(model, path)


def _serving(name: str) -> dict[str, Any]:
    """As shipped: validation, limits and metrics on, threads and batch limit learned."""
    return {
        "schemaVersion": 1,
        "model": {
            "name": name,
            "version": "1",
            "file": f"{name}.onnx",
            "canaries": None,
            "report": None,
            "reference": None,
            "dims": {},
        },
        "provider": {"name": "cpu", "options": {}},
        "hooks": None,
        "threads": {"workers": None, "intraOp": None, "decoders": None},
        "batching": {"maxBatch": None},
        "limits": {
            "bodyBytes": 6291456,
            "headerBytes": 16384,
            "headers": 100,
            "jsonDepth": 32,
            "queue": 256,
            "requestSeconds": 30,
            "connections": 1024,
        },
        "warmupRuns": 5,
        "drainSeconds": 5,
    }
