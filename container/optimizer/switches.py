"""A model in which every node that may be made smaller has a switch: as it is, or with its inputs rounded.

So one session tells what any set of small nodes does to the answers. Rounding follows the candidate's method closely
enough to rank nodes; whether a set is good enough is for a real candidate to show.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from .recipe import Candidate, Dynamic, Float16, Static, Weights
from .session import Answers, open_session, plain, sample

SWITCHES = "slipway_switches"
"""The input that holds them, bool [nodes]."""


def float_tensors(graph: onnx.GraphProto) -> set[str]:
    """Tensors known to be 32-bit floats: shapes were inferred while normalizing."""
    known = [*graph.input, *graph.value_info, *graph.output]
    named = {value.name for value in known if value.type.tensor_type.elem_type == TensorProto.FLOAT}
    return named | {entry.name for entry in graph.initializer if entry.data_type == TensorProto.FLOAT}


def switchable(
    model: onnx.ModelProto,
    nodes: Sequence[onnx.NodeProto],
    asked: Candidate,
    ranges: Mapping[str, Sequence[float]],
    inputs: Mapping[str, np.ndarray],
    rows: Sequence[int],
) -> Callable[[np.ndarray], Answers]:
    """A function from switches, bool, one for each of `nodes`, to the model's answers on the samples at `rows`."""
    graph = model.graph
    floats, weights = float_tensors(graph), {entry.name: entry for entry in graph.initializer}
    outputs = [value.name for value in graph.output]
    position = {node.name: index for index, node in enumerate(nodes)}
    made: list[onnx.NodeProto] = []
    added: list[onnx.TensorProto] = []
    for node in graph.node:
        index = position.get(node.name)
        if index is None:
            made.append(node)
            continue
        switch = f"slipway_switch_{index}"
        added.append(numpy_helper.from_array(np.array(index, np.int64), f"{switch}_index"))
        made.append(helper.make_node("Gather", [SWITCHES, f"{switch}_index"], [switch]))
        changed = onnx.NodeProto()
        changed.CopyFrom(node)
        for slot, name in enumerate(node.input):
            if name not in floats or (slot >= 2 and name in weights):
                continue
            rounded = f"{switch}_in_{slot}"
            if name in weights:
                values = round_weight(numpy_helper.to_array(weights[name]), node, asked)
                added.append(numpy_helper.from_array(values, rounded))
            else:
                steps = round_activation(name, rounded, asked, ranges, added)
                if not steps:
                    continue
                made.extend(steps)
            made.append(helper.make_node("Where", [switch, rounded, name], [f"{rounded}_chosen"]))
            changed.input[slot] = f"{rounded}_chosen"
        made.append(changed)
        if isinstance(asked, Static):
            for slot, name in enumerate(node.output):
                if name not in ranges:
                    continue
                exact, rounded = f"{switch}_out_{slot}_exact", f"{switch}_out_{slot}"
                changed.output[slot] = exact
                made.extend(round_activation(name, rounded, asked, ranges, added, source=exact))
                made.append(helper.make_node("Where", [switch, rounded, exact], [name]))
    del graph.node[:]
    graph.node.extend(made)
    graph.initializer.extend(added)
    graph.input.append(helper.make_tensor_value_info(SWITCHES, TensorProto.BOOL, [len(nodes)]))
    session = open_session(model.SerializeToString(), "basic")

    def answers(switches: np.ndarray) -> Answers:
        runs = [session.run(outputs, {**sample(inputs, int(row)), SWITCHES: switches}) for row in rows]
        return {name: [plain(run[index]) for run in runs] for index, name in enumerate(outputs)}

    return answers


