import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from optimizer.forms import calibration as stage
from optimizer.forms.calibration import calibrate, shared_ranges
from optimizer.forms.form import Calibration
from optimizer.forms.ranges import read_convergence, read_ranges, write_ranges
from optimizer.session import open_session
from optimizer.tests.models import mlp, model, normal

floats = st.floats(width=32, allow_nan=False, allow_infinity=False)


def inferred(made: onnx.ModelProto) -> onnx.ModelProto:
    return onnx.shape_inference.infer_shapes(made)


def hidden(values: np.ndarray) -> np.ndarray:
    """What the first layer of `mlp` gives."""
    made = inferred(mlp())
    made.graph.output.extend(value for value in made.graph.value_info if value.name == "h0")
    return np.asarray(open_session(made.SerializeToString(), "none").run(["h0"], {"x": values})[0])


def test_minmax_finds_the_extremes_of_every_float_tensor() -> None:
    values = normal(40, 16)
    ranges, steps = calibrate(inferred(mlp()), "minmax", Calibration({"x": values}, np.arange(30)))
    assert ranges["x"] == (float(values[:30].min()), float(values[:30].max()))
    inside = hidden(values[:30])
    assert ranges["h0"] == pytest.approx((inside.min(), inside.max()), rel=1e-5)
    assert ranges["r0"] == (0.0, ranges["h0"][1])
    assert steps[-1].samples == 30 and steps[-1].width == 1
    widths = [step.width for step in steps]
    assert widths == sorted(widths) and 0 < widths[0] < 1


def test_percentile_leaves_out_the_farthest_values_of_a_long_tail() -> None:
    values = normal(40, 64, 16).reshape(2560, 16)
    values[7, 3] = 1000
    ranges, _ = calibrate(inferred(mlp()), "percentile", Calibration({"x": values}, np.arange(2560)))
    plain, _ = calibrate(inferred(mlp()), "minmax", Calibration({"x": values}, np.arange(2560)))
    assert plain["x"][1] == 1000
    # 99.999 % of 40 960 values are all but 0.4 of one: the outlier's bin begins the range.
    assert 999 < ranges["x"][1] <= 1000
    many = Calibration({"x": np.concatenate([values] * 4)}, np.arange(10240))
    cut, _ = calibrate(inferred(mlp()), "percentile", many)
    assert cut["x"][1] == pytest.approx(1000, rel=0.001) and cut["x"][0] == plain["x"][0]


def test_percentile_agrees_with_the_quantile_of_magnitudes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage, "PERCENTILE", 99.0)
    values = np.random.default_rng(0).standard_t(4, size=(20_000, 16)).astype(np.float32)
    ranges, _ = calibrate(inferred(mlp()), "percentile", Calibration({"x": values}, np.arange(20_000)))
    wanted = np.quantile(np.abs(values), 0.99)
    bin_width = np.abs(values).max() / stage.BINS["percentile"]
    assert abs(max(map(abs, ranges["x"])) - wanted) <= bin_width < wanted / 10


@pytest.mark.parametrize("method", ["percentile", "entropy"])
def test_neither_order_nor_portions_change_the_ranges(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    values = normal(24, 16)
    made = inferred(mlp())
    first, _ = calibrate(made, method, Calibration({"x": values}, np.arange(24)))
    monkeypatch.setattr(stage, "GROUP_BYTES", 100)
    second, _ = calibrate(made, method, Calibration({"x": values}, np.arange(24)[::-1]))
    assert first == second and set(first) == {"x", "h0", "r0", "y"}


@pytest.mark.parametrize("method", ["minmax", "percentile", "entropy"])
@pytest.mark.parametrize(("value", "known"), [(0.0, False), (-1.0, True)])
def test_infinity_leaves_a_tensor_without_range_and_nan_counts_for_nothing(
    value: float, known: bool, method: str
) -> None:
    nodes = [
        helper.make_node("Log", ["x"], ["l"], name="log"),
        helper.make_node("MatMul", ["x", "w"], ["y"], name="dense"),
    ]
    made = model(
        nodes,
        {"x": (TensorProto.FLOAT, ["batch", 3])},
        {"y": (TensorProto.FLOAT, ["batch", 2]), "l": (TensorProto.FLOAT, ["batch", 3])},
        [numpy_helper.from_array(normal(3, 2), "w")],
    )
    samples = Calibration({"x": np.array([[1, 2, value]], np.float32)}, np.arange(1))
    ranges, _ = calibrate(inferred(made), method, samples)
    assert {"x", "y"} <= set(ranges)
    if method == "minmax":
        assert ranges.get("l") == ((0.0, pytest.approx(np.log(2))) if known else None)


def test_a_tensor_of_zeros_has_a_range_of_nothing() -> None:
    samples = Calibration({"x": np.zeros((3, 16), np.float32)}, np.arange(3))
    for method in ("minmax", "percentile"):
        assert calibrate(inferred(mlp()), method, samples)[0]["x"] == (0.0, 0.0)


@given(ranges=st.dictionaries(st.text(max_size=20), st.tuples(floats, floats).map(lambda pair: tuple(sorted(pair)))))
@settings(max_examples=100)
def test_ranges_survive_their_file_exactly(ranges: dict, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("ranges") / "ranges.json"
    write_ranges(path, ranges)
    assert read_ranges(path) == ranges
    assert [entry.name for entry in path.parent.iterdir()] == ["ranges.json"]


@pytest.mark.parametrize("pair", ["[0.1, 1]", "[2, 1]", "[0, NaN]", "[-Infinity, 0]"])
def test_ranges_that_are_none_are_refused(tmp_path: Path, pair: str) -> None:
    path = tmp_path / "ranges.json"
    path.write_text(f'{{"a": {pair}}}')
    with pytest.raises(ValueError, match=r"the range of 'a', .* is none of 32-bit floats"):
        read_ranges(path)


def test_ranges_are_measured_once_and_then_read(tmp_path: Path) -> None:
    path = tmp_path / "ranges.json"
    first = shared_ranges(inferred(mlp()), "minmax", Calibration({"x": normal(20, 16)}, np.arange(20), path))
    assert json.loads(path.read_text()) == {name: list(pair) for name, pair in first.items()}
    assert read_convergence(path)[-1].samples == 20
    other = Calibration({"x": 100 * normal(20, 16)}, np.arange(20), path)
    assert shared_ranges(inferred(mlp()), "minmax", other) == first
    assert read_convergence(tmp_path / "given.json") == []
