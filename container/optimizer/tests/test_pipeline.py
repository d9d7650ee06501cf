import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from optimizer.admit import Request
from optimizer.errors import GateFailedError, UserError
from optimizer.fidelity import sqnr_db
from optimizer.host import this_host
from optimizer.pipeline import optimize_to
from optimizer.recipe import from_document, validator
from optimizer.session import open_session
from optimizer.tests.models import EXAMPLES, candidate, dynamic, mlp, model, normal, recipe, save, save_samples, work

STAGES = ["admit", "normalize", "reference", "candidates", "gate", "repair", "bake", "report"]
OTHER_SET = "arm64" if this_host().instruction_set != "arm64" else "x86-64"


def run(
    folder: Path, document: dict[str, Any], path: Path, data: Path | None = None, labels: Path | None = None
) -> dict:
    request = Request(from_document(document), path, data, labels)
    verdict = optimize_to(request, work(folder / "scratch"), folder / "out")
    report = json.loads((folder / "out" / "report.json").read_text())
    validator("report")(report)
    assert report["verdict"] == verdict
    build = json.loads((folder / "out" / "build.json").read_text())
    validator("build")(build)
    assert [stage["name"] for stage in build["stages"]] == STAGES
    assert (report["mode"], build["mode"], report["recheck"]) == ("search", "search", None)
    check_canaries(folder / "out", report)
    return report


def check_canaries(out: Path, report: dict) -> None:
    """What a server does before it is ready."""
    session = open_session(out / "model.onnx")
    with np.load(out / "canaries.npz", allow_pickle=False) as archive:
        canaries = dict(archive)
    for row in range(report["canaries"]["count"]):
        feeds = {name[6:]: values[row : row + 1] for name, values in canaries.items() if name.startswith("input:")}
        for output, got in zip(session.get_outputs(), session.run(None, feeds), strict=True):
            expected = canaries[f"expected:{output.name}"][row : row + 1]
            assert np.asarray(got).shape == expected.shape
            if expected.dtype.kind == "f":
                # One canary alone may be a little worse than all together.
                assert sqnr_db([expected], [np.asarray(got)]) >= report["canaries"]["minSqnrDb"] - 6
            else:
                np.testing.assert_array_equal(got, expected)


def example(folder: Path, name: str, document: dict[str, Any]) -> dict:
    source = EXAMPLES / name
    return run(folder, document, source / f"{name}.onnx", source / "samples.npz", source / "labels.npy")


def test_a_model_that_nothing_smaller_can_be_made_of_does_not_fail_the_gate(tmp_path: Path) -> None:
    source = EXAMPLES / "breast-cancer"
    report = run(
        tmp_path, recipe(candidate(), onFailure="error"), source / "breast-cancer.onnx", source / "samples.npz"
    )
    assert report["winner"]["precision"] == "fp32"


def test_the_digits_network_passes_in_int8_or_the_report_says_why_not(tmp_path: Path) -> None:
    report = example(tmp_path, "digits", recipe(candidate()))
    [tried] = report["candidates"]
    assert report["reference"]["accuracy"] >= 0.985
    assert tried["accuracy"]["value"] >= 0.985 and tried["fidelity"]["sqnrDb"] >= 20
    assert tried["bytes"] < report["reference"]["bytes"] / 3
    assert (report["data"]["calibrationSamples"], report["data"]["evaluationSamples"]) == (190, 407)
    if tried["speedup"] >= 1.1:
        assert (tried["status"], report["winner"]["name"]) == ("passed", "static")
        assert report["verdict"].startswith("int8, ") and report["verdict"].endswith(" KB instead of 1355 KB")
    else:
        assert report["winner"]["precision"] == "fp32"
        assert f"{tried['reasons'][0]}" in report["verdict"]


def test_the_encoder_is_optimized_with_dynamic_ranges(tmp_path: Path) -> None:
    entry = dynamic("dynamic")
    report = example(tmp_path, "digits-encoder", recipe(entry, gate={"minSpeedup": 1}))
    [tried] = report["candidates"]
    assert tried["status"] in ("passed", "rejected")
    assert tried["fidelity"]["agreement"] >= 0.97 and tried["bytes"] < 0.4 * report["reference"]["bytes"]


