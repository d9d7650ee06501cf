"""What the machine allows: affinity and cgroup quota, memory, and the processor time of children."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from server import machine


@pytest.mark.parametrize(
    ("files", "count"),
    [
        ({}, 8),
        ({"cpu.max": "max 100000"}, 8),
        ({"cpu.max": "200000 100000"}, 2),
        ({"cpu.max": "150000 100000"}, 2),
        ({"cpu.max": "25000 100000"}, 1),
        ({"cpu.max": "1600000 100000"}, 8),
        ({"cpu/cpu.cfs_quota_us": "300000", "cpu/cpu.cfs_period_us": "100000"}, 3),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, 8),
        ({"cpu.max": "garbage"}, 8),
    ],
)
def test_processors_are_affinity_cut_by_quota(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str], count: int
) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text + "\n")
    monkeypatch.setattr(machine, "_CGROUP", tmp_path)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    assert machine.processors() == count


def test_memory_is_the_cgroups_where_that_is_less(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_CGROUP", tmp_path)
    whole = machine.memory_limit()
    assert whole == os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    (tmp_path / "memory.max").write_text("1048576\n")
    assert machine.memory_limit() == 1048576
    (tmp_path / "memory.max").write_text("max\n")
    assert machine.memory_limit() == whole


def test_the_processor_time_of_a_child_is_seen() -> None:
    script = "import time\nwhile time.process_time() < 0.3: pass\nprint('done', flush=True)\ninput()"
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"done\n"
        assert machine.child_cpu_seconds(child.pid) >= 0.25
        assert machine.resident_bytes([child.pid]) > machine.resident_bytes([])
        child.communicate(b"\n")
    assert machine.child_cpu_seconds(child.pid) == 0
