"""Stage 4, candidates: 16-bit floats, where inputs and outputs keep their types and what would overflow stays in fp32.

Control flow (If, Loop, Scan) stays in fp32 with all it holds: what it takes from the graph around it is cast.
"""

from collections.abc import Collection

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.transformers.float16 import DEFAULT_OP_BLOCK_LIST, convert_float_to_float16

from ..onnx_file import every_graph
from ..recipe import Float16
from .calibration import shared_ranges
from .form import Calibration, CannotQuantizeError, Made, Rung
from .graph import captured, name_nodes

MOST_FINITE = float(np.finfo(np.float16).max)
CONTROL_FLOW = ("If", "Loop", "Scan")
HEAVY_OPS = frozenset({"Conv", "ConvTranspose", "MatMul", "Gemm"})
"""All that the last rung of the ladder still converts."""


def make(rung: Rung, model: onnx.ModelProto, calibration: Calibration) -> Made:
    """Raises CannotQuantizeError where nothing would be converted, and what ONNX Runtime's converter raises."""
    candidate = rung.candidate
    assert isinstance(candidate, Float16)
    name_nodes(model)
    ops = {node.op_type for node in model.graph.node}
    heavy_only = rung.options.get("heavy_only", False)
    blocked_ops = {
        *DEFAULT_OP_BLOCK_LIST,
        *CONTROL_FLOW,
        *candidate.keep_op_types,
        *(ops - HEAVY_OPS if heavy_only else ()),
    }
    ranges = None
    beyond: set[str] = set()
    if candidate.max_abs is not None:
        measured = shared_ranges(model, "minmax", calibration)
        ranges = {name: bounds for name, bounds in measured.items() if exceeds(bounds, candidate.max_abs)}
        beyond = set(ranges)
    weights = large_weights(model, candidate.max_abs or MOST_FINITE)
    blocked = {*candidate.exclude_nodes, *touching_any(model, beyond | weights)}
    if all(node.op_type in blocked_ops or node.name in blocked for node in model.graph.node):
        raise CannotQuantizeError(
            "every node would stay in fp32: the recipe keeps its operator, or its values are too large"
        )
    made = convert_float_to_float16(
        model,
        keep_io_types=True,
        disable_shape_infer=not rung.shapes,
        op_block_list=sorted(blocked_ops),
        node_block_list=sorted(blocked),
    )
    drop_repeated_casts(made)
    drop_round_trips(made)
    cast_captured(made)
    return Made(made, ranges)


def exceeds(bounds: tuple[float, float], most: float) -> bool:
    return max(abs(bounds[0]), abs(bounds[1])) > most


def large_weights(model: onnx.ModelProto, most: float) -> set[str]:
    """Initializers with a magnitude beyond `most`; converted, they would be cut silently."""
    found = set()
    for entry in model.graph.initializer:
        if entry.data_type == TensorProto.FLOAT:
            values = numpy_helper.to_array(entry)
            if values.size and not np.abs(values).max() <= most:
                found.add(entry.name)
    return found


def touching_any(model: onnx.ModelProto, tensors: Collection[str]) -> set[str]:
    """Names of nodes with one of `tensors` among their inputs or outputs."""
    return {node.name for node in model.graph.node if not set(tensors).isdisjoint((*node.input, *node.output))}


def drop_repeated_casts(model: onnx.ModelProto) -> None:
    """The converter writes the Cast of a value once for every node that stays in fp32."""
    seen: set[str] = set()
    kept = []
    for node in model.graph.node:
        if node.op_type == "Cast" and node.output[0] in seen:
            continue
        seen.update(node.output)
        kept.append(onnx.NodeProto.FromString(node.SerializeToString()))
    if len(kept) < len(model.graph.node):
        del model.graph.node[:]
        model.graph.node.extend(kept)


