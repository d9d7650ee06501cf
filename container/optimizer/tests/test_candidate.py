import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from optimizer.answer_files import load_answers, save_arrays
from optimizer.candidate import Job, Outcome, Result, peak_memory, read_outcome, run_job
from optimizer.measure import Comparison, Latency
from optimizer.tests.models import candidate, dynamic, mlp, normal, save
from optimizer.tests.test_forms_float16 import entry as float16


def test_results_failures_and_nothing_are_told_apart(tmp_path: Path) -> None:
    assert read_outcome(tmp_path) == Outcome()
    written = tmp_path / "result.json"
    written.write_text('{"failure": "ran out of memory", "peak_memory_bytes": 5}')
    assert read_outcome(tmp_path) == Outcome(failure="ran out of memory", peak_memory_bytes=5)
    race = {
        "reference": {"p50": 2, "p95": 3}, "candidate": {"p50": 1, "p95": 2}, "speedup": 2, "interval": [1.9, 2.1],
    }  # fmt: skip
    found = {"bytes": 9, "reduced_nodes": 4, "ladder": ["x"], "comparison": race, "saturation_db": 50.5}
    written.write_text(json.dumps({**found, "timed_provider": "cpu"}))
    comparison = Comparison(Latency(2, 3), Latency(1, 2), 2, (1.9, 2.1))
    assert read_outcome(tmp_path) == Outcome(Result(9, 4, ("x",), comparison, 50.5, "cpu"))
    written.write_text('{"bytes": 9, "re')
    assert read_outcome(tmp_path) == Outcome()


def test_peak_memory_is_this_processs_own(tmp_path: Path) -> None:
    (tmp_path / "status").write_text("Name:\tx\nVmHWM:\t    2048 kB\nVmRSS:\t 1 kB\n")
    assert peak_memory(tmp_path / "status") == 2048 * 1024
    assert peak_memory(tmp_path / "none") is None


def job(folder: Path, entry: dict[str, Any], **changes: Any) -> Job:
    folder.mkdir(exist_ok=True)
    model = save(folder, mlp((16, 32, 4)), "source.onnx")
    save_arrays(folder / "samples.npz", {"input:x": normal(40, 16)})
    fields: dict[str, Any] = {
        "candidate": entry,
        "source": str(model),
        "reference": str(model),
        "samples": str(folder / "samples.npz"),
        "calibration": list(range(10)),
        "evaluation": list(range(10, 40)),
        "timed": list(range(10, 20)),
        "level": "extended",
        "ir_version": 10,
        "folder": str(folder),
        "ranges": str(folder / "shared.json"),
        "threads": 64,
        "provider": "cpu",
        "histograms": True,
    }
    return Job(**{**fields, **changes})


def test_a_static_candidate_leaves_all_its_files(tmp_path: Path) -> None:
    steps: list[str] = []
    result = run_job(job(tmp_path, candidate()), steps.append)
    assert steps == ["quantizing", "answering", "timing"]
    assert result.comparison is not None and result.timed_provider == "cpu"
    low, high = result.comparison.interval
    assert 0 < low <= result.comparison.speedup <= high
    assert result.saturation_db is not None and result.saturation_db > 30
    used = json.loads((tmp_path / "ranges.json").read_text())
    shared = json.loads((tmp_path / "shared.json").read_text())
    assert used == {name: shared[name] for name in ("h0", "r0", "x", "y")}
    document = json.loads((tmp_path / "tensors.json").read_text())
    assert [entry["name"] for entry in document["tensors"]][:2] == ["w0", "w1"]
    assert document["convergence"][-1] == {"samples": 10, "width": 1.0}
    assert load_answers(tmp_path / "answers.npz")["y"][0].shape == (1, 4)


def test_the_ranges_file_is_shared_and_a_second_candidate_only_reads_it(tmp_path: Path) -> None:
    run_job(job(tmp_path / "a", candidate("a")), lambda _: None)
    shared = tmp_path / "a" / "shared.json"
    before = shared.stat().st_mtime_ns
    second = job(tmp_path / "b", candidate("b", excludeNodes=["gemm1"]), ranges=str(shared), calibration=[])
    assert run_job(second, lambda _: None).comparison is not None
    assert shared.stat().st_mtime_ns == before


def test_forms_without_ranges_leave_none(tmp_path: Path) -> None:
    result = run_job(job(tmp_path, dynamic()), lambda _: None)
    assert result.saturation_db is None
    assert not (tmp_path / "ranges.json").exists() and not (tmp_path / "shared.json").exists()


def test_a_provider_that_is_not_here_is_stood_in_for_and_told(tmp_path: Path) -> None:
    result = run_job(job(tmp_path, float16(), provider="cuda", level="basic"), lambda _: None)
    assert result.timed_provider == "cpu" and result.comparison is not None
    assert np.isfinite(load_answers(tmp_path / "answers.npz")["y"]).all()


def test_tensors_fit_the_reports_schema(tmp_path: Path) -> None:
    run_job(job(tmp_path, candidate()), lambda _: None)
    document = json.loads((tmp_path / "tensors.json").read_text())
    schema = json.loads((Path(__file__).parents[2] / "schema" / "report.schema.json").read_text())
    wanted = schema["properties"]["tensors"]["items"]["required"]
    assert all(sorted(entry) == sorted(wanted) for entry in document["tensors"])


@pytest.mark.parametrize("histograms", [True, False])
def test_tensors_are_written_where_asked(tmp_path: Path, histograms: bool) -> None:
    run_job(job(tmp_path, candidate(), histograms=histograms), lambda _: None)
    assert (tmp_path / "tensors.json").exists() == histograms
