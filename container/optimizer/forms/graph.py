"""Stage 4, candidates: questions about a graph that several methods ask."""

from collections import Counter, deque
from collections.abc import Iterable, Mapping

import onnx
from onnx import TensorProto

from ..onnx_file import every_graph

LAYOUT_OPS = frozenset({"Transpose", "Reshape", "Squeeze", "Unsqueeze", "Flatten", "Identity", "Cast", "Slice"})
"""They move values and change none."""


def initializers(model: onnx.ModelProto) -> dict[str, onnx.TensorProto]:
    return {entry.name: entry for entry in model.graph.initializer}


def float_tensors(model: onnx.ModelProto) -> dict[str, onnx.ValueInfoProto]:
    """Activations of the main graph that are known to be 32-bit floats, in the order of the nodes."""
    graph = model.graph
    known = {value.name: value for value in [*graph.value_info, *graph.output, *graph.input]}
    held = initializers(model)
    names = dict.fromkeys(name for node in graph.node for name in (*node.input, *node.output) if name)
    return {
        name: known[name]
        for name in names
        if name in known and name not in held and known[name].type.tensor_type.elem_type == TensorProto.FLOAT
    }


def producers(model: onnx.ModelProto) -> dict[str, onnx.NodeProto]:
    return {name: node for node in model.graph.node for name in node.output if name}


def name_nodes(model: onnx.ModelProto) -> None:
    """Give every node of the main graph a name of its own; those that have one keep it."""
    counts = Counter(node.name for node in model.graph.node)
    taken = {*counts, ""}
    seen: set[str] = set()
    for number, node in enumerate(model.graph.node):
        if node.name and node.name not in seen:
            seen.add(node.name)
            continue
        name = f"{node.name or node.op_type}_{number}"
        while name in taken:
            name += "_"
        node.name = name
        taken.add(name)


def captured(node: onnx.NodeProto) -> set[str]:
    """Names that the subgraphs of a node take from the graph around it."""
    found: set[str] = set()
    for graph in every_graph([node]):
        own = {value.name for value in graph.input} | {entry.name for entry in graph.initializer}
        own |= {name for inner in graph.node for name in inner.output}
        used = {name for inner in graph.node for name in inner.input} | {value.name for value in graph.output}
        found |= used - own
    return found - {""}


def fed_by(model: onnx.ModelProto, op: str) -> frozenset[str]:
    """Nodes with constant weights whose data come from `op` through nothing but changes of layout, by name.

    A convolution over a Softmax is how detectors read a box's edges from a distribution.
    """
    held, made_by = initializers(model), producers(model)
    found = set()
    for node in model.graph.node:
        if node.op_type not in ("Conv", "MatMul", "Gemm") or len(node.input) < 2 or node.input[1] not in held:
            continue
        source = made_by.get(node.input[0])
        while source is not None and source.op_type in LAYOUT_OPS:
            source = made_by.get(source.input[0])
        if source is not None and source.op_type == op:
            found.add(node.name)
    return frozenset(found)


def head(model: onnx.ModelProto) -> onnx.NodeProto | None:
    """The MatMul with constant weights that is nearest to the first float output; None where there is none."""
    held, made_by = initializers(model), producers(model)
    first = next((out for out in model.graph.output if out.type.tensor_type.elem_type == TensorProto.FLOAT), None)
    queue, seen = deque([first.name] if first is not None else []), set[str]()
    while queue:
        node = made_by.get(queue.popleft())
        if node is None or node.output[0] in seen:
            continue
        seen.add(node.output[0])
        if node.op_type == "MatMul" and node.input[1] in held:
            return node
        queue.extend(name for name in node.input if name)
    return None


def touching(model: onnx.ModelProto, tensors: Iterable[str], op_types: frozenset[str]) -> frozenset[str]:
    """Nodes of `op_types` with one of `tensors` among their inputs or outputs, by name."""
    wanted = set(tensors)
    return frozenset(
        node.name
        for node in model.graph.node
        if node.op_type in op_types and not wanted.isdisjoint((*node.input, *node.output))
    )


def around(model: onnx.ModelProto, op_types: frozenset[str], names: Mapping[str, object]) -> list[str]:
    """Of `names`, inputs and outputs of nodes of `op_types`, in the order of the nodes."""
    return list(
        dict.fromkeys(
            name
            for node in model.graph.node
            if node.op_type in op_types
            for name in (*node.input, *node.output)
            if name in names
        )
    )
