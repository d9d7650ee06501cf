"""Makes work-kernels.jsonl: how many nodes of each kind ONNX Runtime leaves of the graphs in exports and ../networks.

`python work-kernels.py`, with onnx 1.23 and onnxruntime 1.30. All optimizations are on, for processors, with every
dimension bound (batch 2) and any numbers for the weights, which the graphs lack. Nodes that only rename or reorder
memory are left out, and so are graphs in which what is fused depends on the numbers (scales between QuantizeLinear
and DequantizeLinear) or on the processor (16-bit floats, which processors compute as 32-bit ones).
"""

import json
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
from onnx import GraphProto, ModelProto, TensorProto, helper
from onnxruntime import GraphOptimizationLevel, InferenceSession, SessionOptions

HERE = Path(__file__).parent
UNCOUNTED = {"Reshape", "Squeeze", "Unsqueeze", "Flatten", "Identity", "Shape", "Size", "ReorderInput", "ReorderOutput"}
# More weights than this take too long.
MOST_BYTES = 500_000_000
NETWORKS = {"sequence": 128}
LEFT_OUT = ("-qdq", "-float16")


def tensors(graph: GraphProto) -> Iterator[TensorProto]:
    yield from graph.initializer
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            if attribute.HasField("g"):
                yield from tensors(attribute.g)


def bind(model: ModelProto, sizes: dict[str, int]) -> None:
    for info in [*model.graph.input, *model.graph.output]:
        for dim in info.type.tensor_type.shape.dim:
            size = sum(sizes.get(name, 0) for name in dim.dim_param.split(" + "))
            if size > 0:
                dim.dim_value = size
    del model.graph.value_info[:]


def numbers(tensor: TensorProto) -> bytes:
    """Different from each other, so that no two tensors are one; scales among them are small and not 0."""
    random = np.random.default_rng(list(tensor.name.encode()))
    dtype = helper.tensor_dtype_to_np_dtype(tensor.data_type)
    elements = int(np.prod(tensor.dims))
    if np.issubdtype(dtype, np.floating):
        return (0.01 + 0.01 * random.random(elements, dtype=np.float32)).astype(dtype).tobytes()
    return random.integers(0, 7, elements).astype(dtype).tobytes()


def counted(path: Path, sizes: dict[str, int]) -> dict[str, int] | None:
    model = onnx.load(path, load_external_data=False)
    external = [t for t in tensors(model.graph) if t.data_location == TensorProto.EXTERNAL]
    places = [{e.key: e.value for e in t.external_data} for t in external]
    if sum(int(place["length"]) for place in places) > MOST_BYTES:
        return None
    bind(model, sizes)
    with tempfile.TemporaryDirectory() as folder:
        for tensor, place in zip(external, places, strict=True):
            file = Path(folder) / place["location"]
            file.touch()
            with file.open("r+b") as weights:
                weights.seek(int(place["offset"]))
                weights.write(numbers(tensor).ljust(int(place["length"]), b"\0")[: int(place["length"])])
        onnx.save(model, f"{folder}/bound.onnx")
        options = SessionOptions()
        options.graph_optimization_level = GraphOptimizationLevel.ORT_ENABLE_ALL
        options.optimized_model_filepath = f"{folder}/optimized.onnx"
        options.log_severity_level = 4
        InferenceSession(f"{folder}/bound.onnx", options, providers=["CPUExecutionProvider"])
        left = onnx.load(f"{folder}/optimized.onnx", load_external_data=False)
    return dict(sorted(Counter(n.op_type for n in left.graph.node if n.op_type not in UNCOUNTED).items()))


def main() -> None:
    exports = json.loads((HERE / "exports" / "expected.json").read_text())
    graphs = [(f"exports/{name}", HERE / "exports" / f"{name}.onnx", held["sizes"]) for name, held in exports.items()]
    whole = sorted((HERE.parent / "networks").glob("*.onnx"))
    graphs += [(f"networks/{path.stem}", path, NETWORKS) for path in whole]
    lines = []
    for name, path, sizes in graphs:
        if name.endswith(LEFT_OUT):
            continue
        kernels = counted(path, {"batch": 2, **sizes})
        print(name, kernels)
        if kernels is not None:
            held = {"name": name, "sizes": sizes, "kernels": kernels}
            lines.append(json.dumps(held, separators=(",", ":")) + "\n")
    (HERE / "work-kernels.jsonl").write_text("".join(lines))


if __name__ == "__main__":
    main()
