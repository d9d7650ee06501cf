"""An ONNX file as the user gave it: read it, check it, and say in words what cannot be served."""

import hashlib
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import onnx
from google.protobuf.message import DecodeError
from onnx.external_data_helper import ExternalDataInfo, load_external_data_for_model

from .errors import UserError, read
from .recipe import Limits
from .session import brief
from .weights_file import COPIED_AT_ONCE, save_with_weights_beside

OPSETS = range(7, 27)
IR_VERSIONS = range(3, 14)
"""What ONNX Runtime 1.30 reads."""
SERVED_DOMAINS = frozenset({"", "ai.onnx", "ai.onnx.ml", "com.microsoft"})
ONE_FILE_BYTES = 1_900_000_000
"""Protobuf ends at 2 GB; some room is left for the quantizer's own tensors. Larger models are served as they are."""

_QUANTIZED_OPS = {
    "QuantizeLinear": "QDQ",
    "DequantizeLinear": "QDQ",
    "QLinearConv": "quantized operators",
    "QLinearMatMul": "quantized operators",
    "QGemm": "quantized operators",
    "MatMulInteger": "dynamic",
    "ConvInteger": "dynamic",
    "DynamicQuantizeLinear": "dynamic",
    "DynamicQuantizeMatMul": "dynamic",
    "MatMulNBits": "weights only",
}
_NUMPY_NAMES = {
    "FLOAT": "float32",
    "DOUBLE": "float64",
    "FLOAT16": "float16",
    "STRING": "string",
    "BOOL": "bool",
    **{f"{sign}INT{bits}": f"{sign.lower()}int{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64)},
}

Shape = tuple[int | str | None, ...]


@dataclass(frozen=True)
class Tensor:
    """An input or output of the model."""

    name: str
    dtype: str
    """numpy's name; `string` for text."""
    shape: Shape
    """Numbers, names of symbolic dimensions, None where the graph says nothing."""


@dataclass(frozen=True)
class ModelFile:
    """A model that can be served, in the scratch folder."""

    path: Path
    """One file; of a `large` model with its weights beside it."""
    sha256: str
    """Of the file as given and its external data, in order."""
    bytes: int
    opset: int
    ir_version: int
    nodes: int
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    quantization: str | None
    """How its weights are already reduced; None for a plain model."""
    classic: bool
    """Has operators of `ai.onnx.ml`: trees, linear models, scalers."""
    large: bool = False
    """Beyond ONE_FILE_BYTES: nothing can be made of it."""


def admit_model(source: Path, target: Path, limits: Limits) -> ModelFile:
    """Copy the model at `source` to `target` and describe it: external data inlined, or of a large model kept beside.

    Raises UserError: not an ONNX file, truncated, too large, wrong opset or IR version, external data that is missing
    or outside the model's folder or a link, operators that ONNX Runtime does not have, values that are no tensors.
    """
    content = read(source, "The model")
    if len(content) > limits.model_bytes:
        raise UserError(too_large(len(content), limits.model_bytes))
    model = decode(content, source)
    refuse(version_problems(model))
    tensors = list(external_tensors(model))
    refuse(dict.fromkeys(filter(None, (external_problem(tensor, source.parent) for tensor in tensors))))
    locations = list(dict.fromkeys(ExternalDataInfo(tensor).location for tensor in tensors))
    size = len(content) + sum((source.parent / location).stat().st_size for location in locations)
    if size > limits.model_bytes:
        raise UserError(too_large(size, limits.model_bytes))
    nodes = list(every_node(model.graph.node))
    refuse([*node_problems(model, nodes, limits), *value_problems(model)])
    digest = hashlib.sha256(content)
    for location in sorted(locations):
        with (source.parent / location).open("rb") as data:
            while part := data.read(COPIED_AT_ONCE):
                digest.update(part)
    drop_initializers_from_inputs(model)
    large = size > ONE_FILE_BYTES
    if large:
        save_with_weights_beside(model, tensors, source.parent, target)
    else:
        load_external_data_for_model(model, str(source.parent))
        onnx.save_model(model, target, save_as_external_data=False)
    try:
        onnx.checker.check_model(str(target))
    except Exception as error:
        raise UserError(f"The model {source} breaks the rules of ONNX: {brief(error)}. Export it again.") from None
    return replace(describe(model, nodes, target, digest.hexdigest(), size), large=large)


def describe(model: onnx.ModelProto, nodes: Sequence[onnx.NodeProto], path: Path, sha256: str, size: int) -> ModelFile:
    return ModelFile(
        path=path,
        sha256=sha256,
        bytes=size,
        opset=opset(model) or 0,
        ir_version=model.ir_version,
        nodes=len(nodes),
        inputs=tuple(tensor(value) for value in model.graph.input),
        outputs=tuple(tensor(value) for value in model.graph.output),
        quantization=quantization(model, nodes),
        classic=any(node.domain == "ai.onnx.ml" for node in nodes),
    )


def refuse(problems: Sequence[str] | dict[str, None]) -> None:
    if problems:
        raise UserError(problems)


def decode(content: bytes, source: Path) -> onnx.ModelProto:
    """The model in `content`. Raises UserError when there is none."""
    if not content:
        raise UserError(f"The model {source} is empty. Export it again.")
    try:
        model = onnx.ModelProto.FromString(content)
    except DecodeError:
        # Every exporter writes the IR version first: field 1, a number.
        cut = content[:1] == b"\x08" and len(content) > 16
        raise UserError(
            f"The model {source} is truncated or damaged. Copy or export it again."
            if cut
            else f"{source} is not an ONNX file. Name a file that ends in .onnx, exported from your framework."
        ) from None
    if model.ir_version == 0 and not model.graph.node:
        raise UserError(f"{source} is not an ONNX file. Name a file that ends in .onnx, exported from your framework.")
    held = {entry.name for entry in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in held]
    if not (model.graph.node and model.graph.output and inputs):
        raise UserError(f"The model {source} lacks nodes, inputs or outputs: nothing can be served. Export it again.")
    return model


def opset(model: onnx.ModelProto) -> int | None:
    return next((entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")), None)


def version_problems(model: onnx.ModelProto) -> list[str]:
    version = opset(model)
    problems = []
    if version is not None and version not in OPSETS:
        problems.append(
            f"The model uses opset {version}; ONNX Runtime 1.30 reads {OPSETS.start} to {OPSETS.stop - 1}. "
            "Export it with opset 17 to 21."
        )
    if model.ir_version not in IR_VERSIONS:
        problems.append(
            f"The model has IR version {model.ir_version}; ONNX Runtime 1.30 reads {IR_VERSIONS.start} to "
            f"{IR_VERSIONS.stop - 1}. Export it with IR version 10."
        )
    return problems


def too_large(size: int, most: int) -> str:
    return f"The model has {size} bytes, at most {most} can be served. Make it smaller first."


def every_graph(nodes: Sequence[onnx.NodeProto]) -> Iterator[onnx.GraphProto]:
    """The subgraphs inside `nodes`, at every depth."""
    for node in nodes:
        for attribute in node.attribute:
            for graph in [*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs]:
                yield graph
                yield from every_graph(graph.node)


def every_node(nodes: Sequence[onnx.NodeProto]) -> Iterator[onnx.NodeProto]:
    yield from nodes
    for graph in every_graph(nodes):
        yield from graph.node


def external_tensors(model: onnx.ModelProto) -> Iterator[onnx.TensorProto]:
    """Tensors whose data lie outside the file."""
    graphs = [model.graph, *every_graph(model.graph.node)]
    attributes = (attribute for node in every_node(model.graph.node) for attribute in node.attribute)
    held = [tensor for graph in graphs for tensor in graph.initializer]
    held += [tensor for attribute in attributes for tensor in [attribute.t, *attribute.tensors]]
    return (tensor for tensor in held if tensor.data_location == onnx.TensorProto.EXTERNAL)


def external_problem(value: onnx.TensorProto, folder: Path) -> str | None:
    """Why the external data of a tensor cannot be used; None when they can."""
    try:
        info = ExternalDataInfo(value)
    except ValueError as error:
        return f"The external data of '{value.name}' are described wrongly: {error}. Export the model again."
    pure = PurePosixPath(info.location)
    if not info.location or pure.is_absolute() or ".." in pure.parts or "\\" in info.location:
        return (
            f"External data '{info.location}' lie outside the model's folder. "
            "Put the file beside the model and export it with that name."
        )
    path = folder / pure
    linked = [part for part in (path, *path.parents) if part != folder and folder in part.parents and part.is_symlink()]
    if linked:
        return f"External data '{info.location}' are a symbolic link. Copy the file itself beside the model."
    if not path.is_file():
        return f"External data '{info.location}' are missing in {folder}. Copy the file beside the model."
    facts = path.stat()
    if not stat.S_ISREG(facts.st_mode) or facts.st_nlink > 1:
        return f"External data '{info.location}' are a hard link. Copy the file itself beside the model."
    if not os.access(path, os.R_OK):
        return f"External data '{info.location}' cannot be read: no permission. Change the file's permissions."
    offset, length = info.offset or 0, info.length or 0
    if offset < 0 or length < 0 or offset + length > facts.st_size:
        return (
            f"External data '{info.location}' are truncated: {facts.st_size} bytes, {offset + length} are needed. "
            "Copy the file again."
        )
    return None


def node_problems(model: onnx.ModelProto, nodes: Sequence[onnx.NodeProto], limits: Limits) -> list[str]:
    functions = {(function.domain, function.name) for function in model.functions}
    custom = {
        f"{node.domain}:{node.op_type}"
        for node in nodes
        if node.domain not in SERVED_DOMAINS and (node.domain, node.op_type) not in functions
    }
    problems = []
    if len(nodes) > limits.nodes:
        problems.append(f"The model has {len(nodes)} nodes, at most {limits.nodes} are allowed. Simplify it first.")
    bound = sorted(name for name in custom if name.startswith("com.microsoft.nchwc:"))
    if bound:
        problems.append(
            f"The model is bound to the processor that wrote it ({', '.join(bound)}). Give it as it was exported."
        )
    foreign = sorted(custom.difference(bound))
    if foreign:
        problems.append(
            f"The model has custom operators: {', '.join(foreign)}. "
            "Only operators that ONNX Runtime ships can be served. Export it without them."
        )
    return problems


def value_problems(model: onnx.ModelProto) -> list[str]:
    """Inputs and outputs that are no tensors, or of a type that numpy does not have."""
    held = {entry.name for entry in model.graph.initializer}
    problems = []
    for role, values in (("Input", model.graph.input), ("Output", model.graph.output)):
        for value in values:
            kind = value.type.WhichOneof("value")
            if kind == "sequence_type" and role == "Output" and model_has_zipmap(model):
                problems.append(
                    f"Output '{value.name}' is a sequence of maps; Slipway serves tensors only. "
                    "Export the classifier with zipmap=False."
                )
            elif kind != "tensor_type":
                what = (kind or "unknown").removesuffix("_type")
                problems.append(
                    f"{role} '{value.name}' is a {what}; Slipway serves tensors only. Export it as a tensor."
                )
            elif tensor(value).dtype not in _NUMPY_NAMES.values():
                problems.append(
                    f"{role} '{value.name}' has type {tensor(value).dtype}, which clients cannot send. "
                    "Export it with float32 there."
                )
            elif role == "Input" and value.name not in held:
                problems.extend(filter(None, [batch_problem(tensor(value))]))
    return problems


def model_has_zipmap(model: onnx.ModelProto) -> bool:
    return any(node.op_type == "ZipMap" for node in model.graph.node)


def batch_problem(value: Tensor) -> str | None:
    """An input's first dimension counts samples: symbolic, unknown or 1."""
    if value.shape and (not isinstance(value.shape[0], int) or value.shape[0] == 1):
        return None
    return (
        f"Input '{value.name}' has shape {words(value.shape)}; its first dimension must be the batch, "
        "symbolic or 1. Export it so."
    )


def drop_initializers_from_inputs(model: onnx.ModelProto) -> None:
    """IR version 3 lists weights among the inputs, which would let a client replace them."""
    held = {entry.name for entry in model.graph.initializer}
    kept = [value for value in model.graph.input if value.name not in held]
    if len(kept) < len(model.graph.input):
        del model.graph.input[:]
        model.graph.input.extend(kept)
        model.ir_version = max(model.ir_version, 4)


def quantization(model: onnx.ModelProto, nodes: Sequence[onnx.NodeProto]) -> str | None:
    found = next((_QUANTIZED_OPS[node.op_type] for node in nodes if node.op_type in _QUANTIZED_OPS), None)
    half = {onnx.TensorProto.FLOAT16, onnx.TensorProto.BFLOAT16}
    return found or ("16-bit floats" if any(entry.data_type in half for entry in model.graph.initializer) else None)


def tensor(value: onnx.ValueInfoProto) -> Tensor:
    kind = value.type.tensor_type
    name = onnx.TensorProto.DataType.Name(kind.elem_type)
    return Tensor(value.name, _NUMPY_NAMES.get(name, name.lower()), tuple(dimension(entry) for entry in kind.shape.dim))


def dimension(entry: onnx.TensorShapeProto.Dimension) -> int | str | None:
    if entry.HasField("dim_value"):
        return entry.dim_value if entry.dim_value >= 0 else None
    return entry.dim_param or None


def words(shape: Sequence[int | str | None]) -> str:
    """A shape for people: `[batch, 3, ?]`."""
    return f"[{', '.join('?' if entry is None else str(entry) for entry in shape)}]"
