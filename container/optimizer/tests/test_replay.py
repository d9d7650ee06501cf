import copy
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from optimizer.admit import Request
from optimizer.errors import GateFailedError, UserError
from optimizer.pipeline import optimize_to
from optimizer.recipe import from_document, validator
from optimizer.replay import OTHER_BYTES, UPDATE
from optimizer.tests.locks import replay_of
from optimizer.tests.models import EXAMPLES, candidate, dynamic, mlp, recipe, save, work
from optimizer.tests.test_repair import OTHER_SET, wide

DIGITS = EXAMPLES / "digits"
FILES = ("model.onnx", "report.json", "canaries.npz")
LOOSE = {"gate": {"minSpeedup": 1}, "target": {"instructionSets": [OTHER_SET]}}


def run(folder: Path, document: dict[str, Any], model: Path, data: Path | None, labels: Path | None) -> dict[str, Any]:
    """The report; a run that replays writes to `again`, a search to `first`."""
    out = folder / ("again" if document["replay"] else "first")
    optimize_to(Request(from_document(document), model, data, labels), work(out / "scratch"), out / "out")
    report = json.loads((out / "out" / "report.json").read_text())
    validator("report")(report)
    validator("build")(json.loads((out / "out" / "build.json").read_text()))
    return report


def digits(folder: Path, document: dict[str, Any]) -> dict[str, Any]:
    return run(folder, document, DIGITS / "digits.onnx", DIGITS / "samples.npz", DIGITS / "labels.npy")


def through_typescript(replay: dict[str, Any]) -> dict[str, Any]:
    """JSON as JavaScript writes it: 1.0 becomes 1."""

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: plain(entry) for key, entry in value.items()}
        if isinstance(value, list):
            return [plain(entry) for entry in value]
        return int(value) if isinstance(value, float) and value.is_integer() else value

    return plain(replay)


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any], dict[str, Any]]:
    """Folder, recipe and report of a search on digits."""
    folder = tmp_path_factory.mktemp("searched")
    document = recipe(candidate(), **LOOSE)
    return folder, document, digits(folder, document)


def test_a_lock_gives_the_same_model_and_repeats_the_figures(
    tmp_path: Path, searched: tuple[Path, dict[str, Any], dict[str, Any]]
) -> None:
    folder, document, first = searched
    again = digits(tmp_path, {**document, "candidates": [], "replay": through_typescript(replay_of(first))})
    for name in ("model.onnx", "canaries.npz", "reference.onnx"):
        assert (tmp_path / "again" / "out" / name).read_bytes() == (folder / "first" / "out" / name).read_bytes()
    assert again["recheck"] == {
        "sha256Matches": True,
        "agreement": first["winner"]["agreement"],
        "accuracy": first["winner"]["accuracy"],
        "metric": None,
        "sqnrDb": pytest.approx(first["winner"]["sqnrDb"], abs=0.051),
    }
    changed = {key for key in first if first[key] != again[key]}
    assert changed <= {"mode", "recheck", "recipe", "convergence"} and again["mode"] == "replay"
    assert "replay" not in again["recipe"]
    build = json.loads((tmp_path / "again" / "out" / "build.json").read_text())
    assert (build["mode"], build["latencyMs"]["served"]["p50"] > 0) == ("replay", True)


def test_the_reference_of_drift_is_the_locks_and_found_again_for_a_lock_that_has_none(
    tmp_path: Path, searched: tuple[Path, dict[str, Any], dict[str, Any]]
) -> None:
    _, document, first = searched
    assert [entry["statistic"] for entry in first["drift"]["watched"]] == ["class", "confidence", "mean", "deviation"]
    replay = replay_of(first)
    other = {**first["drift"], "notes": ["as it was written"]}
    kept = digits(
        tmp_path / "kept", {**document, "replay": {**replay, "measured": {**replay["measured"], "drift": other}}}
    )
    assert kept["drift"] == other
    without = {key: value for key, value in replay["measured"].items() if key != "drift"}
    again = digits(tmp_path / "again", {**document, "replay": {**replay, "measured": without}})
    assert again["drift"] == first["drift"]


def test_the_same_lock_twice_gives_the_same_bytes_with_other_threads_too(
    tmp_path: Path, searched: tuple[Path, dict[str, Any], dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, document, first = searched
    document = {**document, "replay": replay_of(first)}
    digits(tmp_path / "one", document)
    allowed = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(allowed)})
        monkeypatch.setenv("OMP_NUM_THREADS", "3")
        digits(tmp_path / "two", document)
    finally:
        os.sched_setaffinity(0, allowed)
    for name in FILES:
        assert (tmp_path / "one" / "again" / "out" / name).read_bytes() == (
            tmp_path / "two" / "again" / "out" / name
        ).read_bytes()


