"""Writes a network's graph node by node; weights are named, placed in a file beside the graph, and never made."""

import numpy as np
import onnx
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64
# Weights with more elements than this lie in the file beside the graph.
INLINE = 64


class Network:
    """A graph under construction. Values have short names in the order of their making."""

    def __init__(self, name: str, opset: int = 17) -> None:
        self.name, self.opset = name, opset
        self.nodes: list = []
        self.inputs: list = []
        self.outputs: list = []
        self.initializers: list = []
        self.constants: dict[tuple, str] = {}
        self.made = 0
        self.offset = 0

    def input(self, name: str, *shape: int | str, dtype: int = FLOAT) -> str:
        self.inputs.append(helper.make_tensor_value_info(name, dtype, shape))
        return name

    def output(self, name: str, *shape: int | str, dtype: int = FLOAT) -> None:
        self.outputs.append(helper.make_tensor_value_info(name, dtype, shape))

    def op(self, kind: str, *inputs: str, called: str | None = None, **attributes) -> str:
        """Adds a node of one output."""
        return self.split(kind, *inputs, called=[called or self.fresh()], **attributes)[0]

    def split(self, kind: str, *inputs: str, called: int | list[str] = 2, **attributes) -> list[str]:
        """Adds a node of several outputs."""
        outputs = [self.fresh() for _ in range(called)] if isinstance(called, int) else called
        self.nodes.append(helper.make_node(kind, inputs, outputs, f"n{len(self.nodes)}", **attributes))
        return outputs

    def fresh(self) -> str:
        self.made += 1
        return f"v{self.made}"

    def weight(self, *shape: int) -> str:
        """A stored float tensor: zeros inside the graph when it is small, else a place in the file of weights."""
        name, size = f"w{len(self.initializers)}", int(np.prod(shape, dtype="int64"))
        if size <= INLINE:
            tensor = numpy_helper.from_array(np.zeros(shape, "float32"), name)
        else:
            tensor = TensorProto(name=name, data_type=FLOAT, dims=shape, data_location=TensorProto.EXTERNAL)
            place = {"location": f"{self.name}.weights", "offset": self.offset, "length": 4 * size}
            for key, held in place.items():
                tensor.external_data.add(key=key, value=str(held))
            self.offset += 4 * size
        self.initializers.append(tensor)
        return name

    def const(self, values: object, dtype: str = "int64") -> str:
        """A stored tensor whose values matter, once for all its uses."""
        array = np.array(values, dtype)
        key = (dtype, array.shape, array.tobytes())
        if key not in self.constants:
            self.constants[key] = f"c{len(self.constants)}"
            self.initializers.append(numpy_helper.from_array(array, self.constants[key]))
        return self.constants[key]

    def number(self, number: float) -> str:
        return self.const(number, "float32")

    def size(self, x: str, axis: int) -> str:
        """The size of one dimension, as a list of one."""
        return self.op("Shape", x, start=axis, end=axis + 1)

    def shape(self, *parts: int | str) -> str:
        """A shape of numbers and of computed sizes."""
        if all(isinstance(part, int) for part in parts):
            return self.const(parts)
        return self.op("Concat", *[p if isinstance(p, str) else self.const([p]) for p in parts], axis=0)

    def reshape(self, x: str, *parts: int | str, called: str | None = None) -> str:
        return self.op("Reshape", x, self.shape(*parts), called=called)

    def slice(self, x: str, start: int, end: int, axis: int) -> str:
        return self.op("Slice", x, self.const([start]), self.const([end]), self.const([axis]))

    def linear(self, x: str, inside: int, out: int, bias: bool = True, called: str | None = None) -> str:
        """A product with stored weights, its bias in a node of its own."""
        if not bias:
            return self.op("MatMul", x, self.weight(inside, out), called=called)
        product = self.op("MatMul", x, self.weight(inside, out))
        return self.op("Add", self.weight(out), product, called=called)

    def layer_norm(self, x: str, width: int, epsilon: float = 1e-5) -> str:
        return self.op("LayerNormalization", x, self.weight(width), self.weight(width), axis=-1, epsilon=epsilon)

    def model(self) -> ModelProto:
        body = helper.make_graph(self.nodes, self.name, self.inputs, self.outputs, self.initializers)
        made = helper.make_model(body, opset_imports=[helper.make_opsetid("", self.opset)], ir_version=8)
        made.producer_name = "networks"
        return made


