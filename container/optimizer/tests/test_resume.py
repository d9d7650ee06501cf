import json
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from optimizer import resume
from optimizer.admit import Request
from optimizer.candidate import Job
from optimizer.pipeline import optimize_to
from optimizer.recipe import from_document
from optimizer.resume import key_of, prune
from optimizer.tests.models import candidate, dynamic, mlp, normal, recipe, save, save_samples, work
from optimizer.work import Work


def run(folder: Path, name: str, document: dict[str, Any], seed: int = 1) -> tuple[dict[str, Any], dict[str, Any]]:
    """The report and build.json of a run in a scratch of its own, with one cache for all."""
    here = folder / name
    here.mkdir()
    request = Request(from_document(document), save(here, mlp()), save_samples(here, x=normal(60, 16, seed=seed)), None)
    room = work(here / "scratch")
    optimize_to(request, Work(room.scratch, room.progress, cache=folder / "cache"), here / "out")
    report, build = (json.loads((here / "out" / file).read_text()) for file in ("report.json", "build.json"))
    return report, build


def test_candidates_of_an_earlier_run_are_taken_over_with_their_figures(tmp_path: Path) -> None:
    first, built = run(tmp_path, "first", recipe(candidate(), dynamic()))
    assert built["resumed"] == 0
    second, built = run(tmp_path, "second", recipe(candidate(), dynamic(), candidate("all", opTypes=[])))
    assert built["resumed"] == 2
    assert second["candidates"][:2] == first["candidates"]
    # The one that was not kept finds the ranges of its method calibrated.
    assert second["candidates"][2]["status"] in ("passed", "rejected") and second["candidates"][2]["bytes"] > 0
    third, built = run(tmp_path, "third", recipe(candidate(), gate={"minSqnrDb": 190}))
    assert built["resumed"] == 1
    # Kept are figures, not verdicts.
    assert third["candidates"][0]["status"] == "rejected"


def test_other_samples_are_measured_anew(tmp_path: Path) -> None:
    run(tmp_path, "first", recipe(candidate()))
    assert run(tmp_path, "second", recipe(candidate()), seed=2)[1]["resumed"] == 0


@pytest.mark.parametrize("file", ["kept.json", "result.json", "answers.npz"])
def test_a_damaged_entry_is_made_again(tmp_path: Path, file: str) -> None:
    first, _ = run(tmp_path, "first", recipe(candidate()))
    [entry] = (tmp_path / "cache").iterdir()
    (entry / file).write_text("{")
    second, built = run(tmp_path, "second", recipe(candidate()))
    assert built["resumed"] == 0
    assert second["candidates"][0]["fidelity"] == first["candidates"][0]["fidelity"]


def test_a_cache_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file stands here")
    assert run(tmp_path, "first", recipe(candidate()))[1]["resumed"] == 0


@pytest.fixture
def job(tmp_path: Path) -> Job:
    for name in ("source", "reference"):
        (tmp_path / name).write_text(name)
    return Job(
        candidate=candidate(), source=str(tmp_path / "source"), reference=str(tmp_path / "reference"),
        samples="here", calibration=[0], evaluation=[1], timed=[1], level="extended", ir_version=10, folder="there",
        ranges="ranges-minmax.json", threads=1, provider="cpu", histograms=True,
    )  # fmt: skip


def test_the_key_is_what_decides_the_result_and_nothing_else(job: Job, tmp_path: Path) -> None:
    (tmp_path / "other").write_text("another model")
    changed = [
        replace(job, candidate=candidate(perChannel=False)),
        replace(job, source=str(tmp_path / "other")),
        replace(job, reference=str(tmp_path / "other")),
        replace(job, calibration=[2]),
        replace(job, evaluation=[2]),
        replace(job, level="basic"),
        replace(job, threads=2),
        replace(job, provider="cuda"),
    ]
    keys = [key_of(job, "a" * 64), key_of(job, "b" * 64), *(key_of(other, "a" * 64) for other in changed)]
    assert len(set(keys)) == len(keys)
    ranges = [tmp_path / "one.json", tmp_path / "two.json"]
    for path in ranges:
        path.write_text(path.name)
    locked = {key_of(replace(job, ranges=str(path)), "a" * 64, locked=True) for path in ranges}
    assert len(locked) == 2 and keys[0] not in locked
    elsewhere = replace(job, samples="elsewhere", folder="elsewhere", ranges="elsewhere/ranges-minmax.json")
    assert key_of(elsewhere, "a" * 64) == key_of(job, "a" * 64)


def entry(folder: Path, name: str, size: int, age: float) -> Path:
    path = folder / name
    path.mkdir(parents=True)
    (path / "model.onnx").write_bytes(bytes(size))
    moment = time.time() - age
    os.utime(path, (moment, moment))
    return path


def test_old_entries_go_and_the_oldest_above_the_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resume, "MOST_BYTES", 250)
    day = 24 * 3600.0
    ages = {"a": 1, "b": day, "c": 2 * day, "d": 8 * day}
    entries = {name: entry(tmp_path, name, 100, age) for name, age in ages.items()}
    prune(tmp_path)
    assert [name for name, path in entries.items() if path.exists()] == ["a", "b"]
    prune(tmp_path / "none")


def test_the_arrays_of_a_resumed_candidate_are_those_that_were_measured(tmp_path: Path) -> None:
    document = recipe(candidate(), gate={"minSpeedup": 1, "minAgreement": 0, "minSqnrDb": 0})
    run(tmp_path, "first", document)
    run(tmp_path, "second", document)
    one, two = (np.load(tmp_path / name / "out" / "canaries.npz") for name in ("first", "second"))
    assert {key: value.tolist() for key, value in one.items()} == {key: value.tolist() for key, value in two.items()}
