from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from optimizer import normalize as stage
from optimizer.normalize import Normalized, normalize
from optimizer.tests.models import admitted, candidate, mlp, model, normal, recipe, save, save_samples, work


def normalized(folder: Path, made: onnx.ModelProto, values: np.ndarray) -> Normalized:
    given = admitted(folder / "a", recipe(candidate()), save(folder, made), save_samples(folder, x=values), None)
    return normalize(given, work(folder / "scratch"))


def convolution(opset: int = 17) -> onnx.ModelProto:
    """Conv and BatchNormalization, which folding makes one."""
    arrays = {"w": normal(4, 3, 3, 3), "s": normal(4) ** 2, "b": normal(4), "m": normal(4), "v": normal(4) ** 2 + 1}
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], pads=[1, 1, 1, 1]),
        helper.make_node("BatchNormalization", ["c", "s", "b", "m", "v"], ["y"]),
    ]
    shape = ["batch", 3, 6, 6], ["batch", 4, 6, 6]
    weights = [numpy_helper.from_array(value, name) for name, value in arrays.items()]
    return model(
        nodes, {"x": (TensorProto.FLOAT, shape[0])}, {"y": (TensorProto.FLOAT, shape[1])}, weights, opset=opset
    )


def test_batch_norms_are_folded_and_shapes_known(tmp_path: Path) -> None:
    found = normalized(tmp_path, convolution(), normal(40, 3, 6, 6))
    assert found.notes == ()
    assert [node.op_type for node in onnx.load(found.path).graph.node] == ["Conv"]


def test_an_old_opset_is_raised_so_that_channels_can_have_their_own_scale(tmp_path: Path) -> None:
    found = normalized(tmp_path, convolution(opset=9), normal(40, 3, 6, 6))
    assert onnx.load(found.path).opset_import[0].version == 17


def test_every_node_has_a_name_of_its_own(tmp_path: Path) -> None:
    names = [node.name for node in onnx.load(normalized(tmp_path, convolution(), normal(40, 3, 6, 6)).path).graph.node]
    assert all(names) and len(set(names)) == len(names)


def test_the_same_model_gives_the_same_bytes_on_other_samples(tmp_path: Path) -> None:
    found = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        values = normal(40, 3, 6, 6, seed=len(found))
        found.append(normalized(tmp_path / name, convolution(opset=9), values).path.read_bytes())
    assert found[0] == found[1]


def test_stale_shapes_of_weights_are_dropped(tmp_path: Path) -> None:
    made = mlp()
    made.graph.value_info.append(helper.make_tensor_value_info("w0", TensorProto.FLOAT, [99, 1]))
    found = onnx.load(normalized(tmp_path, made, normal(40, 16)).path)
    held = {entry.name for entry in found.graph.initializer}
    assert not held & {value.name for value in found.graph.value_info}


def test_a_step_that_changes_answers_or_fails_is_left_out_and_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def double_weights(source: Path, target: Path) -> None:
        made = onnx.load(source)
        made.graph.initializer[0].CopyFrom(
            numpy_helper.from_array(
                2 * numpy_helper.to_array(made.graph.initializer[0]), made.graph.initializer[0].name
            )
        )
        onnx.save_model(made, target)

    def fail(source: Path, target: Path) -> None:  # noqa: ARG001
        raise ValueError("no such shape")

    monkeypatch.setattr(stage, "STEPS", (("doubling", (double_weights,)), ("guessing", (fail, double_weights))))
    found = normalized(tmp_path, mlp(), normal(40, 16))
    assert found.path == found.admitted.model.path
    assert len(found.notes) == 2
    assert (
        found.notes[0].startswith("Not done while preparing the graph: doubling (")
        and "dB is below 80 dB" in found.notes[0]
    )
    assert found.notes[1].startswith("Not done while preparing the graph: guessing (no such shape; ")


def test_shape_inference_that_gives_up_leaves_nothing_in_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def give_up(*_: object) -> None:
        Path("sym_shape_infer_temp.onnx").write_bytes(b"the whole model")
        raise ValueError("incomplete")

    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setattr(stage.SymbolicShapeInference, "infer_shapes", give_up)
    found = normalized(tmp_path, mlp(), normal(40, 16))
    assert found.notes == () and Path.cwd() == tmp_path / "here" and list(Path.cwd().iterdir()) == []
    assert not list((tmp_path / "scratch").rglob("sym_shape*"))


def test_without_candidates_the_graph_stays_as_it_is(tmp_path: Path) -> None:
    given = admitted(tmp_path / "a", recipe(), save(tmp_path, mlp()), None, None)
    assert normalize(given, work(tmp_path / "scratch")).path == given.model.path
