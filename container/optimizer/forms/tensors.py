"""Stage 4, candidates: what became of a form's weights, as histograms and signal to noise for the report."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

from ..fidelity import sqnr_db
from .ranges import Step

MOST_TENSORS = 64
BINS = 40
CHUNK = 4_000_000
"""Values of a weight that are looked at; more are thinned out evenly."""


def write_tensors(path: Path, source: onnx.ModelProto, made: onnx.ModelProto, steps: Sequence[Step]) -> None:
    """`tensors` and `convergence` of report.json; `source` is fp32, `made` the form before graph optimization."""
    document = {"tensors": list(weights(source, made)), "convergence": [asdict(step) for step in steps]}
    path.write_text(json.dumps(document))


def weights(source: onnx.ModelProto, made: onnx.ModelProto) -> Iterator[dict[str, Any]]:
    """The largest weights that are no longer fp32, at most MOST_TENSORS."""
    given = {entry.name: entry for entry in source.graph.initializer if entry.data_type == onnx.TensorProto.FLOAT}
    found = {name: pair for name, pair in reduced(made) if name in given}
    sizes = {name: int(np.prod(given[name].dims)) for name in found}
    for name in sorted(found, key=lambda name: (-sizes[name], name))[:MOST_TENSORS]:
        dtype, values = found[name]
        before = numpy_helper.to_array(given[name])
        after = np.asarray(values(before.shape), np.float32)
        thin = slice(None, None, max(1, before.size // CHUNK))
        flat = before.ravel()[thin]
        # Gemm becomes a MatMul on the way, its weights turned.
        ways = [way.ravel()[thin] for way in (after, after.T) if way.shape == before.shape]
        counts, edges = np.histogram(flat, BINS)
        yield {
            "name": name,
            "dtype": dtype,
            "shape": list(before.shape),
            "edges": [float(edge) for edge in edges],
            "counts": counts.tolist(),
            "sqnrDb": round(max(sqnr_db([flat], [rounded]) for rounded in ways), 2),
        }


Values = Callable[[Sequence[int]], np.ndarray]
"""From the shape a weight had to what became of its values."""


def reduced(made: onnx.ModelProto) -> Iterator[tuple[str, tuple[str, Values]]]:
    """Name in fp32, and the type it is stored in with its values, for each weight that is no longer fp32."""
    held = {entry.name: entry for entry in made.graph.initializer}
    for entry in made.graph.initializer:
        if entry.data_type == onnx.TensorProto.FLOAT16:
            yield entry.name, ("float16", partial(as_stored, entry))
        name = entry.name.removesuffix("_quantized")
        scale, zero = held.get(f"{name}_scale"), held.get(f"{name}_zero_point")
        if name != entry.name and scale is not None and zero is not None:
            axis = channel_axis(made, entry.name)
            yield name, (numpy_helper.to_array(entry).dtype.name, partial(unscaled, entry, scale, zero, axis))
    for node in made.graph.node:
        if node.op_type == "QuantizeLinear" and node.input[0] in held and node.input[1] in held:
            entry, scale, zero = (held[name] for name in node.input[:3])
            dtype = numpy_helper.to_array(zero).dtype.name
            yield entry.name, (dtype, partial(requantized, entry, scale, zero, axis_of(node)))
        if node.op_type == "MatMulNBits":
            bits = attribute(node, "bits", 4)
            stored = node.input[1].removesuffix(f"_Q{bits}")
            name = stored.removesuffix(":transposed")
            yield name, (f"int{bits}", partial(from_blocks, node, held, name != stored))


def attribute(node: onnx.NodeProto, name: str, default: int) -> int:
    return next((entry.i for entry in node.attribute if entry.name == name), default)


def axis_of(node: onnx.NodeProto) -> int:
    return attribute(node, "axis", 1)


def channel_axis(made: onnx.ModelProto, name: str) -> int | None:
    """The axis of the scales, from the node that dequantizes; None where its operator takes the last one."""
    node = next(
        (node for node in made.graph.node if node.op_type == "DequantizeLinear" and node.input[0] == name), None
    )
    return None if node is None else axis_of(node)


def spread(
    scale: onnx.TensorProto, zero: onnx.TensorProto, rank: int, axis: int | None
) -> tuple[np.ndarray, np.ndarray]:
    """Scale and zero point so that they can be multiplied with a weight of `rank` axes."""
    steps, zeros = numpy_helper.to_array(scale).ravel(), numpy_helper.to_array(zero).ravel().astype(np.float32)
    if steps.size == 1:
        return steps.reshape([1] * rank), zeros.reshape([1] * rank)
    shape = [1] * rank
    shape[rank - 1 if axis is None else axis] = steps.size
    return steps.reshape(shape), zeros.reshape(shape)


def as_stored(entry: onnx.TensorProto, shape: Sequence[int]) -> np.ndarray:  # noqa: ARG001
    return numpy_helper.to_array(entry)


def unscaled(
    entry: onnx.TensorProto,
    scale: onnx.TensorProto,
    zero: onnx.TensorProto,
    axis: int | None,
    shape: Sequence[int],  # noqa: ARG001
) -> np.ndarray:
    stored = numpy_helper.to_array(entry)
    step, offset = spread(scale, zero, stored.ndim, axis)
    return (stored.astype(np.float32) - offset) * step


def requantized(
    entry: onnx.TensorProto,
    scale: onnx.TensorProto,
    zero: onnx.TensorProto,
    axis: int,
    shape: Sequence[int],  # noqa: ARG001
) -> np.ndarray:
    """What a pair of Q and DQ makes of a weight that is stored in floats."""
    values = numpy_helper.to_array(entry)
    limits = np.iinfo(numpy_helper.to_array(zero).dtype)
    step, offset = spread(scale, zero, values.ndim, axis)
    return (np.clip(np.rint(values / step) + offset, limits.min, limits.max) - offset) * step


def from_blocks(
    node: onnx.NodeProto, held: Mapping[str, onnx.TensorProto], turned: bool, shape: Sequence[int]
) -> np.ndarray:
    """The weights of a MatMulNBits in the shape they had: stored by column, block by block, low bits first."""
    bits, rows, columns, block = (attribute(node, name, 4) for name in ("bits", "K", "N", "block_size"))
    packed = numpy_helper.to_array(held[node.input[1]]).reshape(columns, -1)
    blocks = -(-rows // block)
    values = packed if bits == 8 else np.stack([packed & 15, packed >> 4], axis=-1).reshape(columns, -1)
    scales = numpy_helper.to_array(held[node.input[2]]).reshape(columns, blocks, 1)
    zeros = np.full((columns, blocks, 1), 2 ** (bits - 1), np.float32)
    if len(node.input) > 3 and node.input[3]:
        points = numpy_helper.to_array(held[node.input[3]]).reshape(columns, -1)
        points = points if bits == 8 else np.stack([points & 15, points >> 4], axis=-1).reshape(columns, -1)
        zeros = points[:, :blocks, None].astype(np.float32)
    spread_out = (values.reshape(columns, blocks, block).astype(np.float32) - zeros) * scales
    weight = spread_out.reshape(columns, -1)[:, :rows]
    return (weight if turned else weight.T).reshape(shape)