def test_trees_are_never_quantized_even_when_a_recipe_says_so(tmp_path: Path) -> None:
    report = example(tmp_path, "breast-cancer", recipe(candidate()))
    assert report["verdict"] == "fp32, kept: trees and other classic models are never quantized"
    assert (report["candidates"], report["winner"]["accuracy"]) == ([], report["reference"]["accuracy"])
    before, after = (
        open_session(path).run(None, {"features": np.load(EXAMPLES / "breast-cancer" / "samples.npz")["features"]})
        for path in (EXAMPLES / "breast-cancer" / "breast-cancer.onnx", tmp_path / "out" / "model.onnx")
    )
    np.testing.assert_array_equal(np.asarray(before[0]), np.asarray(after[0]))
    np.testing.assert_allclose(np.asarray(before[1]), np.asarray(after[1]), atol=1e-5)


def outlier_model() -> onnx.ModelProto:
    """One input channel is a thousand times larger than the others and means nothing: 8 bits see only that one."""
    weights = np.random.default_rng(3).normal(size=(17, 5)).astype(np.float32)
    weights[0] = 0
    return model(
        [helper.make_node("MatMul", ["x", "w"], ["y"], name="dense")],
        {"x": (TensorProto.FLOAT, ["batch", 17])},
        {"y": (TensorProto.FLOAT, ["batch", 5])},
        [numpy_helper.from_array(weights, "w")],
    )


def test_a_model_that_gets_worse_in_int8_stays_fp32_with_the_reason(tmp_path: Path) -> None:
    values = normal(100, 17)
    values[:, 0] *= 1000
    report = run(tmp_path, recipe(candidate()), save(tmp_path, outlier_model()), save_samples(tmp_path, x=values))
    [tried] = report["candidates"]
    assert tried["status"] == "rejected"
    assert [reason.split(" ")[0] for reason in tried["reasons"]][:2] == ["agreement", "signal"]
    assert report["winner"] == {
        **report["winner"], "name": "fp32", "precision": "fp32", "speedup": 1, "agreement": 1, "accuracy": None,
    }  # fmt: skip
    assert report["verdict"] == f"fp32, kept: static: {'; '.join(tried['reasons'])}"


def test_a_model_that_is_not_faster_stays_fp32_with_both_numbers(tmp_path: Path) -> None:
    path, data = save(tmp_path, mlp()), save_samples(tmp_path, x=normal(60, 16))
    report = run(tmp_path, recipe(candidate(), gate={"minSpeedup": 1000}), path, data)
    [tried] = report["candidates"]
    assert tried["reasons"][-1].endswith("x is below 1000x")
    assert report["winner"]["name"] == "fp32"


def test_a_failed_gate_is_an_error_when_the_recipe_says_so(tmp_path: Path) -> None:
    path, data = save(tmp_path, mlp()), save_samples(tmp_path, x=normal(60, 16))
    document = recipe(candidate(), gate={"minSpeedup": 1000}, onFailure="error", precision="int8")
    with pytest.raises(GateFailedError) as raised:
        run(tmp_path, document, path, data)
    assert raised.value.problems[1].startswith("static: ") and raised.value.problems[1].endswith("is below 1000x")
    assert not (tmp_path / "out").exists()


def test_on_another_instruction_set_speed_is_measured_but_does_not_decide(tmp_path: Path) -> None:
    document = recipe(
        candidate(gate := "static"),
        gate={"minSpeedup": 1000, "minAgreement": 0.5},
        target={"instructionSets": [OTHER_SET]},
    )
    report = run(tmp_path, document, save(tmp_path, mlp()), save_samples(tmp_path, x=normal(60, 16)))
    assert report["host"]["judgesSpeed"] is False
    assert report["winner"]["name"] == gate
    assert report["candidates"][0]["speedup"] > 0
    assert report["warnings"][:1] == [
        f"This host is {this_host().instruction_set}, the target {OTHER_SET}: speed was measured but did not decide."
    ]
    assert "speed not judged on this host" in report["verdict"]


def test_without_samples_fp32_is_served_and_samples_are_asked_for(tmp_path: Path) -> None:
    report = run(tmp_path, recipe(candidate()), save(tmp_path, mlp()))
    assert report["verdict"] == "fp32, kept: no samples were given (--data), so no smaller form could be judged"
    assert (report["data"], report["candidates"]) == (None, [])
    assert (report["winner"]["agreement"], report["winner"]["speedup"]) == (None, 1)
    assert report["canaries"] == {"count": 4, "minSqnrDb": 60.0, "synthetic": True}
    assert report["reference"]["latencyMs"]["p50"] > 0


