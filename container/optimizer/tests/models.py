"""Tiny models and recipes that the tests make for themselves."""

import copy
import itertools
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from optimizer.admit import Admitted, Request, admit
from optimizer.progress import Progress
from optimizer.recipe import from_document
from optimizer.work import Work

EXAMPLES = Path(__file__).resolve().parents[3] / "examples" / "models"

RECIPE: dict[str, Any] = {
    "schemaVersion": 1,
    "model": {"name": "tiny", "family": "mlp", "dims": {}},
    "target": {
        "platform": "local",
        "machines": ["local"],
        "instructionSets": ["x86-64-vnni", "x86-64", "arm64", "unknown"],
        "provider": "cpu",
        "threads": 1,
        "intraOpThreads": 1,
    },
    "precision": "auto",
    "goal": "speed",
    "task": "auto",
    "candidates": [],
    "notes": [],
    "gate": {
        "minSpeedup": 1.1,
        "minShrink": 1.5,
        "maxAccuracyDrop": 0.01,
        "maxErrorRatio": 1.5,
        "minAgreement": 0.99,
        "minSqnrDb": 20,
        "warnSqnrDb": 30,
        "warnCosine": 0.999,
        "strict": False,
        "metric": None,
    },
    "repair": {"trials": 0, "maxExcludedShare": 0.2},
    "onFailure": "fp32",
    "bake": {"graphOptimization": "extended"},
    "limits": {
        "candidateSeconds": 60,
        "candidateMemoryBytes": 3_000_000_000,
        "modelBytes": 100_000_000,
        "nodes": 10_000,
    },
    "canaries": {"count": 4, "source": "samples"},
    "seed": 0,
    "replay": None,
}


def candidate(name: str = "static", **changes: Any) -> dict[str, Any]:
    """A candidate's entry: static, uint8 x int8, 7-bit weights so that it is right on every processor."""
    return {
        "name": name,
        "precision": "int8",
        "method": "static",
        "activationType": "uint8",
        "weightType": "int8",
        "perChannel": True,
        "reduceRange": True,
        "opTypes": ["Conv", "MatMul", "Gemm"],
        "calibration": "minmax",
        "placement": "cpu",
        "excludeNodes": [],
        **changes,
    }


def dynamic(name: str = "dynamic", **changes: Any) -> dict[str, Any]:
    """A candidate's entry: dynamic int8, 7-bit weights."""
    return {
        "name": name,
        "precision": "int8",
        "method": "dynamic",
        "weightType": "int8",
        "perChannel": True,
        "reduceRange": True,
        "opTypes": ["MatMul", "Gemm"],
        "excludeNodes": [],
        **changes,
    }


def recipe(*candidates: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
    """A recipe; a change of a group (`gate={...}`) leaves the group's other values alone."""
    document = copy.deepcopy(RECIPE)
    for key, value in changes.items():
        document[key] = {**document[key], **value} if isinstance(value, dict) else value
    return {**document, "candidates": list(candidates)}


def work(folder: Path, lines: list[str] | None = None, command: Sequence[str] | None = None) -> Work:
    folder.mkdir(parents=True, exist_ok=True)
    progress = Progress(100, (lines if lines is not None else []).append)
    return Work(folder, progress, tuple(command)) if command else Work(folder, progress)


def admitted(
    folder: Path,
    document: Mapping[str, Any],
    model: Path,
    data: Path | None,
    labels: Path | None,
    metric: Path | None = None,
) -> Admitted:
    return admit(Request(from_document(document), model, data, labels, metric), work(folder))


def mlp(
    sizes: Sequence[int] = (16, 32, 4), seed: int = 0, batch: str | int = "batch", **stamps: Any
) -> onnx.ModelProto:
    """Dense layers with Relu between: input `x` [batch, sizes[0]], output `y` [batch, sizes[-1]]."""
    random = np.random.default_rng(seed)
    nodes, weights, source = [], [], "x"
    for layer, (fan_in, fan_out) in enumerate(itertools.pairwise(sizes)):
        last = layer == len(sizes) - 2
        values = random.normal(0, 1 / np.sqrt(fan_in), (fan_in, fan_out)).astype(np.float32)
        weights += [
            numpy_helper.from_array(values, f"w{layer}"),
            numpy_helper.from_array(np.zeros(fan_out, np.float32), f"b{layer}"),
        ]
        target = "y" if last else f"h{layer}"
        nodes.append(helper.make_node("Gemm", [source, f"w{layer}", f"b{layer}"], [target], name=f"gemm{layer}"))
        if not last:
            nodes.append(helper.make_node("Relu", [target], [f"r{layer}"], name=f"relu{layer}"))
            source = f"r{layer}"
    return model(
        nodes,
        {"x": (TensorProto.FLOAT, [batch, sizes[0]])},
        {"y": (TensorProto.FLOAT, [batch, sizes[-1]])},
        weights,
        **stamps,
    )


def model(
    nodes: Sequence[onnx.NodeProto],
    inputs: Mapping[str, tuple[int, Sequence[str | int | None]]],
    outputs: Mapping[str, tuple[int, Sequence[str | int | None]]],
    weights: Sequence[onnx.TensorProto] = (),
    *,
    opset: int = 17,
    ir_version: int = 10,
    domains: Mapping[str, int] | None = None,
) -> onnx.ModelProto:
    graph = helper.make_graph(
        list(nodes),
        "tiny",
        [helper.make_tensor_value_info(name, dtype, shape) for name, (dtype, shape) in inputs.items()],
        [helper.make_tensor_value_info(name, dtype, shape) for name, (dtype, shape) in outputs.items()],
        list(weights),
    )
    imports = [helper.make_opsetid(domain, version) for domain, version in {"": opset, **(domains or {})}.items()]
    return helper.make_model(graph, opset_imports=imports, ir_version=ir_version)


def save(folder: Path, made: onnx.ModelProto, name: str = "model.onnx") -> Path:
    path = folder / name
    onnx.save_model(made, path)
    return path


def save_samples(folder: Path, name: str = "samples.npz", **arrays: np.ndarray) -> Path:
    path = folder / name
    np.savez(path, **arrays)  # type: ignore[arg-type]
    return path


def save_recipe(folder: Path, document: Mapping[str, Any]) -> Path:
    path = folder / "recipe.json"
    path.write_text(json.dumps(document))
    return path


def normal(count: int, *shape: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, *shape)).astype(np.float32)
