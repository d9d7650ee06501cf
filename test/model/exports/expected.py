"""What onnx infers of every value of a graph whose dimensions have sizes, and what a run of it gives."""

import numpy as np
import onnx
import onnxruntime
from onnx import ModelProto, TensorProto, ValueInfoProto
from onnxruntime.tools.symbolic_shape_infer import SymbolicShapeInference

RUN_TYPES = {
    "tensor(float)": "float32", "tensor(float16)": "float16", "tensor(double)": "float64", "tensor(int64)": "int64",
    "tensor(int32)": "int32", "tensor(int8)": "int8", "tensor(uint8)": "uint8", "tensor(bool)": "bool",
    "tensor(string)": "object",
}  # fmt: skip


def bound(made: ModelProto, sizes: dict[str, int]) -> ModelProto:
    """A copy whose symbolic dimensions have sizes; outputs forget the others."""
    model = ModelProto.FromString(made.SerializeToString())
    for info in model.graph.input:
        for dim in info.type.tensor_type.shape.dim:
            if dim.dim_param:
                dim.dim_value = size_of(dim.dim_param, sizes)
    for info in model.graph.output:
        for dim in info.type.tensor_type.shape.dim:
            if dim.dim_param in sizes:
                dim.dim_value = sizes[dim.dim_param]
            elif dim.dim_param:
                dim.Clear()
    return model


def every_size(made: ModelProto, sizes: dict[str, int]) -> dict[str, int]:
    """A size for each name that the inputs have, sums included."""
    names = [d.dim_param for info in made.graph.input for d in info.type.tensor_type.shape.dim if d.dim_param]
    return {name: size_of(name, sizes) for name in dict.fromkeys(names)}


def size_of(text: str, sizes: dict[str, int]) -> int:
    """A dimension's size; exporters name some by a sum, such as `past + sequence`."""
    parts = [part.strip() for part in text.split("+")]
    return sum(int(part) if part.isdigit() else sizes[part] for part in parts)


def dtype_name(code: int) -> str:
    """The reader's name for a type: numpy's where onnx has its own."""
    name = TensorProto.DataType.Name(code).lower()
    return {"float": "float32", "double": "float64"}.get(name, name)


def values_of(graph: onnx.GraphProto) -> dict[str, list]:
    """Type and shape by name; null for what is not known."""
    found = {t.name: [dtype_name(t.data_type), list(t.dims)] for t in graph.initializer}
    for info in [*graph.input, *graph.value_info, *graph.output]:
        if info.type.WhichOneof("value") == "tensor_type" and info.name not in found:
            found[info.name] = [dtype_name(info.type.tensor_type.elem_type), shape_of(info)]
    return found


def shape_of(info: ValueInfoProto) -> list | None:
    tensor = info.type.tensor_type
    if not tensor.HasField("shape"):
        return None
    return [dim.dim_value if dim.HasField("dim_value") else None for dim in tensor.shape.dim]


def inferred(committed: ModelProto, whole: ModelProto, sizes: dict[str, int]) -> tuple[str, dict[str, list]]:
    """Every value of the main graph, and by which tool: ONNX Runtime's where onnx does not know the operators."""
    model = onnx.shape_inference.infer_shapes(bound(committed, sizes), strict_mode=False, data_prop=True)
    values = values_of(model.graph)
    names = [name for node in model.graph.node for name in node.output if name]
    domains = {node.domain for node in model.graph.node} - {"", "ai.onnx", "ai.onnx.ml"}
    if "com.microsoft" not in domains:
        return f"onnx {onnx.__version__}", values
    for name, (dtype, shape) in values_of(by_onnxruntime(bound(whole, sizes)).graph).items():
        if name in names and (name not in values or unknown(values[name][1])) and dtype != "undefined":
            values[name] = [dtype, shape]
    return f"onnx {onnx.__version__}, then onnxruntime {onnxruntime.__version__} symbolic_shape_infer", values


def by_onnxruntime(model: ModelProto) -> ModelProto:
    """What ONNX Runtime's inference finds, also where it cannot find all (its public call raises then)."""
    work = SymbolicShapeInference(int_max=2**31 - 1, auto_merge=True, guess_output_rank=False, verbose=0)
    work._preprocess(model)
    while work.run_:
        work._infer_impl()
    work._update_output_from_vi()
    return work.out_mp_


def unknown(shape: list | None) -> bool:
    return shape is None or None in shape


def run(whole: ModelProto, sizes: dict[str, int]) -> dict[str, list]:
    """Type and shape of every value of the main graph in a run of ONNX Runtime without its optimizations."""
    model = bound(whole, sizes)
    shown = {info.name for info in model.graph.output}
    for node in model.graph.node:
        model.graph.output.extend(ValueInfoProto(name=n) for n in node.output if n and n not in shown)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    random = np.random.default_rng(0)
    feeds = {i.name: feed(RUN_TYPES[i.type], i.shape, random) for i in session.get_inputs()}
    names = [output.name for output in session.get_outputs()]
    results = zip(names, session.run(names, feeds), strict=True)
    return {name: [text_type(held.dtype), list(held.shape)] for name, held in results if isinstance(held, np.ndarray)}


def text_type(dtype: np.dtype) -> str:
    return "string" if dtype.kind == "O" else dtype.name


def feed(dtype: str, shape: list, random: np.random.Generator) -> np.ndarray:
    if dtype == "object":
        return np.full(shape, "a", object)
    return (random.normal(size=shape) if "float" in dtype else np.ones(shape)).astype(dtype)


def disagreements(values: dict[str, list], actual: dict[str, list]) -> list[str]:
    """Where a run contradicts what was inferred."""
    found = []
    for name, (dtype, shape) in actual.items():
        said, sizes = values.get(name, ["", None])
        fits = sizes is None or (
            len(sizes) == len(shape) and all(a in (None, b) for a, b in zip(sizes, shape, strict=True))
        )
        if not fits or said not in ("", dtype):
            found.append(f"{name}: inferred {said} {sizes}, ran {dtype} {shape}")
    return found
