"""TensorBoard's files of a running endpoint: what they hold, and that they never cost a request."""

from __future__ import annotations

import errno
import math
import os
import resource
import struct
import time
from pathlib import Path
from typing import Any

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from server import event_file
from server.errors import StartError
from server.event_file import EventFile, checksum, scalars
from server.event_log import Settings, Writer, labels_of, parsed, quantile, settings
from server.tests import models
from server.tests.process import Running, running, serving, tensor, wait_until
from server.tests.test_drift import folder_of

Points = dict[str, list[tuple[int, float]]]
BODY = {"inputs": [tensor("x", [1, 4], [1, 2, 3, 4])]}


def points(folder: Path) -> Points:
    """Steps and values by tag, as TensorBoard reads them."""
    found = EventAccumulator(str(folder), size_guidance={"scalars": 0})
    found.Reload()
    return {tag: [(event.step, event.value) for event in found.Scalars(tag)] for tag in found.Tags()["scalars"]}


def only_run(folder: Path) -> Path:
    (run,) = folder.iterdir()
    return run


# The file.


def test_the_checksum_is_that_of_the_format() -> None:
    # CRC-32C of these nine digits is known; the format rotates it and adds a constant.
    known = 0xE3069283
    assert checksum(b"123456789") == (((known >> 15) | (known << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def test_tensorboard_reads_what_was_written(tmp_path: Path) -> None:
    file = EventFile(tmp_path / "run", 1000.0)
    file.write(scalars(1001.5, 1, [("latency/p99_ms", 12.5), ("größe/ä", -1.0)]))
    file.write(scalars(1002.5, 300, [("latency/p99_ms", math.inf)]))
    file.close()
    assert points(tmp_path / "run") == {"latency/p99_ms": [(1, 12.5), (300, math.inf)], "größe/ä": [(1, -1.0)]}


def test_a_record_that_does_not_fit_is_taken_back_and_later_ones_can_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = EventFile(tmp_path, 1.0)
    file.write(scalars(1, 0, [("a", 1.0)]))
    whole = file.path.stat().st_size
    real = os.write
    written: list[int] = []

    def full(descriptor: int, data: Any) -> int:
        if written:
            raise OSError(errno.ENOSPC, "No space left on device")
        written.append(real(descriptor, bytes(data[:7])))
        return 7

    monkeypatch.setattr(event_file.os, "write", full)
    with pytest.raises(OSError, match="No space left"):
        file.write(scalars(2, 1, [("a", 2.0)]))
    assert file.path.stat().st_size == whole
    monkeypatch.setattr(event_file.os, "write", real)
    file.write(scalars(3, 2, [("a", 3.0)]))
    file.close()
    assert points(tmp_path) == {"a": [(0, 1.0), (2, 3.0)]}


# The points.

HTTP = 'http_request_method="POST",http_route="/i",http_response_status_code="200"'


def page(requests: int, slow: int, bins: tuple[int, int], failed: int = 0) -> bytes:
    """A page as the server shows it: `slow` of the requests took between 0.1 and 0.25 s, the others up to 0.1 s."""
    lines = [
        "# TYPE onnx_requests_total counter",
        f'onnx_requests_total{{model="m",code="200"}} {requests}',
        f'onnx_requests_total{{model="m",code="500"}} {failed}',
        f'onnx_requests_rejected_total{{model="m",reason="timeout"}} {failed}',
        f'http_server_request_duration_seconds_bucket{{{HTTP},le="0.1"}} {requests - slow}',
        f'http_server_request_duration_seconds_bucket{{{HTTP},le="0.25"}} {requests}',
        f'http_server_request_duration_seconds_bucket{{{HTTP},le="+Inf"}} {requests}',
        f'onnx_request_stage_duration_seconds_sum{{model="m",stage="queue"}} {requests * 0.002}',
        f'onnx_request_stage_duration_seconds_count{{model="m",stage="queue"}} {requests}',
        f'onnx_batch_size_sum{{model="m"}} {requests * 3}',
        f'onnx_batch_size_count{{model="m"}} {requests}',
        'onnx_queue_depth{model="m"} 4',
        f"process_cpu_seconds_total {requests * 0.01}",
        'onnx_reference_samples{model="m",reference="r"} 400',
    ]
    figure = 'model="m",reference="r",side="output",tensor="y \\"1\\"",statistic="value"'
    for place, (count, upper) in enumerate(zip((*bins, 0), ("1.0", "+Inf", "NaN"), strict=True)):
        name = "nan" if upper == "NaN" else str(place)
        share = 0.5 if place < 2 else 1e-6
        lines.append(f'onnx_observed_bin_total{{{figure},bin="{name}"}} {count}')
        lines.append(f'onnx_reference_bin_ratio{{{figure},bin="{name}",upper="{upper}"}} {share}')
    return "\n".join(lines).encode()


def test_points_are_what_happened_between_two_pages(tmp_path: Path) -> None:
    writer = Writer(tmp_path, 1000.0)
    writer.add(1000.0, page(100, 0, (0, 0)))
    writer.add(1010.0, page(200, 50, (450, 50), failed=5))
    writer.add(1020.0, page(200, 50, (450, 50), failed=5))
    writer.close()
    found = points(tmp_path)
    assert found["traffic/requests_per_second"] == [(10, 10.5), (20, 0)]
    assert found["errors/server_per_second"] == [(10, 0.5), (20, 0)]
    assert found["errors/refused_per_second/timeout"] == [(10, 0.5), (20, 0)]
    # Without requests there is no latency and no batch.
    assert found["latency/p50_ms"] == [(10, pytest.approx(100))]
    assert found["latency/p99_ms"] == [(10, pytest.approx(247))]
    assert found["stage_ms/queue"] == [(10, pytest.approx(2))]
    assert found["batch/mean_rows"] == [(10, 3)]
    assert found["machine/processors_used"] == [(10, pytest.approx(0.1)), (20, 0)]
    assert found["queue/waiting"] == [(10, 4), (20, 4)]


def test_drift_is_told_of_five_hundred_rows_at_a_time(tmp_path: Path) -> None:
    writer = Writer(tmp_path, 0.0)
    for at, bins in ((0.0, (0, 0)), (10.0, (250, 249)), (20.0, (260, 260)), (30.0, (1250, 270)), (40.0, (1260, 271))):
        writer.add(at, page(1, 0, bins))
    writer.close()
    found = points(tmp_path)
    assert [step for step, _ in found['drift_psi/output/y "1"/value']] == [20, 30]
    (_, like), (_, parted) = found['drift_psi/output/y "1"/value']
    assert like < found['drift_limit/output/y "1"/value'][0][1] < parted
    assert found['drift_ks/output/y "1"/value'][1][1] == pytest.approx(0.49, abs=0.01)
    assert found['drift_js/output/y "1"/value'][1][1] == pytest.approx(0.528, abs=0.005)


def test_labels_are_read_as_they_were_meant() -> None:
    text = r'a="x \"y\" \\ z",b="line\nnext"'
    assert labels_of(text) == {"a": 'x "y" \\ z', "b": "line\nnext"}
    assert parsed(b'# HELP m x\nm{a="1} 2"} 3\nn 4.5\n') == {("m", 'a="1} 2"'): 3.0, ("n", ""): 4.5}


@pytest.mark.parametrize(
    ("buckets", "share", "value"),
    [
        ([], 0.5, None),
        ([(1.0, 0.0), (math.inf, 0.0)], 0.5, None),
        ([(1.0, 10.0), (2.0, 20.0), (math.inf, 20.0)], 0.75, 1.5),
        ([(1.0, 10.0), (2.0, 10.0), (math.inf, 20.0)], 0.99, 2.0),
    ],
)
def test_quantiles_are_those_of_prometheus(
    buckets: list[tuple[float, float]], share: float, value: float | None
) -> None:
    assert quantile(buckets, share) == value


# The settings.


def test_nothing_is_written_unless_somebody_asks(tmp_path: Path) -> None:
    assert settings(None, {}) is None
    assert settings(None, {"SLIPWAY_TENSORBOARD": ""}) is None
    asked = {"SLIPWAY_TENSORBOARD": str(tmp_path / "a"), "SLIPWAY_TENSORBOARD_SECONDS": "2.5"}
    assert settings(None, asked) == Settings(tmp_path / "a", 2.5)
    assert settings(tmp_path / "b", asked) == Settings(tmp_path / "b", 2.5)
    assert list((tmp_path / "a").iterdir()) == []


@pytest.mark.parametrize("text", ["soon", "0", "-1", "3601", "nan", "inf"])
def test_a_pause_that_is_none_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(StartError, match="a number of seconds from 1 to 3600"):
        settings(tmp_path, {"SLIPWAY_TENSORBOARD_SECONDS": text})


def test_a_folder_that_cannot_be_written_ends_the_start_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    server = Running(
        serving(models.linear(tmp_path / "linear.onnx")),
        *("--port", "0", "--tensorboard", str(tmp_path / "file" / "runs")),
        wait=False,
    )
    code, errors = server.end()
    assert code == 2
    assert errors == (
        f"TensorBoard's files cannot be written to {tmp_path}/file/runs: Not a directory. "
        "Name another folder (--tensorboard, SLIPWAY_TENSORBOARD), or none.\n"
    )


# The server.


def asks(folder: Path, seconds: str = "1") -> dict[str, str]:
    return {"SLIPWAY_TENSORBOARD": str(folder), "SLIPWAY_TENSORBOARD_SECONDS": seconds}


def test_a_server_writes_while_it_runs_and_once_more_when_it_ends(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    with running(folder_of(tmp_path), environment=asks(runs)) as server:
        for _ in range(30):
            assert server.infer(BODY)[0] == 200
        assert server.infer(b"{")[0] == 400
        wait_until(lambda: runs.exists() and any(runs.iterdir()) and points(only_run(runs)))
        assert server.infer(BODY)[0] == 200
    assert only_run(runs).name.startswith("linear-")
    found = points(only_run(runs))
    for stage in ("queue", "preprocess", "infer", "postprocess"):
        assert all(value >= 0 for _, value in found[f"stage_ms/{stage}"])
    assert found["machine/memory_bytes"][-1][1] > 1e7
    assert max(value for _, value in found["errors/client_per_second"]) > 0
    assert max(value for _, value in found["latency/p99_ms"]) > 0
    # The last request came after the points that were there, and is in the one at the end.
    assert found["traffic/requests_per_second"][-1][1] > 0


def test_a_server_that_gets_no_request_writes_all_the_same(tmp_path: Path) -> None:
    with running(serving(models.linear(tmp_path / "linear.onnx")), environment=asks(tmp_path / "runs", "60")):
        pass
    found = points(only_run(tmp_path / "runs"))
    assert found["traffic/requests_per_second"] == [(found["traffic/requests_per_second"][0][0], 0)]
    assert "latency/p50_ms" not in found


def test_a_full_disk_costs_no_request_and_is_told_once(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    server = Running(serving(models.linear(tmp_path / "linear.onnx")), environment=asks(runs))
    try:
        # From now on no file may grow: every write fails as on a full disk.
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (0, 0))
        for _ in range(25):
            assert server.infer(BODY)[0] == 200
            time.sleep(0.1)
    finally:
        code, errors = server.stop()
    assert code == 0
    assert errors.count("TensorBoard's files cannot be written") == 1
    assert "File too large" in errors
    assert "Traceback" not in errors


def test_a_stop_in_the_middle_leaves_whole_records(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    server = Running(serving(models.linear(tmp_path / "linear.onnx")), environment=asks(runs))
    server.infer(BODY)
    wait_until(lambda: runs.exists() and any(runs.iterdir()) and any(only_run(runs).iterdir()))
    server.process.kill()
    server.end()
    (path,) = only_run(runs).iterdir()
    data, place = path.read_bytes(), 0
    while place < len(data):
        (length,) = struct.unpack_from("<Q", data, place)
        place += 8 + 4 + length + 4
    assert place == len(data)
