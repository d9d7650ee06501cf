"""Optimizer bench: the models, their samples and their labels.

Example models are trained and have labels. The others are the graphs of `test/networks` at full size with seeded random
weights, scaled so that activations neither grow nor vanish: right for latency, memory and signal to noise, never for
accuracy.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

ROOT = Path(__file__).resolve().parents[2]
NETWORKS = ROOT / "test" / "networks"
EXAMPLES = ROOT / "examples" / "models"
IMAGE = {"image": (3, 224, 224)}
TOKENS = {"input_ids": (128,), "attention_mask": (128,), "token_type_ids": (128,)}
FITTED = 4
"""Samples that random convolutions are fitted to."""
SMOOTHING = np.array([[1, 2, 1], [2, 4, 2], [1, 2, 1]], np.float32) / 2
BRANCH = 0.3
"""Deviation of what a convolution adds to the sum it went around, about: trained networks change it in small steps."""
DIRECTIONS = 8
"""One direction in so many is kept of a 1x1 convolution's inputs."""
WORDS = 30522
"""Rows of BERT's table of words."""


@dataclass(frozen=True)
class Model:
    """One row of the bench."""

    name: str
    title: str
    kind: str
    """`cnn`, `mobile`, `encoder` or `tabular`: which goal applies."""
    inputs: Mapping[str, tuple[int, ...]] | None = None
    """Shapes of one sample of a network with random weights; None for a trained example with samples of its own."""
    samples: int = 48
    branches: int = 1
    """Residual branches of a transformer, which are summed up one after the other."""

    @property
    def trained(self) -> bool:
        return self.inputs is None


MODELS = (
    Model("digits", "CNN over 8 x 8 digits, trained", "cnn"),
    Model("digits-encoder", "transformer encoder over digits, trained", "encoder"),
    Model("breast-cancer", "tabular classifier, trained", "tabular"),
    Model("resnet50", "ResNet-50 shape, 102 MB", "cnn", IMAGE, samples=200),
    Model("mobilenet-v2", "MobileNetV2 shape", "mobile", IMAGE),
    Model("bert-base", "BERT-base shape, sequence 128", "encoder", TOKENS, branches=24),
    Model("vit-b16", "ViT-B/16 shape", "encoder", IMAGE, branches=24),
)


@dataclass(frozen=True)
class Prepared:
    """Files of a model, ready to be given to any optimizer."""

    model: Path
    data: Path
    labels: Path | None
    inputs: Mapping[str, np.ndarray]
    classes: np.ndarray | None


def prepare(model: Model, folder: Path) -> Prepared:
    """Write model, samples and labels into `folder`; on one machine the same bytes each time."""
    path, data = folder / f"{model.name}.onnx", folder / "samples.npz"
    if model.inputs is None:
        source = EXAMPLES / model.name
        path.write_bytes((source / f"{model.name}.onnx").read_bytes())
        data.write_bytes((source / "samples.npz").read_bytes())
        labels = folder / "labels.npy"
        labels.write_bytes((source / "labels.npy").read_bytes())
        with np.load(data) as held:
            inputs = {name: held[name] for name in held.files}
        return Prepared(path, data, labels, inputs, np.load(labels))
    inputs = random_inputs(model.inputs, model.samples)
    onnx.save(filled(model, inputs), path)
    np.savez(data, **inputs)
    return Prepared(path, data, None, inputs, None)


def random_inputs(shapes: Mapping[str, tuple[int, ...]], count: int) -> dict[str, np.ndarray]:
    random = np.random.default_rng(1)
    return {name: made_up(name, (count, *shape), random) for name, shape in shapes.items()}


