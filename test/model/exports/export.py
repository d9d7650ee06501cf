"""How a torch module becomes a graph, by either of torch's exporters, and what is kept of one."""

import logging
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import GraphProto, ModelProto, TensorProto, helper, numpy_helper

logging.disable(logging.WARNING)
warnings.filterwarnings("ignore")

FLOATS = (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.DOUBLE, TensorProto.BFLOAT16)
# Elements up to which a stored tensor keeps its values: floats, and all else.
FEW_FLOATS, FEW_OTHERS = 64, 1024
DYNAMO, TORCHSCRIPT = "dynamo", "TorchScript"


@dataclass(frozen=True)
class Export:
    """A graph, the program that wrote it, and the sizes that its symbolic dimensions are given."""

    model: ModelProto
    exporter: str
    sizes: dict[str, int] = field(default_factory=dict)
    module: torch.nn.Module | None = None


Maker = Callable[[], Export]


def torch_export(
    module: torch.nn.Module,
    inputs: dict[str, torch.Tensor],
    axes: dict[str, dict[int, str]],
    sizes: dict[str, int],
    way: str = DYNAMO,
    outputs: list[str] | None = None,
    **options,
) -> Export:
    """Exports a module that takes the inputs in their order; `axes` names the dimensions that stay open."""
    settings = {"opset_version": 20 if way == DYNAMO else 17, **options}
    module = module.eval()
    args = tuple(inputs.values())
    with tempfile.TemporaryDirectory() as folder, torch.no_grad():
        path = Path(folder) / "model.onnx"
        if way == DYNAMO:
            shapes = tuple(axes.get(name) for name in inputs)
            program = torch.onnx.export(
                module, args, dynamo=True, dynamic_shapes=shapes, input_names=[*inputs], output_names=outputs,
                verbose=False, **settings,
            )  # fmt: skip
            program.save(path, external_data=False)
        else:
            torch.onnx.export(
                module, args, path, dynamo=False, dynamic_axes=axes, input_names=[*inputs], output_names=outputs,
                **settings,
            )  # fmt: skip
        model = onnx.load(path)
    return Export(model, f"torch {torch.__version__.split('+')[0]}, {way}", sizes, module)


def stripped(name: str, made: ModelProto) -> bytes:
    """The model as it is committed: no large weights, no texts for people, no shapes between nodes."""
    model = ModelProto.FromString(made.SerializeToString())
    for message in (model, model.graph, *model.functions):
        message.ClearField("doc_string")
        message.ClearField("metadata_props")
    del model.graph.quantization_annotation[:]
    model.opset_import.sort(key=lambda held: held.domain)
    for function in model.functions:
        del function.value_info[:]
        strip_nodes(function.node)
    strip_graph(model.graph)
    move_large(name, model.graph)
    return model.SerializeToString(deterministic=True)


def strip_graph(graph: GraphProto) -> None:
    del graph.value_info[:]
    for message in (graph, *graph.input, *graph.output, *graph.initializer):
        message.ClearField("doc_string")
        message.ClearField("metadata_props")
    strip_nodes(graph.node)


def strip_nodes(nodes: list) -> None:
    for node in nodes:
        node.ClearField("doc_string")
        node.ClearField("metadata_props")
        for attribute in node.attribute:
            attribute.ClearField("doc_string")
            if attribute.HasField("g"):
                strip_graph(attribute.g)


def move_large(name: str, graph: GraphProto) -> None:
    """Sets large weights, those in Constant nodes included, in a file that is not there."""
    kept = []
    for node in graph.node:
        tensor = next((a.t for a in node.attribute if a.name == "value"), None) if node.op_type == "Constant" else None
        if tensor is not None and large(tensor):
            tensor.name = node.output[0]
            graph.initializer.append(tensor)
        else:
            kept.append(node)
    del graph.node[:]
    graph.node.extend(kept)
    offset = 0
    for index, tensor in enumerate(graph.initializer):
        if not large(tensor):
            continue
        length = len(numpy_helper.from_array(numpy_helper.to_array(tensor)).raw_data)
        moved = TensorProto(name=tensor.name, data_type=tensor.data_type, dims=tensor.dims)
        moved.data_location = TensorProto.EXTERNAL
        for key, held in {"location": f"{name}.weights", "offset": offset, "length": length}.items():
            moved.external_data.add(key=key, value=str(held))
        graph.initializer[index].CopyFrom(moved)
        offset += length


def large(tensor: TensorProto) -> bool:
    if tensor.data_type == TensorProto.STRING:
        return False
    return int(np.prod(tensor.dims, dtype="int64")) > (FEW_FLOATS if tensor.data_type in FLOATS else FEW_OTHERS)


def node_model(
    nodes: list, inputs: dict, outputs: list[str], weights: dict | None = None, **domains: int
) -> ModelProto:
    """A model written node by node; inputs as name: (type, shape)."""
    infos = [helper.make_tensor_value_info(name, kind, shape) for name, (kind, shape) in inputs.items()]
    ends = [onnx.ValueInfoProto(name=name) for name in outputs]
    stored = [numpy_helper.from_array(np.asarray(held), name) for name, held in (weights or {}).items()]
    imports = [helper.make_opsetid(d.replace("_", "."), v) for d, v in {"": 21, **domains}.items()]
    return helper.make_model(helper.make_graph(nodes, "g", infos, ends, stored), opset_imports=imports, ir_version=10)
