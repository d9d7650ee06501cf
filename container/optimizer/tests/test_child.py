import os
import sys
from pathlib import Path

from optimizer.child import Ended, run_limited


def run(
    code: str, folder: Path, seconds: float = 30, memory: int = 1_000_000_000, lines: list[str] | None = None
) -> Ended:
    return run_limited(
        [sys.executable, "-c", code],
        seconds=seconds,
        memory_bytes=memory,
        environment=os.environ,
        errors=folder / "errors.txt",
        on_line=(lines if lines is not None else []).append,
    )


def test_lines_and_the_status_come_through(tmp_path: Path) -> None:
    lines: list[str] = []
    ended = run("print('a'); print('b'); raise SystemExit(7)", tmp_path, lines=lines)
    assert (lines, ended.code, ended.timed_out, ended.crashed, ended.complaint) == (["a", "b"], 7, False, None, "")


def test_a_crash_is_named_with_the_last_complaint(tmp_path: Path) -> None:
    ended = run("import os, sys; print('oh no', file=sys.stderr, flush=True); os.abort()", tmp_path)
    assert (ended.crashed, ended.complaint) == ("SIGABRT", "oh no")


def test_a_child_that_hangs_is_killed_in_time(tmp_path: Path) -> None:
    ended = run("import time; print('started', flush=True); time.sleep(600)", tmp_path, seconds=1)
    assert (ended.timed_out, ended.crashed) == (True, None)
    assert ended.seconds < 60


def test_a_child_that_closes_its_output_and_hangs_is_killed_too(tmp_path: Path) -> None:
    assert run("import os, time; os.close(1); os.close(2); time.sleep(600)", tmp_path, seconds=1).timed_out


def test_memory_beyond_the_limit_is_refused_inside_the_child(tmp_path: Path) -> None:
    code = "import time; time.sleep(0.3)\ntry: bytearray(900_000_000)\nexcept MemoryError: raise SystemExit(9)"
    assert run(code, tmp_path, memory=300_000_000).code == 9
    assert run(code, tmp_path, memory=2_000_000_000).code == 0
