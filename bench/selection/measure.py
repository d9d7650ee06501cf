"""Times networks on this machine's processor with ONNX Runtime, their weights made at random.

Run it with onnxruntime 1.30, onnx and numpy: `python bench/selection/measure.py OUT.csv [network ...]`. It writes one
row for each network, precision and batch, on one thread: the 20th percentile of the processor time of many runs, since
other work on the machine only ever makes a run slower. int8 is static quantization to QDQ, signed 8-bit, one scale for
each channel of the weights, calibrated at random.
"""

import csv
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

NETWORKS = Path(__file__).parents[2] / "test" / "networks"
EXAMPLES = Path(__file__).parents[2] / "examples" / "models"

# Sizes of the symbolic dimensions beside the batch, batches, and whether it is timed in 8 bits, too.
CASES = {
    "mlp": ({}, [1, 64, 1024], True),
    "resnet50": ({}, [1, 8], True),
    "mobilenet-v2": ({}, [1, 8], True),
    "efficientnet-b0": ({}, [1], False),
    "vit-b16": ({}, [1, 4], True),
    "yolov8m": ({}, [1], False),
    "ssd-mobilenet": ({}, [1], False),
    "bert-base": ({"sequence": 128}, [1, 8], True),
    "lstm-tagger": ({"sequence": 64}, [1, 16], False),
    "trees": ({}, [1, 64, 1024], False),
    "digits": ({}, [1, 64], False),
    "digits-encoder": ({}, [1, 64], False),
}
SECONDS = 5.0


def trees(count: int = 200, depth: int = 8, features: int = 30) -> onnx.ModelProto:
    """Full trees with random splits: every row visits `count * (depth + 1)` nodes."""
    random = np.random.default_rng(0)
    inner, nodes = 2**depth - 1, 2 ** (depth + 1) - 1
    place = np.arange(nodes)
    leaf = place >= inner
    attributes = {
        "nodes_treeids": np.repeat(np.arange(count), nodes),
        "nodes_nodeids": np.tile(place, count),
        "nodes_featureids": random.integers(0, features, count * nodes),
        "nodes_modes": np.tile(np.where(leaf, "LEAF", "BRANCH_LEQ"), count).tolist(),
        "nodes_values": random.normal(size=count * nodes),
        "nodes_truenodeids": np.tile(np.where(leaf, 0, 2 * place + 1), count),
        "nodes_falsenodeids": np.tile(np.where(leaf, 0, 2 * place + 2), count),
        "target_treeids": np.repeat(np.arange(count), nodes - inner),
        "target_nodeids": np.tile(place[leaf], count),
        "target_ids": np.zeros(count * (nodes - inner), int),
        "target_weights": random.normal(size=count * (nodes - inner)),
        "n_targets": 1,
    }
    node = helper.make_node("TreeEnsembleRegressor", ["x"], ["y"], domain="ai.onnx.ml", **attributes)
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", features])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 1])
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    return helper.make_model(helper.make_graph([node], "trees", [x], [y]), opset_imports=opsets, ir_version=9)


def load(name: str) -> onnx.ModelProto:
    """The network with weights of about unit gain, so that values neither vanish nor overflow."""
    if name == "trees":
        return trees()
    path = NETWORKS / f"{name}.onnx"
    if not path.exists():
        return onnx.load(EXAMPLES / name / f"{name}.onnx")
    model = onnx.load(path, load_external_data=False)
    random = np.random.default_rng(0)
    for tensor in model.graph.initializer:
        if tensor.data_location == TensorProto.EXTERNAL:
            scale = 1 / np.sqrt(max(1, np.prod(tensor.dims[1:])))
            values = random.standard_normal(tuple(tensor.dims), dtype=np.float32) * np.float32(scale)
            tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    return model


def inputs(model: onnx.ModelProto, batch: int, dims: dict[str, int]) -> dict[str, np.ndarray]:
    random = np.random.default_rng(1)
    stored = {tensor.name for tensor in model.graph.initializer}
    made = {}
    for value in model.graph.input:
        if value.name in stored:
            continue
        kind = value.type.tensor_type
        shape = [dims.get(d.dim_param, batch) if d.dim_param else d.dim_value for d in kind.shape.dim]
        if kind.elem_type == TensorProto.FLOAT:
            made[value.name] = random.standard_normal(shape, dtype=np.float32)
        else:
            made[value.name] = np.ones(shape, helper.tensor_dtype_to_np_dtype(kind.elem_type))
    return made


class Random(CalibrationDataReader):
    def __init__(self, feed: dict[str, np.ndarray]) -> None:
        self.feeds = iter([feed])

    def get_next(self) -> dict[str, np.ndarray]:
        # An empty dictionary ends the calibration.
        return next(self.feeds, {})


def quantized(path: Path, feed: dict[str, np.ndarray]) -> Path:
    prepared, out = path.with_suffix(".prepared.onnx"), path.with_suffix(".int8.onnx")
    quant_pre_process(str(path), str(prepared), skip_symbolic_shape=True)
    options = {"ActivationSymmetric": False, "MatMulConstBOnly": True}
    quantize_static(
        str(prepared),
        str(out),
        Random(feed),
        quant_format=QuantFormat.QDQ,
        per_channel=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        op_types_to_quantize=["Conv", "MatMul", "Gemm"],
        extra_options=options,
    )
    return out


def timed(path: Path, feed: dict[str, np.ndarray]) -> tuple[float, int]:
    """Milliseconds of the 20th percentile, and how many runs there were."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    for _ in range(3):
        session.run(None, feed)
    times = []
    end = time.perf_counter() + SECONDS
    while time.perf_counter() < end or len(times) < 10:
        start = time.thread_time()
        session.run(None, feed)
        times.append(time.thread_time() - start)
    return 1000 * float(np.quantile(times, 0.2)), len(times)


def main() -> None:
    out, names = Path(sys.argv[1]), sys.argv[2:] or list(CASES)
    facts = Path("/proc/cpuinfo").read_text().splitlines()
    cpu = next(line for line in facts if line.startswith("model name")).split(":")[1].strip()
    fresh = not out.exists()
    with tempfile.TemporaryDirectory() as folder, out.open("a", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        if fresh:
            rows.writerow(["cpu", "network", "precision", "batch", "latency_ms", "runs", "onnxruntime"])
        for name in names:
            dims, batches, eight = CASES[name]
            model = load(name)
            path = Path(folder) / f"{name}.onnx"
            onnx.save(model, path)
            files = {"fp32": path}
            if eight:
                files["int8"] = quantized(path, inputs(model, 1, dims))
            for precision, file_path in files.items():
                for batch in batches:
                    latency, runs = timed(file_path, inputs(model, batch, dims))
                    rows.writerow([cpu, name, precision, batch, f"{latency:.4g}", runs, ort.__version__])
                    file.flush()
                    print(name, precision, batch, f"{latency:.4g} ms", runs)


if __name__ == "__main__":
    main()
