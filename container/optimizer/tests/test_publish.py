import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from optimizer import publish as module
from optimizer.admit import Request
from optimizer.build import build_document
from optimizer.pipeline import optimize
from optimizer.publish import FILES, ReportInvalidError, owned, publish, recover, remove_staging
from optimizer.recipe import from_document
from optimizer.report import Reported
from optimizer.tests.models import mlp, recipe, save, work

MADE = sorted({*FILES} - {"reference.onnx", "model.onnx.data", "report.ipynb"})
MOVES = len(FILES) + 1 + len(MADE)
"""Every earlier file aside, the new folder to its place, every new file out of it."""


@pytest.fixture
def reported(tmp_path: Path) -> tuple[Reported, dict[str, Any]]:
    request = Request(from_document(recipe()), save(tmp_path, mlp()), None, None)
    made, stages = optimize(request, work(tmp_path / "scratch"))
    return made, build_document(made.baked, stages)


def put(reported: tuple[Reported, dict[str, Any]], out: Path, token: str = "t", **changes: Any) -> None:
    made, build = reported
    publish(made.baked, {**made.document, **changes}, build, out, token)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def earlier_result(out: Path) -> dict[str, str]:
    """A folder as an earlier run left it, with a file of the user's own; content by path."""
    for name in FILES:
        if name == "tensorboard":
            (out / name / "candidates").mkdir(parents=True)
            (out / name / "candidates" / "events").write_text("earlier events")
        else:
            (out / name).write_text(f"earlier {name}")
    (out / "mine.txt").write_text("mine")
    return contents(out)


def contents(out: Path) -> dict[str, str]:
    return {str(path.relative_to(out)): path.read_text() for path in sorted(out.rglob("*")) if path.is_file()}


def test_the_files_and_nothing_else_are_left(tmp_path: Path, reported: tuple[Reported, dict[str, Any]]) -> None:
    put(reported, tmp_path / "a" / "out")
    assert names(tmp_path / "a" / "out") == MADE
    assert json.loads((tmp_path / "a" / "out" / "report.json").read_text()) == reported[0].document
    assert json.loads((tmp_path / "a" / "out" / "build.json").read_text()) == reported[1]


def test_nothing_of_an_earlier_result_is_mixed_with_the_new_one(
    tmp_path: Path, reported: tuple[Reported, dict[str, Any]]
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    earlier_result(out)
    put(reported, out)
    assert names(out) == sorted([*MADE, "mine.txt"])
    assert not [path for path, text in contents_as_bytes(out).items() if text.startswith(b"earlier")]


def contents_as_bytes(out: Path) -> dict[str, bytes]:
    return {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*") if path.is_file()}


def test_a_report_that_breaks_its_schema_is_never_written(
    tmp_path: Path, reported: tuple[Reported, dict[str, Any]]
) -> None:
    with pytest.raises(ReportInvalidError, match=r"report.json: .*verdict"):
        put(reported, tmp_path / "out", verdict=None)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("step", range(MOVES))
def test_a_failure_at_any_move_leaves_the_earlier_result_as_it_was(
    tmp_path: Path, reported: tuple[Reported, dict[str, Any]], monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    before = earlier_result(out)
    rename, moves = Path.rename, iter(range(100))

    def fail(self: Path, target: Path) -> Path:
        if next(moves) == step:
            raise OSError(28, os.strerror(28), str(target))
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises(OSError, match="No space left"):
        put(reported, out)
    assert contents(out) == before and names(out) == sorted([*FILES, "mine.txt"])


@pytest.mark.parametrize(
    "undo", [lambda out: remove_staging(out, "t", existed=True), recover], ids=["one that watches", "next run"]
)
@pytest.mark.parametrize("step", range(MOVES))
def test_a_process_killed_at_any_move_is_undone(
    tmp_path: Path,
    reported: tuple[Reported, dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
    step: int,
    undo: Callable[[Path], None],
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    before = earlier_result(out)
    rename, moves = Path.rename, iter(range(100))

    class KilledError(BaseException):
        pass

    def die(self: Path, target: Path) -> Path:
        if next(moves) == step:
            raise KilledError
        return rename(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", die)
        patch.setattr(module, "remove_staging", lambda *_: None)
        with pytest.raises(KilledError):
            put(reported, out)
    undo(out)
    assert contents(out) == before and names(out) == sorted([*FILES, "mine.txt"])


@pytest.mark.parametrize("left", ["earlier/model.onnx earlier/report.json", "earlier/report.json placing/", ""])
def test_a_clean_up_that_was_broken_off_brings_nothing_old_back(
    tmp_path: Path, reported: tuple[Reported, dict[str, Any]], left: str
) -> None:
    out = tmp_path / "out"
    put(reported, out)
    after = contents_as_bytes(out)
    for name in left.split():
        path = out / ".slipway-dead" / name
        (path if name.endswith("/") else path.parent).mkdir(parents=True, exist_ok=True)
        if not name.endswith("/"):
            path.write_text("old")
    recover(out)
    assert contents_as_bytes(out) == after


def test_the_next_run_removes_what_a_killed_one_left_and_leaves_alone_one_that_lives(
    tmp_path: Path, reported: tuple[Reported, dict[str, Any]]
) -> None:
    out = tmp_path / "out"
    for token in ("dead", "living"):
        (out / f".slipway-{token}" / "ready").mkdir(parents=True)
    with owned(out / ".slipway-living"):
        put(reported, out)
    assert names(out) == sorted([*MADE, ".slipway-living"])


def test_an_out_that_was_made_for_nothing_is_removed(tmp_path: Path, reported: tuple[Reported, dict[str, Any]]) -> None:
    reported[0].baked.canaries.unlink()
    with pytest.raises(FileNotFoundError):
        put(reported, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_what_an_interruption_left_is_removed_and_the_users_files_are_not(tmp_path: Path) -> None:
    (tmp_path / ".slipway-t").mkdir()
    (tmp_path / ".slipway-t" / "model.onnx").write_text("half")
    (tmp_path / "mine.txt").write_text("mine")
    remove_staging(tmp_path, "t", existed=False)
    assert names(tmp_path) == ["mine.txt"]