def test_without_samples_every_other_dimension_needs_a_size(tmp_path: Path) -> None:
    made = model(
        [helper.make_node("Relu", ["x"], ["y"])],
        {"x": (TensorProto.FLOAT, ["batch", "length", 3])},
        {"y": (TensorProto.FLOAT, ["batch", "length", 3])},
    )
    path = save(tmp_path, made)
    with pytest.raises(UserError, match=r"Dimension 'length' of input 'x' has no size.*--dim length=128"):
        run(tmp_path, recipe(), path)
    report = run(tmp_path, recipe(model={"dims": {"length": 5}}), path)
    assert np.load(tmp_path / "out" / "canaries.npz")["input:x"].shape == (4, 5, 3)
    assert report["model"]["inputs"] == [{"name": "x", "dtype": "float32", "shape": ["batch", "length", 3]}]


def test_a_batch_fixed_at_one_works(tmp_path: Path) -> None:
    report = run(tmp_path, recipe(candidate()), save(tmp_path, mlp(batch=1)), save_samples(tmp_path, x=normal(60, 16)))
    assert report["candidates"][0]["status"] in ("passed", "rejected")
    assert report["data"]["evaluationSamples"] == 40


def test_a_quantized_model_is_served_as_it_is(tmp_path: Path) -> None:
    first = recipe(
        candidate(), gate={"minSpeedup": 1, "minAgreement": 0, "minSqnrDb": 0}, target={"instructionSets": [OTHER_SET]}
    )
    data = save_samples(tmp_path, x=normal(60, 16))
    run(tmp_path, first, save(tmp_path, mlp()), data)
    quantized = (tmp_path / "out" / "model.onnx").rename(tmp_path / "quantized.onnx")
    (tmp_path / "again").mkdir()
    report = run(tmp_path / "again", recipe(candidate()), quantized, data)
    assert report["verdict"] == "as it is: the model is already quantized (QDQ)"
    assert (report["candidates"], report["winner"]["precision"]) == ([], "int8")


def test_labels_beyond_the_models_classes_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "labels.npy", np.array([0, 1, 2, 3, 4] * 12))
    data = save_samples(tmp_path, x=normal(60, 16))
    with pytest.raises(UserError, match="The labels hold class 4; the model has 4, 0 to 3"):
        run(tmp_path, recipe(), save(tmp_path, mlp()), data, tmp_path / "labels.npy")


def test_labels_for_a_model_without_classes_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "labels.npy", np.zeros(60, np.int64))
    data = save_samples(tmp_path, x=normal(60, 16))
    with pytest.raises(UserError, match="Labels need class scores"):
        run(tmp_path, recipe(), save(tmp_path, mlp((16, 1))), data, tmp_path / "labels.npy")


def test_labels_need_samples(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="Labels without samples"):
        run(tmp_path, recipe(), save(tmp_path, mlp()), None, tmp_path / "labels.npy")


def test_a_model_that_onnx_runtime_cannot_run_on_the_samples_is_told(tmp_path: Path) -> None:
    # The samples say 5 columns, the weights inside demand 6.
    weights = numpy_helper.from_array(normal(6, 2), "w")
    made = model(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        {"x": (TensorProto.FLOAT, ["batch", "width"])},
        {"y": (TensorProto.FLOAT, ["batch", 2])},
        [weights],
    )
    with pytest.raises(
        UserError, match=r"ONNX Runtime cannot run the model on the samples: .*\. Check that they are what"
    ):
        run(tmp_path, recipe(), save(tmp_path, made), save_samples(tmp_path, x=normal(40, 5)))


def test_the_same_work_twice_writes_the_same_bytes(tmp_path: Path) -> None:
    document = recipe(
        candidate(), gate={"minSpeedup": 1, "minAgreement": 0, "minSqnrDb": 0}, target={"instructionSets": [OTHER_SET]}
    )
    path, data = save(tmp_path, mlp((16, 64, 64, 4))), save_samples(tmp_path, x=normal(90, 16))
    outs = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        assert run(tmp_path / name, document, path, data)["winner"]["name"] == "static"
        outs.append([(tmp_path / name / "out" / file).read_bytes() for file in ("model.onnx", "canaries.npz")])
    assert outs[0][0] == outs[1][0]
    first, second = (np.load(tmp_path / name / "out" / "canaries.npz") for name in ("one", "two"))
    assert {key: value.tolist() for key, value in first.items()} == {
        key: value.tolist() for key, value in second.items()
    }
