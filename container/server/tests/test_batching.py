"""Runs shared by several requests: the same answers as alone, for each its own, and one bad request spoils no other."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import helper

from server import session
from server.batching import Batcher, Job
from server.session import Arrays
from server.tests import models
from server.tests.process import Running, running, serving, tensor


class Gate:
    """A model whose runs wait for `open`, and that notes the rows of each run. 13 anywhere in its input fails it."""

    def __init__(self) -> None:
        self.opened = threading.Event()
        self.runs: list[list[float]] = []

    def run(self, arrays: Sequence[np.ndarray], options: Any = None) -> Arrays:
        self.opened.wait(10)
        rows = arrays[0][:, 0].tolist()
        self.runs.append(rows)
        if options is not None and options.terminate:
            raise RuntimeError("terminated")
        if 13 in rows:
            raise ValueError("13")
        return [arrays[0] * 2]


def drive(
    values: list[list[float]], *, limit: int, workers: int = 1, inline: bool = False, key: Any = "k", cancel: Any = ()
) -> tuple[list[Any], list[list[float]], list[int]]:
    """Submits a job per entry of `values` while the model is held, then lets it go. Gives results, runs, row counts."""
    gate, results, observed = Gate(), [None] * len(values), []
    if inline:
        gate.opened.set()

    async def main() -> None:
        loop = asyncio.get_running_loop()
        finished = asyncio.Event()
        left = len(values) - len(cancel)

        def done(job: Job) -> None:
            nonlocal left
            assert results[job.owner] is None
            results[job.owner] = job.error or job.outputs[0][:, 0].tolist()  # type: ignore[index]
            left -= 1
            if left == 0:
                finished.set()

        batcher = Batcher(
            gate,  # type: ignore[arg-type]
            loop,
            workers=workers,
            limit=limit,
            inline_key=key if inline else None,
            observe=lambda run: observed.append(run.rows),
        )
        jobs = [Job([np.array([[v] for v in rows])], len(rows), key, done, place) for place, rows in enumerate(values)]
        for job in jobs:
            batcher.submit(job)
            if not inline:
                await asyncio.sleep(0.02)
        for place in cancel:
            batcher.cancel(jobs[place])
        gate.opened.set()
        await asyncio.wait_for(finished.wait(), 10)
        assert batcher.depth() == 0

    asyncio.run(main())
    return results, gate.runs, observed


def test_what_waits_while_a_run_is_in_flight_forms_the_next_batch() -> None:
    results, runs, observed = drive([[1], [2], [3], [4]], limit=8)
    assert runs == [[1], [2, 3, 4]]
    assert results == [[2], [4], [6], [8]]
    assert observed == [1, 3]


def test_a_batch_never_exceeds_the_limit_but_one_request_alone_may() -> None:
    results, runs, _ = drive([[1], [2, 2], [3, 3], [4], [5] * 9], limit=4)
    assert runs == [[1], [2, 2, 3, 3], [4], [5] * 9]
    assert results == [[2], [4, 4], [6, 6], [8], [10] * 9]


def test_limit_1_means_one_request_per_run() -> None:
    assert drive([[1], [2], [3]], limit=1)[1] == [[1], [2], [3]]


def test_requests_without_a_key_share_no_run() -> None:
    assert drive([[1], [2], [3]], limit=8, key=None)[1] == [[1], [2], [3]]


@pytest.mark.parametrize(
    ("keys", "limit", "cut"),
    [("aaaa", 8, 0), ("aaaa", 2, 0), ("abab", 8, 2), ("aabb", 8, 1), ("aaab", 8, 1), ("abab", 1, 0)],
)
def test_a_batch_that_another_shape_cuts_short_is_counted(keys: str, limit: int, cut: int) -> None:
    """The first job runs alone before the others come."""
    gate, finished = Gate(), threading.Event()

    async def main() -> int:
        batcher = Batcher(
            gate,  # type: ignore[arg-type]
            asyncio.get_running_loop(),
            workers=1,
            limit=limit,
            inline_key=None,
            observe=lambda _: None,
        )
        left = len(keys)

        def done(_: Job) -> None:
            nonlocal left
            left -= 1
            if left == 0:
                finished.set()

        for key in keys:
            batcher.submit(Job([np.array([[1.0]])], 1, key, done))
            await asyncio.sleep(0.02)
        gate.opened.set()
        while not finished.is_set():
            await asyncio.sleep(0.01)
        return batcher.cut

    assert asyncio.run(main()) == cut


def test_one_round_of_the_event_loop_is_one_batch_where_the_loop_runs_the_model() -> None:
    results, runs, _ = drive([[1], [2], [3, 3], [4]], limit=3, inline=True)
    assert runs == [[1, 2], [3, 3, 4]]
    assert results == [[2], [4], [6, 6], [8]]


@pytest.mark.parametrize("inline", [True, False])
def test_a_request_that_fails_fails_alone(inline: bool) -> None:
    results, _, observed = drive([[1], [2], [13], [4]], limit=8, inline=inline)
    assert [type(result) for result in results] == [list, list, ValueError, list]
    assert results[1] == [4]
    assert Counter(observed) == {1: 3}


def test_cancelled_work_is_not_run_and_not_answered() -> None:
    results, runs, _ = drive([[1], [2], [3]], limit=1, cancel=[1])
    assert runs == [[1], [3]]
    assert results == [[2], None, [6]]


def test_a_run_is_stopped_when_nobody_waits_for_it_any_more() -> None:
    results, runs, observed = drive([[1], [2]], limit=1, cancel=[0])
    assert runs == [[1], [2]]
    assert results == [None, [4]]
    assert observed == [1]  # The stopped run does not count.


def test_answers_under_load_are_those_of_the_model_alone(linear_server: Running, tmp_path: Path) -> None:
    """Twelve clients with requests of one to three rows; each compares with a run of its own in this process."""
    alone = session.load(models.linear(tmp_path / "linear.onnx"), "linear", "1", 1)
    wrong: list[str] = []

    def client(seed: int) -> None:
        random = np.random.default_rng(seed)
        for _ in range(25):
            rows = random.standard_normal((int(random.integers(1, 4)), 4)).astype(np.float32)
            status, answer = linear_server.infer({"inputs": [tensor("x", list(rows.shape), rows.tolist())]})
            got = np.array(answer["outputs"][0]["data"], np.float32).reshape(-1, 3) if status == 200 else answer
            if status != 200 or not np.allclose(got, alone.run([rows])[0], rtol=1e-6, atol=1e-6):
                wrong.append(f"{status} {got}")

    threads = [threading.Thread(target=client, args=(seed,)) for seed in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_workers_share_runs_under_load_and_answers_stay_with_their_requests(tmp_path: Path) -> None:
    model = models.slow(tmp_path / "slow.onnx", 2)
    with running(serving(model, maxBatch=16, workers=1)) as server:
        wrong: list[Any] = []

        def client(number: int) -> None:
            for turn in range(8):
                value = float(number * 100 + turn)
                answer = server.infer({"inputs": [tensor("x", [1, 1], [value])]})[1]
                if answer["outputs"][0]["data"] != [value]:
                    wrong.append(answer)

        threads = [threading.Thread(target=client, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert wrong == []
        assert server.metric('onnx_batch_size_sum{model="slow"}') == 64
        runs = server.metric('onnx_batch_size_count{model="slow"}')
        assert runs is not None
        assert runs < 60


def test_the_memory_of_a_request_with_very_many_rows_is_given_back(tmp_path: Path) -> None:
    """30,000 rows of 1,024 floats inside the model: 120 MB that no later request needs."""
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["h"]),
        helper.make_node("ReduceMean", ["h"], ["y"], axes=[1]),
    ]
    weights = {"w": np.ones((4, 1024), np.float32)}
    model = models.save(tmp_path / "wide.onnx", nodes, [("x", "FP32", ["N", 4])], [("y", "FP32", ["N", 1])], weights)
    with running(serving(model, maxBatch=4)) as server:
        before = server.metric("process_resident_memory_bytes")
        raw = np.ones((30_000, 4), np.float32).tobytes()
        for _ in range(2):
            status, headers, body = server.request(
                "POST", server.infer_path, raw, {"Inference-Header-Content-Length": "0"}
            )
            assert status == 200
            size = int(headers["inference-header-content-length"])
            assert np.frombuffer(body[size:], np.float32).tolist() == [4.0] * 30_000
        after = server.metric("process_resident_memory_bytes")
    assert before is not None
    assert after is not None
    assert after - before < 40_000_000