@pytest.mark.parametrize("entry", [candidate(), dynamic()], ids=["static", "dynamic"])
def test_a_repaired_form_comes_out_again_with_its_nodes_left_out(tmp_path: Path, entry: dict[str, Any]) -> None:
    samples = np.random.default_rng(1).normal(size=(120, 16)).astype(np.float32)
    np.savez(tmp_path / "samples.npz", x=samples)
    path = save(tmp_path, wide(6, 3))
    document = recipe(entry, **{**LOOSE, "repair": {"trials": 4}, "gate": {"minAgreement": 0.9}})
    first = run(tmp_path, document, path, tmp_path / "samples.npz", None)
    assert first["winner"]["recipe"]["excludeNodes"] == ["dense3"]
    again = run(tmp_path, {**document, "replay": replay_of(first)}, path, tmp_path / "samples.npz", None)
    assert again["recheck"]["sha256Matches"] is True and again["sensitivity"] == first["sensitivity"]
    assert (again["verdict"], again["candidates"]) == (first["verdict"], first["candidates"])


def test_a_lock_on_fp32_is_replayed_as_fp32(tmp_path: Path) -> None:
    document = recipe(candidate(), gate={"minSqnrDb": 190, "maxAccuracyDrop": 0, "maxErrorRatio": 1, "strict": True})
    first = digits(tmp_path, document)
    assert first["winner"]["name"] == "fp32"
    again = digits(tmp_path, {**document, "replay": replay_of(first)})
    assert again["winner"] == first["winner"] and again["verdict"] == first["verdict"]
    assert again["recheck"] == {
        "sha256Matches": True, "agreement": 1, "accuracy": first["reference"]["accuracy"], "metric": None,
        "sqnrDb": None,
    }  # fmt: skip
    assert json.loads((tmp_path / "again" / "out" / "build.json").read_text())["latencyMs"] is None


def test_everything_that_differs_from_the_lock_is_named_and_nothing_is_written(
    tmp_path: Path, searched: tuple[Path, dict[str, Any], dict[str, Any]]
) -> None:
    _, document, first = searched
    replay = copy.deepcopy(replay_of(first))
    replay["tools"] = {**replay["tools"], "onnxruntime": "1.2.3", "python": "2.7.0"}
    replay["labelsSha256"] = None
    replay["metricSha256"] = "5" * 64
    np.savez(tmp_path / "samples.npz", x=np.zeros((60, 16), np.float32))
    with pytest.raises(UserError) as raised:
        run(tmp_path, {**document, "replay": replay}, save(tmp_path, mlp()), tmp_path / "samples.npz", None)
    said = raised.value.problems
    was = first["model"]["sha256"][:12]
    assert said[0].startswith(f"The lock was written for another model: sha256 {was}…, and now sha256 ")
    assert said[1].startswith("The lock was written for other samples: sha256 ")
    assert said[2] == "The lock was written for another metric: sha256 555555555555…, and now no metric."
    assert said[3].startswith("The lock was written with onnxruntime 1.2.3, and here is ")
    assert said[4:] == (UPDATE,)
    assert not (tmp_path / "again" / "out").exists()


def test_samples_or_labels_that_are_missing_are_named(
    tmp_path: Path, searched: tuple[Path, dict[str, Any], dict[str, Any]]
) -> None:
    _, document, first = searched
    with pytest.raises(UserError) as raised:
        run(tmp_path, {**document, "replay": replay_of(first)}, DIGITS / "digits.onnx", None, None)
    assert [line.split(", and now ")[1:] for line in raised.value.problems[:2]] == [["no samples."], ["no labels."]]


def test_other_bytes_are_told_and_accuracy_decides(
    tmp_path: Path, searched: tuple[Path, dict[str, Any], dict[str, Any]]
) -> None:
    _, document, first = searched
    again = digits(tmp_path, {**document, "replay": {**replay_of(first), "sha256": "0" * 64}})
    assert again["recheck"]["sha256Matches"] is False and again["warnings"][-1] == OTHER_BYTES
    assert again["winner"]["sha256"] == first["winner"]["sha256"]


def test_a_locked_form_that_is_no_longer_good_enough_fails_even_where_fp32_is_allowed(
    tmp_path: Path, searched: tuple[Path, dict[str, Any], dict[str, Any]]
) -> None:
    _, document, first = searched
    ranges = {name: [low / 500, high / 500] for name, (low, high) in first["ranges"].items()}
    with pytest.raises(GateFailedError) as raised:
        digits(tmp_path, {**document, "replay": {**replay_of(first), "ranges": ranges}})
    assert raised.value.problems[0].startswith("static, which the lock names, does not pass here: ")
    assert raised.value.problems[-1] == UPDATE
    assert not (tmp_path / "again" / "out").exists()


def test_a_builder_that_saturates_judges_as_a_target_that_does_not(tmp_path: Path) -> None:
    # Without `reduceRange` products of 8 bits overflow on x86 without VNNI, but not on the target.
    document = recipe(
        candidate(reduceRange=False), target={"instructionSets": ["arm64", "x86-64-vnni"]}, gate={"minSpeedup": 1}
    )
    first = digits(tmp_path, document)
    [tried] = first["candidates"]
    assert tried["fidelity"]["sqnrDb"] > 30 and tried["status"] == "passed"
    assert first["canaries"]["minSqnrDb"] > 24
    again = digits(tmp_path, {**document, "replay": replay_of(first)})
    assert (again["recheck"]["sha256Matches"], again["canaries"]) == (True, first["canaries"])
