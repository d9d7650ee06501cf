from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from optimizer.fidelity import Fidelity, compare
from optimizer.forms.emulation import judged_session
from optimizer.forms.form import Calibration, CannotQuantizeError
from optimizer.quantize import Quantized, quantize
from optimizer.recipe import candidate
from optimizer.session import answer, open_session
from optimizer.tests.models import EXAMPLES, mlp, model, normal, save

DIGITS = EXAMPLES / "digits" / "digits.onnx"


def entry(**changes: Any) -> dict[str, Any]:
    plain = {"name": "half", "precision": "fp16", "method": "float16"}
    return {**plain, "keepOpTypes": [], "maxAbs": None, "excludeNodes": [], **changes}


def judged(folder: Path, source: Path, inputs: dict[str, np.ndarray], **changes: Any) -> tuple[Quantized, Fidelity]:
    form = candidate(entry(**changes))
    rows = np.arange(len(next(iter(inputs.values()))))
    made = quantize(form, source, folder / "out.onnx", Calibration(inputs, rows[::2]), "basic", 10)
    expected = answer(open_session(source), inputs, rows)
    return made, compare(expected, answer(judged_session(folder / "out.onnx", form, "cuda"), inputs, rows))


def squares(weight: float = 100) -> onnx.ModelProto:
    """Squares of a few hundred, beyond 16 bits, brought back to size: the answers alone would not show it."""
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["a"], name="dense"),
        helper.make_node("Mul", ["a", "a"], ["q"], name="square"),
        helper.make_node("Mul", ["q", "k"], ["y"], name="scale"),
    ]
    weights = {"w": (weight * normal(8, 8)), "k": np.array(1e-3, np.float32)}
    return model(
        nodes,
        {"x": (TensorProto.FLOAT, ["batch", 8])},
        {"y": (TensorProto.FLOAT, ["batch", 8])},
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )


def test_inputs_and_outputs_keep_their_types_and_half_of_the_bytes_go(tmp_path: Path) -> None:
    samples = np.load(EXAMPLES / "digits" / "samples.npz")
    made, fidelity = judged(tmp_path, DIGITS, {name: values[:20] for name, values in samples.items()})
    graph = onnx.load(tmp_path / "out.onnx").graph
    assert {value.type.tensor_type.elem_type for value in [*graph.input, *graph.output]} == {TensorProto.FLOAT}
    assert {entry.data_type for entry in graph.initializer if len(entry.dims) > 1} <= {
        TensorProto.FLOAT16,
        TensorProto.INT64,
    }
    assert (tmp_path / "out.onnx").stat().st_size < 0.55 * DIGITS.stat().st_size
    assert made.reduced_nodes > 0 and made.ladder == () and fidelity.sqnr_db > 55


def test_an_overflow_is_counted_although_the_cpu_would_hide_it(tmp_path: Path) -> None:
    values = {"x": normal(20, 8, seed=2)}
    source = save(tmp_path, squares())
    _, fidelity = judged(tmp_path, source, values)
    assert fidelity.non_finite > 0
    hidden = answer(open_session(tmp_path / "out.onnx"), values, range(20))
    assert all(np.isfinite(value).all() for value in hidden["y"])


def test_nodes_with_large_values_stay_in_fp32_all_the_way(tmp_path: Path) -> None:
    made, fidelity = judged(tmp_path, save(tmp_path, squares()), {"x": normal(20, 8, seed=2)}, maxAbs=1000)
    assert fidelity.non_finite == 0 and fidelity.sqnr_db > 50
    assert set(made.ranges or ()) == {"q"}
    nodes = {node.name: node for node in onnx.load(tmp_path / "out.onnx").graph.node}
    assert nodes["scale"].input[0] == nodes["square"].output[0]


def test_weights_that_16_bits_cannot_hold_are_never_cut(tmp_path: Path) -> None:
    source = save(tmp_path, squares(weight=100_000))
    made, _ = judged(tmp_path, source, {"x": 1e-6 * normal(20, 8)})
    held = {entry.name: entry.data_type for entry in onnx.load(tmp_path / "out.onnx").graph.initializer}
    assert held["w"] == TensorProto.FLOAT and made.reduced_nodes > 0


def test_kept_operators_and_excluded_nodes_stay_in_fp32(tmp_path: Path) -> None:
    for changes in ({"excludeNodes": ["gemm0"]}, {"keepOpTypes": ["Relu"]}):
        made, _ = judged(tmp_path, save(tmp_path, mlp()), {"x": normal(20, 16)}, **changes)
        assert made.reduced_nodes == 2
    with pytest.raises(CannotQuantizeError, match="every node would stay in fp32"):
        judged(tmp_path, save(tmp_path, mlp()), {"x": normal(20, 16)}, keepOpTypes=["Gemm", "Relu"])


def test_control_flow_stays_in_fp32_and_gets_what_it_takes_from_outside(tmp_path: Path) -> None:
    value = helper.make_tensor_value_info
    positive = helper.make_graph(
        [helper.make_node("MatMul", ["m", "w"], ["p0"]), helper.make_node("Add", ["p0", "b"], ["p"])],
        "positive", [], [value("p", TensorProto.FLOAT, None)],
    )  # fmt: skip
    negative = helper.make_graph(
        [helper.make_node("Identity", ["m"], ["n"])], "negative", [], [value("n", TensorProto.FLOAT, None)]
    )
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["m"], name="before"),
        helper.make_node("ReduceSum", ["m"], ["total"], keepdims=0, name="sum"),
        helper.make_node("Greater", ["total", "zero"], ["c"], name="compare"),
        helper.make_node("If", ["c"], ["o"], name="choose", then_branch=positive, else_branch=negative),
        helper.make_node("MatMul", ["o", "w"], ["y"], name="after"),
    ]
    weights = {"w": normal(8, 8), "b": np.ones(8, np.float32), "zero": np.array(0, np.float32)}
    source = model(
        nodes,
        {"x": (TensorProto.FLOAT, ["batch", 8])},
        {"y": (TensorProto.FLOAT, ["batch", 8])},
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    made, fidelity = judged(tmp_path, save(tmp_path, source), {"x": normal(20, 8)})
    assert made.ladder == () and fidelity.sqnr_db > 50
    onnx.checker.check_model(onnx.load(tmp_path / "out.onnx"))


def test_the_same_model_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        target = tmp_path / name / "out.onnx"
        quantize(candidate(entry()), DIGITS, target, Calibration({}, np.arange(0)), "basic", 8)
    assert (tmp_path / "a" / "out.onnx").read_bytes() == (tmp_path / "b" / "out.onnx").read_bytes()