def made_up(name: str, shape: tuple[int, ...], random: np.random.Generator) -> np.ndarray:
    """Random words without padding, or images: mostly coarse noise, each with a contrast and a tint of its own."""
    if name == "input_ids":
        return random.integers(0, WORDS, shape)
    if name == "attention_mask":
        return np.ones(shape, np.int64)
    if name == "token_type_ids":
        return np.zeros(shape, np.int64)
    coarse = random.standard_normal((*shape[:-2], shape[-2] // 8, shape[-1] // 8), np.float32)
    fine = 0.5 * random.standard_normal(shape, np.float32)
    contrast = np.exp(0.2 * random.standard_normal((shape[0], 1, 1, 1), np.float32))
    tint = random.standard_normal((*shape[:2], 1, 1), np.float32)
    return np.clip(contrast * (coarse.repeat(8, axis=-2).repeat(8, axis=-1) + fine + 0.5 * tint), -2.5, 2.5)


def filled(model: Model, inputs: Mapping[str, np.ndarray]) -> onnx.ModelProto:
    """The network's graph with weights inside: seeded, and where there are convolutions fitted to a few `inputs`."""
    network = onnx.load(NETWORKS / f"{model.name}.onnx", load_external_data=False)
    random = np.random.default_rng(0)
    graph = network.graph
    for held in graph.initializer:
        if held.data_location != TensorProto.EXTERNAL and not held.name.startswith("w"):
            continue
        node = next(node for node in graph.node if held.name in node.input)
        values = weights(tuple(held.dims), node, list(node.input).index(held.name), graph, model.branches, random)
        held.CopyFrom(numpy_helper.from_array(values.astype(np.float32), held.name))
    if sum(node.op_type == "Conv" for node in graph.node) > 1:
        center_convolutions(network, {name: values[:FITTED] for name, values in inputs.items()}, random)
    return network


def weights(
    shape: tuple[int, ...],
    node: onnx.NodeProto,
    place: int,
    graph: onnx.GraphProto,
    branches: int,
    random: np.random.Generator,
) -> np.ndarray:
    """Variance 1 / fan-in; branches that are summed up are scaled down, so that no token drowns in the sum."""
    values = random.standard_normal(shape, np.float32)
    if node.op_type == "LayerNormalization":
        return 1 + 0.1 * values if place == 1 else 0.05 * values
    if node.op_type == "Gather":
        return values
    if place != 1 or len(shape) == 1 or node.op_type not in ("Conv", "MatMul", "Gemm"):
        return 0.05 * values
    if len(shape) == 4 and shape[1] == 1:
        # Over one channel alone: mostly smoothing, as trained ones are; else 8-bit noise alone would count.
        values = SMOOTHING + 0.5 * values
    transposed = node.op_type == "Gemm" and any(entry.name == "transB" and entry.i for entry in node.attribute)
    outward = 0 if node.op_type == "Conv" or transposed else len(shape) - 1
    variance = shape[outward] / values.size / (branches if ends_a_branch(node, graph) else 1)
    return values * np.sqrt(variance) * channel_scales(shape[outward], len(shape), outward, random)


def channel_scales(count: int, axes: int, axis: int, random: np.random.Generator) -> np.ndarray:
    """Channels differ in scale, as trained ones do."""
    return np.exp(0.3 * random.standard_normal(count, np.float32)).reshape(
        [-1 if entry == axis else 1 for entry in range(axes)]
    )


def ends_a_branch(node: onnx.NodeProto, graph: onnx.GraphProto) -> bool:
    """Whether a product, its bias added, is summed up with what went around it."""
    stored = {entry.name for entry in graph.initializer}
    biased = next((entry for entry in graph.node if node.output[0] in entry.input), None)
    if biased is None or biased.op_type != "Add":
        return False
    after = next((entry for entry in graph.node if biased.output[0] in entry.input), None)
    return after is not None and after.op_type == "Add" and not stored.intersection(after.input)


def center_convolutions(
    network: onnx.ModelProto, inputs: Mapping[str, np.ndarray], random: np.random.Generator
) -> None:
    """Give every channel of every convolution mean 0 and deviation about 1 on `inputs`: a folded batch normalization.

    Without it the answers of deep networks with random weights hardly depend on the input.
    """
    graph = network.graph
    held = {entry.name: entry for entry in graph.initializer}
    values: dict[str, np.ndarray] = dict(inputs)
    last = {name: place for place, node in enumerate(graph.node) for name in node.input}
    for place, node in enumerate(graph.node):
        if node.op_type == "Conv":
            attend_to_signal(held[node.input[1]], values[node.input[0]])
            (answers,) = run_node(node, network, held, values)
            mean, deviation = answers.mean(axis=(0, 2, 3)), answers.std(axis=(0, 2, 3))
            # A channel that hardly changes stays quiet, rather than drown the others on an unusual input.
            deviation = np.maximum(deviation, 0.3 * np.median(deviation))
            summed = any(entry.op_type == "Add" and node.output[0] in entry.input for entry in graph.node)
            kernel, bias = (numpy_helper.to_array(held[name]) for name in node.input[1:3])
            factors = channel_scales(len(bias), 1, 0, random) * (BRANCH if summed else 1) / deviation
            shift = 0.1 * random.standard_normal(len(bias), np.float32)
            for name, fitted in zip(
                node.input[1:3], (kernel * factors.reshape(-1, 1, 1, 1), (bias - mean) * factors + shift), strict=True
            ):
                held[name].CopyFrom(numpy_helper.from_array(fitted.astype(np.float32), name))
        answers = run_node(node, network, held, values)
        values.update(zip(node.output, answers, strict=True))
        for name in node.input:
            if last[name] == place:
                values.pop(name, None)


def attend_to_signal(kernel: onnx.TensorProto, inputs: np.ndarray) -> None:
    """Restrict a 1x1 convolution to the directions in which its inputs vary, as training does.

    Filters in all directions alike would pass on all of the noise of 8 bits, and little of the signal.
    """
    weights = numpy_helper.to_array(kernel)
    if weights.shape[2:] != (1, 1) or weights.shape[1] != inputs.shape[1]:
        return
    rows = np.moveaxis(inputs, 1, -1).reshape(-1, inputs.shape[1]).astype(np.float64)
    _, directions = np.linalg.eigh(np.cov(rows, rowvar=False))
    most = directions[:, -max(4, len(directions) // DIRECTIONS) :]
    flat = weights[:, :, 0, 0] @ most @ most.T
    kernel.CopyFrom(numpy_helper.from_array(flat.astype(np.float32).reshape(weights.shape), kernel.name))


def run_node(
    node: onnx.NodeProto,
    network: onnx.ModelProto,
    held: Mapping[str, onnx.TensorProto],
    values: Mapping[str, np.ndarray],
) -> list[np.ndarray]:
    """The outputs of one node alone."""
    given = [name for name in dict.fromkeys(node.input) if name in values]
    alone = helper.make_graph(
        [node],
        "one",
        [
            helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(values[name].dtype), values[name].shape)
            for name in given
        ],
        [helper.make_empty_tensor_value_info(name) for name in node.output],
        [held[name] for name in dict.fromkeys(node.input) if name in held],
    )
    model = helper.make_model(alone, opset_imports=network.opset_import, ir_version=network.ir_version)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {name: values[name] for name in given})


def main() -> None:
    """A few samples of each network with random weights: what recipes.mjs plans with."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--samples", type=Path, required=True, metavar="FOLDER", help="gets an .npz for each network")
    folder = parser.parse_args().samples
    for model in MODELS:
        if model.inputs is not None:
            np.savez(folder / f"{model.name}.npz", **random_inputs(model.inputs, 2))


if __name__ == "__main__":
    main()
