"""Makes flops.json: the operations of some of the graphs by counters that are not Slipway's.

`python count.py`, in the same environment as make.py and after test/networks/make.py.
"""

import json
import sys
import tempfile
from collections import Counter
from importlib.metadata import version
from pathlib import Path

import numpy as np
import onnx
import onnx_tool
import torch
from expected import RUN_TYPES, bound, feed
from export import Export
from fvcore.nn import FlopCountAnalysis
from make import HERE, MAKERS
from onnx import ModelProto
from onnxruntime import InferenceSession
from torch.utils.flop_counter import FlopCounterMode

NETWORKS = HERE.parents[1] / "networks"
COUNTED = [
    "resnet18-dynamo",
    "resnet50-torchscript",
    "mobilenet-v2-torchscript",
    "efficientnet-b0-dynamo",
    "densenet121-torchscript",
    "convnext-tiny-dynamo",
    "shufflenet-torchscript",
    "unet-dynamo",
    "unet-torchscript",
    "fcn-resnet50-torchscript",
    "generator-torchscript",
    "vit-b16-dynamo",
    "swin-tiny-dynamo",
    "bert-torchscript",
    "roberta-dynamo",
    "t5-encoder-torchscript",
    "gpt2-torchscript",
    "llama-dynamo",
    "yolo-dynamo",
    "wav2vec2-torchscript",
    "recommender-dynamo",
    "einsum-torchscript",
]
# Whole networks, at these sizes.
WHOLE = {"resnet50": {"batch": 1}, "bert-base": {"batch": 1, "sequence": 128}, "yolov8m": {"batch": 1}}
COUNTERS = {
    "fvcore": "FlopCountAnalysis of the torch module: convolutions and products, multiply-adds doubled; fused "
    "attention is not seen",
    "torch": "FlopCounterMode of the torch module: convolutions, products and fused attention, 2 for a multiply-add",
    "onnx-tool": "Conv, ConvTranspose, MatMul, Gemm and Einsum nodes of the graph, multiply-adds doubled; a bias "
    "counts as one multiply-add, a transposed convolution as if it had no stride",
}
# What fvcore and onnx-tool call the operators that are products.
PRODUCTS = {"conv", "linear", "matmul", "bmm", "addmm", "einsum", "conv_transpose2d", "baddbmm", "mm"}
PRODUCT_NODES = {"Conv", "ConvTranspose", "MatMul", "Gemm", "Einsum"}


def arguments(export: Export) -> list[torch.Tensor]:
    random = np.random.default_rng(0)
    session = InferenceSession(bound(export.model, export.sizes).SerializeToString())
    return [torch.from_numpy(feed(RUN_TYPES[i.type], i.shape, random)) for i in session.get_inputs()]


def by_fvcore(export: Export) -> dict[str, int]:
    count = FlopCountAnalysis(export.module, tuple(arguments(export))).unsupported_ops_warnings(False)
    count.uncalled_modules_warnings(False).tracer_warnings("none")
    return {name: 2 * int(macs) for name, macs in count.by_operator().items() if name in PRODUCTS and macs}


def by_torch(export: Export) -> dict[str, int]:
    with FlopCounterMode(display=False) as count, torch.no_grad():
        export.module(*arguments(export))
    return {str(op).removeprefix("aten."): int(work) for op, work in count.get_flop_counts()["Global"].items() if work}


def by_onnx_tool(path: Path, sizes: dict[str, int]) -> dict[str, int]:
    model = onnx_tool.Model(str(path))
    plain = bound(onnx.load(path, load_external_data=False), sizes)
    feeds = {}
    for info in plain.graph.input:
        tensor = info.type.tensor_type
        dtype = onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type).name
        shape = [dim.dim_value for dim in tensor.shape.dim]
        feeds[info.name] = feed(dtype, shape, np.random.default_rng(0))
    model.graph.shape_infer(feeds)
    model.graph.profile()
    found = Counter()
    for node in model.graph.nodemap.values():
        if node.op_type in PRODUCT_NODES:
            found[node.op_type] += 2 * int(sum(node.macs))
    return dict(found)


def with_weights(path: Path, folder: str) -> Path:
    """The graph beside a file of zeros for its weights."""
    made = onnx.load(path, load_external_data=False)
    places = [{e.key: e.value for e in t.external_data} for t in made.graph.initializer if t.external_data]
    for place in places:
        with (Path(folder) / place["location"]).open("ab") as file:
            file.truncate(max(file.tell(), int(place["offset"]) + int(place["length"])))
    copy = Path(folder) / path.name
    copy.write_bytes(path.read_bytes())
    return copy


def attempt(counts: dict, counter: str, count: object, *inputs: object) -> None:
    """Keeps what a counter says; a network that it cannot read is told and left out."""
    try:
        parts = count(*inputs)
    except Exception as error:
        print(f"  {counter}: {type(error).__name__}: {str(error)[:200]}", file=sys.stderr)
        return
    counts[counter] = {"flops": sum(parts.values()), "parts": dict(sorted(parts.items()))}


def main() -> None:
    found = {}
    for name in COUNTED:
        print(name)
        torch.manual_seed(0)
        export = MAKERS[name]()
        counts = found[name] = {"sizes": export.sizes}
        attempt(counts, "fvcore", by_fvcore, export)
        attempt(counts, "torch", by_torch, export)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.onnx"
            onnx.save(ModelProto.FromString(export.model.SerializeToString()), path)
            attempt(counts, "onnx-tool", by_onnx_tool, path, export.sizes)
    for name, sizes in WHOLE.items():
        print(name)
        counts = found[f"networks/{name}"] = {"sizes": sizes}
        with tempfile.TemporaryDirectory() as folder:
            attempt(counts, "onnx-tool", by_onnx_tool, with_weights(NETWORKS / f"{name}.onnx", folder), sizes)
    lines = [f"{json.dumps(name)}: {json.dumps(held, separators=(',', ':'))}" for name, held in found.items()]
    whole = (
        '"counters": '
        + json.dumps({name: f"{version(name)}: {text}" for name, text in COUNTERS.items()}, indent=1)
        + ',\n"models": {\n'
        + ",\n".join(lines)
        + "\n}"
    )
    (HERE / "flops.json").write_text("{\n" + whole + "\n}\n")


if __name__ == "__main__":
    main()
