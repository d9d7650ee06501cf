import json
from pathlib import Path

from optimizer.candidate import Outcome, Result, peak_memory, read_outcome
from optimizer.measure import Comparison, Latency


def test_results_failures_and_nothing_are_told_apart(tmp_path: Path) -> None:
    assert read_outcome(tmp_path) == Outcome()
    written = tmp_path / "result.json"
    written.write_text('{"failure": "ran out of memory", "peak_memory_bytes": 5}')
    assert read_outcome(tmp_path) == Outcome(failure="ran out of memory", peak_memory_bytes=5)
    race = {"reference": {"p50": 2, "p95": 3}, "candidate": {"p50": 1, "p95": 2}, "speedup": 2}
    written.write_text(json.dumps({"bytes": 9, "reduced_nodes": 4, "ladder": ["x"], "comparison": race}))
    assert read_outcome(tmp_path) == Outcome(Result(9, 4, ("x",), Comparison(Latency(2, 3), Latency(1, 2), 2)))
    written.write_text('{"bytes": 9, "re')
    assert read_outcome(tmp_path) == Outcome()


def test_peak_memory_is_this_processs_own(tmp_path: Path) -> None:
    (tmp_path / "status").write_text("Name:\tx\nVmHWM:\t    2048 kB\nVmRSS:\t 1 kB\n")
    assert peak_memory(tmp_path / "status") == 2048 * 1024
    assert peak_memory(tmp_path / "none") is None
