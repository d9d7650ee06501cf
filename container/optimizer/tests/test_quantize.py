from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizer import quantize as maker
from optimizer.quantize import Calibration, CannotQuantizeError, Quantized, Reader, Rung, ladder, quantize
from optimizer.recipe import candidate
from optimizer.tests.models import candidate as entry
from optimizer.tests.models import mlp, normal, save

CALIBRATION = Calibration({"x": normal(20, 16)}, np.arange(20))


def made(folder: Path, **changes: Any) -> Quantized:
    source = save(folder, mlp())
    return quantize(candidate(entry(**changes)), source, folder / "out.onnx", CALIBRATION, "extended", 10)


@pytest.mark.parametrize("calibration", ["minmax", "percentile", "entropy"])
def test_static_candidates_are_made_as_asked(tmp_path: Path, calibration: str) -> None:
    assert made(tmp_path, calibration=calibration).ladder == ()
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


def test_each_failure_climbs_one_rung_and_the_ladder_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Rung] = []

    def stumble(rung: Rung, source: Path, target: Path, calibration: Calibration) -> None:
        asked.append(rung)
        if len(asked) < 3:
            raise AssertionError
        maker.static(rung, source, target, calibration)

    monkeypatch.setattr(maker, "METHODS", {"static": stumble})
    assert made(tmp_path).ladder == ("without inferred shapes", "weights not adjusted for biases")
    assert [rung.options for rung in asked] == [{}, {}, {"QDQDisableWeightAdjustForInt32Bias": True}]


def test_when_every_rung_breaks_the_last_failure_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(rung: Rung, source: Path, target: Path, calibration: Calibration) -> None:  # noqa: ARG001
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
    assert rungs[0].candidate.op_types == tuple(asked) and rungs[-1].candidate.op_types == last
    assert len({rung.name for rung in rungs}) == len(rungs) == (3 if tuple(asked) == last else 4)


@given(count=st.integers(1, 50), data=st.data())
def test_a_range_of_samples_is_read_once_and_in_order(count: int, data: st.DataObject) -> None:
    rows = np.array(data.draw(st.permutations(range(count))))
    reader = Reader(Calibration({"x": np.arange(count, dtype=np.float32)[:, None]}, rows))
    start = data.draw(st.integers(0, count))
    end = data.draw(st.integers(start, count))
    reader.set_range(start, end)
    read = []
    while feed := reader.get_next():
        read.append(int(feed["x"][0, 0]))
    assert read == rows[start:end].tolist() and len(reader) == count