def round_activation(
    name: str,
    rounded: str,
    asked: Candidate,
    ranges: Mapping[str, Sequence[float]],
    added: list[onnx.TensorProto],
    source: str | None = None,
) -> list[onnx.NodeProto]:
    """Nodes from `source` (default: the tensor `name`) to `rounded`; none where activations are left alone."""
    start = source or name
    if isinstance(asked, Float16):
        return [
            helper.make_node("Cast", [start], [f"{rounded}_half"], to=TensorProto.FLOAT16),
            helper.make_node("Cast", [f"{rounded}_half"], [rounded], to=TensorProto.FLOAT),
        ]
    if isinstance(asked, Dynamic):
        parts = [f"{rounded}_values", f"{rounded}_scale", f"{rounded}_zero"]
        return [
            helper.make_node("DynamicQuantizeLinear", [start], parts),
            helper.make_node("DequantizeLinear", parts, [rounded]),
        ]
    if not isinstance(asked, Static) or name not in ranges:
        return []
    scale, zero = scale_of(*ranges[name], unsigned=asked.activation_type == "uint8")
    dtype = np.uint8 if asked.activation_type == "uint8" else np.int8
    added.append(numpy_helper.from_array(np.array(scale, np.float32), f"{rounded}_scale"))
    added.append(numpy_helper.from_array(np.array(zero, dtype), f"{rounded}_zero"))
    by = [f"{rounded}_scale", f"{rounded}_zero"]
    return [
        helper.make_node("QuantizeLinear", [start, *by], [f"{rounded}_values"]),
        helper.make_node("DequantizeLinear", [f"{rounded}_values", *by], [rounded]),
    ]


def scale_of(low: float, high: float, *, unsigned: bool) -> tuple[float, int]:
    """Scale and zero point of 8 bits over a range that holds zero."""
    low, high = min(low, 0.0), max(high, 0.0)
    if unsigned:
        scale = (high - low) / 255 or 1.0
        return scale, int(np.clip(round(-low / scale), 0, 255))
    return max(-low, high) / 127 or 1.0, 0


def round_weight(values: np.ndarray, node: onnx.NodeProto, asked: Candidate) -> np.ndarray:
    """Weights as they come back from the candidate's form."""
    if isinstance(asked, Float16):
        with np.errstate(over="ignore"):
            return values.astype(np.float16).astype(np.float32)
    if isinstance(asked, Weights):
        steps = 127 if asked.precision == "int8" else 7
        return in_blocks(values, asked.block_size, steps)
    reduced, unsigned = asked.reduce_range, asked.weight_type == "uint8"
    steps = (63 if reduced else 127) if not unsigned else (127 if reduced else 255)
    axis = channel_axis(values, node) if asked.per_channel else None
    others = None if axis is None else tuple(index for index in range(values.ndim) if index != axis)
    if unsigned:
        low = np.minimum(values.min(axis=others, keepdims=True), 0)
        scale = (np.maximum(values.max(axis=others, keepdims=True), 0) - low) / steps
        scale = np.where(scale == 0, 1, scale)
        zero = np.round(-low / scale)
        return ((np.clip(np.round(values / scale) + zero, 0, steps) - zero) * scale).astype(np.float32)
    return symmetric(values, np.abs(values).max(axis=others, keepdims=True), steps)


def symmetric(values: np.ndarray, most: np.ndarray, steps: int) -> np.ndarray:
    scale = np.where(most == 0, 1, most / steps)
    return (np.clip(np.round(values / scale), -steps, steps) * scale).astype(np.float32)


def in_blocks(values: np.ndarray, block: int, steps: int) -> np.ndarray:
    """Rounded in blocks along the first axis of a matrix [K, N]."""
    if values.ndim != 2:
        return values
    rows, columns = values.shape
    padded = np.zeros((-(-rows // block) * block, columns), np.float32)
    padded[:rows] = values
    blocks = padded.reshape(-1, block, columns)
    return symmetric(blocks, np.abs(blocks).max(axis=1, keepdims=True), steps).reshape(-1, columns)[:rows]


def channel_axis(values: np.ndarray, node: onnx.NodeProto) -> int | None:
    """The axis of the output channels of a weight."""
    if node.op_type == "Conv":
        return 0
    if node.op_type == "ConvTranspose":
        return 1
    transposed = any(entry.name == "transB" and entry.i for entry in node.attribute)
    return values.ndim - (2 if transposed else 1) if values.ndim > 1 else None
