from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from optimizer.forms.form import Calibration
from optimizer.forms.ranges import write_ranges
from optimizer.quantize import Quantized, quantize, raw_file
from optimizer.recipe import candidate
from optimizer.session import open_session
from optimizer.tests.models import candidate as entry
from optimizer.tests.models import mlp, model, normal, save


def made(folder: Path, source: onnx.ModelProto, calibration: Calibration, **changes: Any) -> Quantized:
    folder.mkdir(exist_ok=True)
    level = "basic" if changes.get("placement") == "tensorrt" else "extended"
    return quantize(candidate(entry(**changes)), save(folder, source), folder / "out.onnx", calibration, level, 10)


def network() -> onnx.ModelProto:
    """Conv, Relu, pooling, and a Softmax whose distribution a Conv reads, as in a detector's head."""
    nodes = [
        helper.make_node("Conv", ["x", "w", "b"], ["c"], pads=[1, 1, 1, 1], name="conv"),
        helper.make_node("Relu", ["c"], ["r"], name="relu"),
        helper.make_node("Softmax", ["r"], ["s"], axis=1, name="softmax"),
        helper.make_node("Transpose", ["s"], ["t"], perm=[0, 1, 3, 2], name="turn"),
        helper.make_node("Conv", ["t", "d"], ["y"], name="expectation"),
    ]
    weights = {"w": normal(16, 3, 3, 3), "b": normal(16), "d": np.arange(16, dtype=np.float32).reshape(1, 16, 1, 1)}
    return model(
        nodes,
        {"x": (TensorProto.FLOAT, ["batch", 3, 8, 8])},
        {"y": (TensorProto.FLOAT, ["batch", 1, 8, 8])},
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )


SAMPLES = Calibration({"x": normal(20, 3, 8, 8)}, np.arange(20))


def test_with_given_ranges_the_bytes_depend_on_nothing_else(tmp_path: Path) -> None:
    ranges = tmp_path / "ranges.json"
    values = {"x": normal(40, 16)}
    first = made(tmp_path / "a", mlp(), Calibration(values, np.arange(20), ranges))
    other = Calibration({"x": 7 * values["x"]}, np.arange(20, 40), ranges)
    made(tmp_path / "b", mlp(), other)
    assert (tmp_path / "a" / "out.onnx").read_bytes() == (tmp_path / "b" / "out.onnx").read_bytes()
    assert first.ranges is not None
    kept = tmp_path / "kept.json"
    write_ranges(kept, first.ranges)
    made(tmp_path / "c", mlp(), Calibration({}, np.arange(0), kept))
    assert (tmp_path / "a" / "out.onnx").read_bytes() == (tmp_path / "c" / "out.onnx").read_bytes()


def test_only_ranges_of_what_is_quantized_are_handed_on(tmp_path: Path) -> None:
    found = made(tmp_path, network(), SAMPLES, opTypes=["Conv"])
    assert set(found.ranges or ()) == {"x", "c", "t", "y"}


def test_what_reads_a_distribution_stays_in_floats(tmp_path: Path) -> None:
    made(tmp_path, network(), SAMPLES, opTypes=["Conv"])
    graph = onnx.load(raw_file(tmp_path / "out.onnx")).graph
    [reader] = [node for node in graph.node if node.name == "expectation"]
    assert list(reader.input) == ["t", "d"]
    assert sum(node.op_type == "QuantizeLinear" for node in graph.node) == 2


def test_nodes_with_infinite_values_stay_in_floats(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["a"], name="first"),
        helper.make_node("Add", ["a", "mask"], ["m"], name="mask"),
        helper.make_node("Softmax", ["m"], ["s"], name="softmax"),
        helper.make_node("MatMul", ["s", "w"], ["y"], name="second"),
    ]
    mask = np.array([0, 0, 0, -np.inf], np.float32)
    source = model(
        nodes,
        {"x": (TensorProto.FLOAT, ["batch", 4])},
        {"y": (TensorProto.FLOAT, ["batch", 4])},
        [numpy_helper.from_array(normal(4, 4), "w"), numpy_helper.from_array(mask, "mask")],
    )
    found = made(tmp_path, source, Calibration({"x": normal(20, 4)}, np.arange(20)), opTypes=[])
    assert found.ladder == () and found.reduced_nodes > 0 and "m" not in (found.ranges or {})
    graph = onnx.load(raw_file(tmp_path / "out.onnx")).graph
    assert not any("m" in node.input for node in graph.node if node.op_type == "QuantizeLinear")
    session = open_session(tmp_path / "out.onnx")
    assert np.isfinite(np.asarray(session.run(None, {"x": normal(1, 4)})[0])).all()


def test_tensorrt_gets_signed_pairs_on_values_and_weights_and_none_on_biases(tmp_path: Path) -> None:
    made(tmp_path, network(), SAMPLES, opTypes=["Conv"], activationType="int8", reduceRange=False, placement="tensorrt")
    graph = onnx.load(tmp_path / "out.onnx").graph
    held = {entry.name: numpy_helper.to_array(entry) for entry in graph.initializer}
    quantizers = [node for node in graph.node if node.op_type == "QuantizeLinear"]
    assert {held[node.input[2]].dtype.name for node in quantizers} == {"int8"}
    assert not any(held[node.input[2]].any() for node in quantizers)
    assert [node.input[0] for node in quantizers if node.input[0] in held] == ["w"]
    assert sum(node.op_type == "DequantizeLinear" for node in graph.node) == len(quantizers)
    [conv] = [node for node in graph.node if node.name == "conv"]
    assert held[conv.input[2]].dtype == np.float32
    following = [node.op_type for node in graph.node if conv.output[0] in node.input]
    assert following == ["Relu"]


@pytest.mark.parametrize(("columns", "quantized"), [(15, False), (16, True)])
def test_tensorrt_leaves_small_matrices_alone(tmp_path: Path, columns: int, quantized: bool) -> None:
    source = mlp((16, columns))
    samples = Calibration({"x": normal(20, 16)}, np.arange(20))
    found = made(tmp_path, source, samples, activationType="int8", placement="tensorrt")
    assert (found.reduced_nodes > 0) == quantized
