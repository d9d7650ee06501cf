from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from optimizer import quantize as maker
from optimizer.forms import static
from optimizer.forms.form import Calibration, CannotQuantizeError, Made, Rung
from optimizer.quantize import Quantized, ladder, quantize, raw_file
from optimizer.recipe import Static, candidate
from optimizer.tests.models import candidate as entry
from optimizer.tests.models import dynamic, mlp, normal, save

CALIBRATION = Calibration({"x": normal(20, 16)}, np.arange(20))


def made(folder: Path, **changes: Any) -> Quantized:
    source = save(folder, mlp())
    return quantize(candidate(entry(**changes)), source, folder / "out.onnx", CALIBRATION, "extended", 10)


@pytest.mark.parametrize("calibration", ["minmax", "percentile", "entropy"])
def test_static_candidates_are_made_as_asked(tmp_path: Path, calibration: str) -> None:
    found = made(tmp_path, calibration=calibration)
    assert found.ladder == () and set(found.ranges or ()) == {"x", "h0", "r0", "y"}
    weights = {tensor.data_type for tensor in onnx.load(tmp_path / "out.onnx").graph.initializer}
    assert onnx.TensorProto.INT8 in weights and onnx.TensorProto.UINT8 in weights


def test_a_reduced_range_keeps_weights_in_seven_bits(tmp_path: Path) -> None:
    for reduce_range, most in ((True, 64), (False, 127)):
        made(tmp_path, reduceRange=reduce_range)
        values = [
            onnx.numpy_helper.to_array(tensor)
            for tensor in onnx.load(tmp_path / "out.onnx").graph.initializer
            if tensor.data_type == onnx.TensorProto.INT8 and tensor.dims
        ]
        assert max(int(np.abs(array.astype(int)).max(initial=0)) for array in values) == most


def test_excluded_nodes_stay_float(tmp_path: Path) -> None:
    whole, part = made(tmp_path), made(tmp_path, excludeNodes=["gemm1"])
    assert 0 < part.reduced_nodes < whole.reduced_nodes


def test_operators_that_are_not_there_leave_nothing_to_quantize(tmp_path: Path) -> None:
    assert made(tmp_path, opTypes=["Conv"]).reduced_nodes == 0


def test_the_form_before_fusion_is_kept_beside_the_served_one(tmp_path: Path) -> None:
    made(tmp_path)
    ops = [node.op_type for node in onnx.load(raw_file(tmp_path / "out.onnx")).graph.node]
    assert "QuantizeLinear" in ops and "Gemm" in ops
    assert "Gemm" not in [node.op_type for node in onnx.load(tmp_path / "out.onnx").graph.node]
    assert {path.name for path in tmp_path.iterdir()} == {"model.onnx", "out.onnx", "out.quantized.onnx"}


def test_each_failure_climbs_one_rung_and_the_ladder_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Rung] = []

    def stumble(rung: Rung, model: onnx.ModelProto, calibration: Calibration) -> Made:
        asked.append(rung)
        if len(asked) < 3:
            raise AssertionError
        return static.make(rung, model, calibration)

    monkeypatch.setattr(maker, "METHODS", {"static": stumble})
    assert made(tmp_path).ladder == ("without inferred shapes", "weights not adjusted for biases")
    assert [rung.options for rung in asked] == [{}, {}, {"QDQDisableWeightAdjustForInt32Bias": True}]


def test_when_every_rung_breaks_the_last_failure_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(rung: Rung, model: onnx.ModelProto, calibration: Calibration) -> Made:  # noqa: ARG001
        raise ValueError(f"no {rung.name}")

    monkeypatch.setattr(maker, "METHODS", {"static": fail})
    with pytest.raises(CannotQuantizeError, match=r"could not be quantized \(fewer operators: no fewer operators\)"):
        made(tmp_path)


@pytest.mark.parametrize(
    ("asked", "last"),
    [
        (["Conv", "MatMul", "Gemm"], ("Conv", "MatMul")),
        ([], ("Conv", "MatMul")),
        (["MatMul"], ("MatMul",)),
        (["Gemm"], ("Gemm",)),
    ],
)
def test_the_last_rung_asks_for_fewer_operators_where_some_are_left(asked: list[str], last: tuple[str, ...]) -> None:
    rungs = ladder(candidate(entry(opTypes=asked)))
    final = rungs[-1].candidate
    assert isinstance(final, Static) and final.op_types == last
    assert len({rung.name for rung in rungs}) == len(rungs) == (4 if tuple(asked) == last else 5)


def test_an_old_opset_gets_one_scale_for_each_weight(tmp_path: Path) -> None:
    """Scales by channel need opset 13; normalizing usually raises it, but may have been left out."""
    source = save(tmp_path, mlp(opset=11))
    found = quantize(candidate(entry()), source, tmp_path / "out.onnx", CALIBRATION, "extended", 10)
    assert found.ladder[-1] == "one scale for each weight" and found.reduced_nodes > 0


def test_dynamic_quantization_of_convolutions_is_refused(tmp_path: Path) -> None:
    source = save(tmp_path, mlp())
    for ops in (["Conv", "MatMul"], []):
        with pytest.raises(CannotQuantizeError, match="several times slower than fp32"):
            quantize(candidate(dynamic(opTypes=ops)), source, tmp_path / "out.onnx", CALIBRATION, "extended", 10)


def test_a_model_beyond_one_file_is_refused_with_both_sizes(tmp_path: Path) -> None:
    source = tmp_path / "large.onnx"
    with source.open("wb") as file:
        file.truncate(2_000_000_000)
    with pytest.raises(CannotQuantizeError, match=r"has 2000000000 bytes.*up to 1900000000 bytes"):
        quantize(candidate(entry()), source, tmp_path / "out.onnx", CALIBRATION, "extended", 10)