def drop_round_trips(model: onnx.ModelProto) -> None:
    """The converter passes values between two nodes that stay in fp32 through 16 bits, where they overflow."""
    graph = model.graph
    outputs = {value.name for value in graph.output}
    wide = {
        value.name
        for value in [*graph.value_info, *graph.input, *graph.output]
        if value.type.tensor_type.elem_type == TensorProto.FLOAT
    }
    narrowed = {
        node.output[0]: node.input[0]
        for node in graph.node
        if is_cast(node, TensorProto.FLOAT16) and node.input[0] in wide
    }
    straight = {
        node.output[0]: narrowed[node.input[0]]
        for node in graph.node
        if is_cast(node, TensorProto.FLOAT) and node.input[0] in narrowed
    }
    for node in graph.node:
        for position, name in enumerate(node.input):
            if name in straight and name not in outputs:
                node.input[position] = straight[name]
        if node.output and node.output[0] in straight and node.output[0] in outputs:
            node.CopyFrom(helper.make_node("Identity", [straight[node.output[0]]], [node.output[0]], name=node.name))
    drop_unread_casts(model)


def drop_unread_casts(model: onnx.ModelProto) -> None:
    while True:
        used = {value.name for value in model.graph.output}
        used.update(name for node in model.graph.node for name in (*node.input, *captured(node)))
        kept = [node for node in model.graph.node if node.op_type != "Cast" or node.output[0] in used]
        if len(kept) == len(model.graph.node):
            return
        copied = [onnx.NodeProto.FromString(node.SerializeToString()) for node in kept]
        del model.graph.node[:]
        model.graph.node.extend(copied)


def is_cast(node: onnx.NodeProto, kind: int) -> bool:
    return node.op_type == "Cast" and any(entry.name == "to" and entry.i == kind for entry in node.attribute)


def cast_captured(model: onnx.ModelProto) -> None:
    """Give control flow its 32-bit floats back: a Cast for every 16-bit value that a subgraph takes from outside."""
    half = half_tensors(model)
    casts: dict[str, str] = {}
    for node in model.graph.node:
        wanted = captured(node) & half
        for name in sorted(wanted - casts.keys()):
            casts[name] = f"{name}_captured_fp32"
        for graph in every_graph([node]):
            for inner in graph.node:
                for position, name in enumerate(inner.input):
                    if name in wanted:
                        inner.input[position] = casts[name]
            for value in graph.output:
                if value.name in wanted:
                    value.name = casts[value.name]
    added = [
        helper.make_node("Cast", [name], [target], to=TensorProto.FLOAT, name=f"{target}_node")
        for name, target in casts.items()
    ]
    ordered = in_order([*added, *model.graph.node], model)
    del model.graph.node[:]
    model.graph.node.extend(ordered)


def half_tensors(model: onnx.ModelProto) -> set[str]:
    """Values of the main graph that are 16-bit floats after conversion."""
    graph = model.graph
    values = {
        value.name
        for value in [*graph.value_info, *graph.input]
        if value.type.tensor_type.elem_type == TensorProto.FLOAT16
    }
    return values | {entry.name for entry in graph.initializer if entry.data_type == TensorProto.FLOAT16}


def in_order(nodes: list[onnx.NodeProto], model: onnx.ModelProto) -> list[onnx.NodeProto]:
    """Nodes so that each stands behind those it reads from; otherwise as they were."""
    made_here = {name for node in nodes for name in node.output if name}
    ready = {value.name for value in model.graph.input} | {entry.name for entry in model.graph.initializer}
    ordered: list[onnx.NodeProto] = []
    waiting = nodes
    while waiting:
        later = []
        for node in waiting:
            needs = ({*node.input} | captured(node)) & made_here
            if needs <= ready:
                ordered.append(node)
                ready |= set(node.output)
            else:
                later.append(node)
        if len(later) == len(waiting):
            raise CannotQuantizeError("the converted graph runs in a circle")
        waiting = later
    return ordered
