"""Models too large for one file, with the limit lowered: they are served as they are."""

import json
from pathlib import Path

import numpy as np
import onnx
import pytest

from optimizer import onnx_file
from optimizer.admit import Request
from optimizer.pipeline import optimize_to
from optimizer.publish import FILES
from optimizer.recipe import from_document, validator
from optimizer.session import open_session
from optimizer.tests.models import candidate, mlp, normal, recipe, save, save_samples, work


@pytest.fixture(autouse=True)
def small_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx_file, "ONE_FILE_BYTES", 3000)


def in_two_files(folder: Path) -> Path:
    """Weights in `a/first.bin` and `second.bin`, the biases inside."""
    folder.mkdir()
    (folder / "a").mkdir()
    path = folder / "big.onnx"
    onnx.save_model(mlp((16, 64, 4)), path, save_as_external_data=True, location="second.bin", size_threshold=1000)
    made = onnx.load(path, load_external_data=False)
    (tensor, *others) = [entry for entry in made.graph.initializer if entry.external_data]
    for entry in tensor.external_data:
        if entry.key == "location":
            entry.value = "a/first.bin"
        elif entry.key == "length":
            # The rest of the file, as some exporters leave it out.
            entry.key, entry.value = "checksum", "none"
    assert others
    (folder / "a" / "first.bin").write_bytes((folder / "second.bin").read_bytes()[: 16 * 64 * 4])
    path.write_bytes(made.SerializeToString())
    return path


def run(folder: Path, path: Path, out: Path) -> dict:
    request = Request(from_document(recipe(candidate())), path, save_samples(folder, x=normal(60, 16)), None)
    folder.joinpath("scratch").mkdir(exist_ok=True)
    optimize_to(request, work(folder / "scratch" / out.name), out)
    report = json.loads((out / "report.json").read_text())
    validator("report")(report)
    return report


def test_all_weights_lie_in_one_file_beside_and_the_answers_are_the_same(tmp_path: Path) -> None:
    path, out = in_two_files(tmp_path / "given"), tmp_path / "out"
    report = run(tmp_path, path, out)
    assert sorted(file.name for file in out.iterdir()) == sorted({*FILES} - {"reference.onnx", "report.ipynb"})
    x = normal(5, 16, seed=9)
    sessions = (open_session(file) for file in (path, out / "model.onnx"))
    first, second = (np.asarray(session.run(None, {"x": x})[0]) for session in sessions)
    assert np.array_equal(first, second)
    assert (report["candidates"], report["winner"]["precision"]) == ([], "fp32")
    assert report["winner"]["bytes"] == sum((out / name).stat().st_size for name in ("model.onnx", "model.onnx.data"))
    assert report["model"]["bytes"] == sum(file.stat().st_size for file in (tmp_path / "given").rglob("*.*"))


def test_one_without_weights_outside_is_served_too(tmp_path: Path) -> None:
    out = tmp_path / "out"
    report = run(tmp_path, save(tmp_path, mlp((16, 64, 4))), out)
    assert report["winner"]["precision"] == "fp32" and not (out / "model.onnx.data").exists()


def test_nothing_of_it_is_left_beside_a_smaller_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out"
    run(tmp_path, in_two_files(tmp_path / "given"), out)
    monkeypatch.setattr(onnx_file, "ONE_FILE_BYTES", 10**9)
    path = tmp_path / "given" / "big.onnx"
    request = Request(from_document(recipe(candidate())), path, None, None)
    optimize_to(request, work(tmp_path / "scratch" / "again"), out)
    assert not (out / "model.onnx.data").exists()
