from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from optimizer import reference as stage
from optimizer.normalize import normalize
from optimizer.reference import Referenced, finite_warnings, judge_labels, reference
from optimizer.tests.models import admitted, mlp, normal, recipe, save, save_samples, work


def referenced(folder: Path) -> Referenced:
    model, data = save(folder, mlp()), save_samples(folder, x=normal(60, 16))
    room = work(folder / "scratch")
    return reference(normalize(admitted(folder / "a", recipe(), model, data, None), room), room)


def test_fp32_is_baked_and_answers_as_before(tmp_path: Path) -> None:
    found = referenced(tmp_path)
    assert (found.baked.name, found.notes, found.accuracy) == ("fp32-extended.onnx", (), None)
    assert len(found.answers["y"]) == 40 and found.latency is not None and found.latency.p50 > 0


def test_an_optimization_that_changes_answers_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def break_extended(source: Path, target: Path, level: str, ir_version: int) -> None:  # noqa: ARG001
        made = onnx.load(source)
        if level == "extended":
            weights = made.graph.initializer[0]
            weights.CopyFrom(numpy_helper.from_array(1.1 * numpy_helper.to_array(weights), weights.name))
        onnx.save_model(made, target)

    monkeypatch.setattr(stage, "optimize_offline", break_extended)
    found = referenced(tmp_path)
    assert found.baked.name == "fp32-basic.onnx"
    assert len(found.notes) == 1 and found.notes[0].startswith("fp32 was not optimized at level extended: ")


def test_without_a_sound_optimization_the_model_is_served_as_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("no kernel")

    monkeypatch.setattr(stage, "optimize_offline", fail)
    found = referenced(tmp_path)
    assert found.baked == found.normalized.admitted.model.path
    assert found.notes == (
        "fp32 was not optimized at level extended: no kernel.",
        "fp32 was not optimized at level basic: no kernel.",
    )


def test_labels_are_held_against_the_evaluation_rows() -> None:
    answers = {"y": [np.array([[0.1, 0.9]]), np.array([[0.8, 0.2]]), np.array([[0.3, 0.7]])]}
    right = judge_labels(answers, np.array([1, 0, 0, 1, 0]), np.array([0, 1, 4]))
    assert right.tolist() == [True, True, False]


def test_a_reference_that_is_no_number_warns() -> None:
    answers = {"a": [np.array([[1.0]])], "b": [np.array([[np.nan]])], "c": [np.array([1])]}
    assert finite_warnings(answers) == ["fp32 itself answers NaN or infinity in output 'b'."]
