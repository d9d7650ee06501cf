import json
import os
from pathlib import Path

import pytest

from optimizer.admit import Request
from optimizer.pipeline import optimize
from optimizer.publish import ReportInvalidError, publish, remove_staging
from optimizer.recipe import from_document
from optimizer.report import Reported
from optimizer.tests.models import mlp, recipe, save, work


@pytest.fixture
def reported(tmp_path: Path) -> Reported:
    return optimize(Request(from_document(recipe()), save(tmp_path, mlp()), None, None), work(tmp_path / "scratch"))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_three_files_and_nothing_else_are_left(tmp_path: Path, reported: Reported) -> None:
    publish(reported.baked, reported.document, tmp_path / "a" / "out", "t")
    assert names(tmp_path / "a" / "out") == ["canaries.npz", "model.onnx", "report.json"]
    assert json.loads((tmp_path / "a" / "out" / "report.json").read_text()) == reported.document


def test_a_report_that_breaks_its_schema_is_never_written(tmp_path: Path, reported: Reported) -> None:
    with pytest.raises(ReportInvalidError, match="verdict"):
        publish(reported.baked, {**reported.document, "verdict": None}, tmp_path / "out", "t")
    assert not (tmp_path / "out").exists()


def test_a_failure_half_way_leaves_no_report_and_no_staging(
    tmp_path: Path, reported: Reported, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    publish(reported.baked, reported.document, out, "first")
    replace = Path.replace

    def fail_on_canaries(self: Path, target: Path) -> Path:
        if target.name == "canaries.npz":
            raise OSError(28, os.strerror(28), str(target))
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", fail_on_canaries)
    with pytest.raises(OSError, match="No space left"):
        publish(reported.baked, reported.document, out, "second")
    assert names(out) == ["canaries.npz", "model.onnx"]


def test_an_out_that_was_made_for_nothing_is_removed(tmp_path: Path, reported: Reported) -> None:
    reported.baked.canaries.unlink()
    with pytest.raises(FileNotFoundError):
        publish(reported.baked, reported.document, tmp_path / "out", "t")
    assert not (tmp_path / "out").exists()


def test_what_an_interruption_left_is_removed_and_the_users_files_are_not(tmp_path: Path) -> None:
    (tmp_path / ".slipway-t").mkdir()
    (tmp_path / ".slipway-t" / "model.onnx").write_text("half")
    (tmp_path / "mine.txt").write_text("mine")
    remove_staging(tmp_path, "t", existed=False)
    assert names(tmp_path) == ["mine.txt"]