def bound(made: ModelProto, dims: dict[str, int]) -> GraphProto:
    """The graph with every shape that follows from sizes for its symbolic dimensions.

    onnx does not follow a size through a slice or a range, so what is computed from shapes alone is run and put back
    as a constant until there is no more of it.
    """
    copy = ModelProto.FromString(made.SerializeToString())
    for info in copy.graph.input:
        for dim in info.type.tensor_type.shape.dim:
            if dim.dim_param:
                dim.dim_value = dims[dim.dim_param]
    for info in copy.graph.output:
        info.type.tensor_type.ClearField("shape")
    while True:
        del copy.graph.value_info[:]
        copy = onnx.shape_inference.infer_shapes(copy, strict_mode=True, data_prop=True)
        if not fold(copy):
            return copy.graph


def fold(made: ModelProto) -> bool:
    """Replaces nodes over known integers, and those that ask for known shapes, by their results."""
    shapes = shapes_of(made.graph)
    known = {t.name: numpy_helper.to_array(t) for t in made.graph.initializer if t.data_type == INT64}
    kept = []
    for node in made.graph.node:
        if node.op_type == "Shape" and node.input[0] in shapes:
            feed = {node.input[0]: np.broadcast_to(np.float32(0), shapes[node.input[0]])}
        elif all(name in known for name in node.input):
            feed = {name: known[name] for name in node.input}
        else:
            kept.append(node)
            continue
        results = ReferenceEvaluator(node, opsets={"": made.opset_import[0].version}).run(None, feed)
        for name, result in zip(node.output, results, strict=True):
            known[name] = np.asarray(result)
            made.graph.initializer.append(numpy_helper.from_array(known[name], name))
    changed = len(kept) < len(made.graph.node)
    del made.graph.node[:]
    made.graph.node.extend(kept)
    return changed


def shapes_of(graph: GraphProto) -> dict[str, list[int]]:
    """The shapes that are known whole."""
    found = {t.name: list(t.dims) for t in graph.initializer}
    for info in [*graph.input, *graph.value_info, *graph.output]:
        tensor = info.type.tensor_type
        if tensor.HasField("shape") and all(dim.HasField("dim_value") for dim in tensor.shape.dim):
            found[info.name] = [dim.dim_value for dim in tensor.shape.dim]
    return found


def parameters(made: ModelProto) -> int:
    """Stored floats."""
    return sum(int(np.prod(t.dims, dtype="int64")) for t in made.graph.initializer if t.data_type == FLOAT)


def flops(graph: GraphProto) -> int:
    """Operations of convolutions, products and recurrent layers, a multiplication with its addition counted as 2."""
    shapes = shapes_of(graph)
    return sum(flops_of(node, shapes) for node in graph.node)


def flops_of(node: NodeProto, shapes: dict[str, list[int]]) -> int:
    if node.op_type not in ("Conv", "MatMul", "Gemm", "LSTM"):
        return 0
    out = int(np.prod(shapes[node.output[0]], dtype="int64"))
    first, second = (shapes[name] for name in node.input[:2])
    if node.op_type == "Conv":
        return 2 * out * int(np.prod(second[1:]))
    if node.op_type == "LSTM":
        steps, rows, width = first
        directions, gates, _ = second
        return 2 * steps * rows * directions * gates * (width + gates // 4)
    return 2 * out * first[-1]
