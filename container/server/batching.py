"""Brings requests and runs together, without timers: what waits while a run is in flight forms the next batch.

Two paths share one rule. A model so fast that a hand-over costs more than a run is run by the event loop itself, once
per round of the loop: the requests that were read in one round share a run. Any other model is run by worker threads on
the one session (ONNX Runtime releases the interpreter's lock): a free worker takes what is queued.
"""

from __future__ import annotations

import threading
import time
from asyncio import AbstractEventLoop
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple

import numpy as np
import onnxruntime as ort

from server.session import Arrays, Model

# A request of more rows, and of more than the limit, gives the memory of its run back; fewer keep it for the next run.
MANY_ROWS = 32


class Run(NamedTuple):
    """One run: its rows, its seconds, and all that went in and came out."""

    rows: int
    seconds: float
    arrays: Arrays
    outputs: Arrays


Observe = Callable[[Run], None]


class Job:
    """One request's inputs on their way through a run.

    `rows` count against the batch limit; jobs of the same `key` may share a run. `done(job)` is called once, on the
    event loop, with `outputs` or `error` set, unless the job was cancelled; `owner` is for its use. Times are seconds
    of `time.monotonic`.
    """

    __slots__ = (
        "arrays",
        "batch",
        "cancelled",
        "done",
        "error",
        "key",
        "outputs",
        "owner",
        "queued",
        "rows",
        "run_seconds",
        "started",
    )

    def __init__(self, arrays: Arrays, rows: int, key: Any, done: Callable[[Job], None], owner: Any = None) -> None:
        self.arrays = arrays
        self.rows = rows
        self.key = key
        self.done = done
        self.owner = owner
        self.queued = time.monotonic()
        self.started = 0.0
        self.run_seconds = 0.0
        self.outputs: Sequence[np.ndarray] | None = None
        self.error: Exception | None = None
        self.cancelled = False
        self.batch: Batch | None = None


class Batch:
    """Jobs that share a run, and the handle that stops it."""

    __slots__ = ("jobs", "options", "wanted")

    def __init__(self, jobs: list[Job]) -> None:
        self.jobs = jobs
        self.options = ort.RunOptions()
        self.wanted = len(jobs)


class Batcher:
    """Runs jobs on `model`, at most `limit` rows in one run and `workers` runs at a time.

    `inline_key` is the key of the jobs that the event loop may run itself, or None where it may not. `observe(run)`
    is called on the event loop after each run, before its jobs are done.
    """

    def __init__(
        self, model: Model, loop: AbstractEventLoop, *, workers: int, limit: int, inline_key: Any, observe: Observe
    ) -> None:
        self._model = model
        self._loop = loop
        self._limit = limit
        self._inline_key = inline_key
        self._observe = observe
        self._ready: list[Job] = []
        self._queue: deque[Job] = deque()
        self._tokens: SimpleQueue[None] = SimpleQueue()
        self._lock = threading.Lock()
        # Runs that left requests waiting although there was room, because the shapes of their inputs differ.
        self.cut = 0
        for number in range(workers):
            threading.Thread(target=self._work, name=f"worker-{number}", daemon=True).start()

    def depth(self) -> int:
        """Jobs that wait for a run."""
        return len(self._queue) + len(self._ready)

    def submit(self, job: Job) -> None:
        """Takes a job. Call on the event loop."""
        if job.key == self._inline_key and job.key is not None and job.rows <= self._limit:
            self._ready.append(job)
            if len(self._ready) == 1:
                self._loop.call_soon(self._flush)
        else:
            self._queue.append(job)
            self._tokens.put(None)

    def cancel(self, job: Job) -> None:
        """Nobody waits for this job any more: it is not run, or its run is stopped when no other job shares it."""
        with self._lock:
            if job.cancelled:
                return
            job.cancelled = True
            if job.batch is not None:
                job.batch.wanted -= 1
                if job.batch.wanted == 0:
                    job.batch.options.terminate = True

    def _flush(self) -> None:
        """One round of the event loop: runs what was read in it."""
        ready = [job for job in self._ready if not job.cancelled]
        self._ready = []
        while ready:
            count, rows = 0, 0
            while count < len(ready) and rows + ready[count].rows <= self._limit:
                rows += ready[count].rows
                count += 1
            jobs, ready = ready[:count], ready[count:]
            self._finish(jobs, self._run(jobs, None))

    def _work(self) -> None:
        while True:
            self._tokens.get()
            batch = self._take()
            if batch is None:
                continue
            runs = self._run(batch.jobs, batch.options)
            try:
                self._loop.call_soon_threadsafe(self._finish, batch.jobs, runs)
            except RuntimeError:
                return  # The loop has ended, and the process is about to.

    def _take(self) -> Batch | None:
        """The oldest job and what may share its run."""
        queue, jobs, rows = self._queue, [], 0
        with self._lock:
            while queue and (not jobs or (queue[0].key == jobs[0].key and rows + queue[0].rows <= self._limit)):
                job = queue.popleft()
                if job.cancelled:
                    continue
                if jobs:
                    self._drop_token()
                jobs.append(job)
                rows += job.rows
                if job.key is None:
                    break
            if not jobs:
                return None
            self.cut += bool(queue) and rows + queue[0].rows <= self._limit
            batch = Batch(jobs)
            if rows > max(self._limit, MANY_ROWS):
                batch.options.add_run_config_entry("memory.enable_memory_arena_shrinkage", self._model.arenas)
            for job in jobs:
                job.batch = batch
            return batch

    def _drop_token(self) -> None:
        with suppress(Empty):
            self._tokens.get_nowait()

    def _run(self, jobs: list[Job], options: ort.RunOptions | None) -> list[Run]:
        """Runs jobs together; one by one where that fails, so that a bad one spoils no other."""
        started = time.monotonic()
        for job in jobs:
            job.started = started
        try:
            if len(jobs) == 1:
                rows, arrays = jobs[0].rows, jobs[0].arrays
                outputs = jobs[0].outputs = self._model.run(arrays, options)
            else:
                rows, arrays, outputs = self._together(jobs, options)
        except Exception as error:
            if len(jobs) > 1:
                return [run for job in jobs if not job.cancelled for run in self._run([job], options)]
            jobs[0].error = error.with_traceback(None)
            return []
        seconds = time.monotonic() - started
        for job in jobs:
            job.run_seconds = seconds
        return [Run(rows, seconds, arrays, outputs)]

    def _together(self, jobs: list[Job], options: ort.RunOptions | None) -> tuple[int, Arrays, Arrays]:
        arrays = [np.concatenate(parts) for parts in zip(*[job.arrays for job in jobs], strict=True)]
        rows = arrays[0].shape[0]
        outputs = self._model.run(arrays, options)
        for output in outputs:
            if output.shape[0] != rows:
                raise ValueError(f"{rows} rows in, {output.shape[0]} out")
        first = 0
        for job in jobs:
            last = first + job.rows
            job.outputs = [output[first:last] for output in outputs]
            first = last
        return rows, arrays, outputs

    def _finish(self, jobs: list[Job], runs: list[Run]) -> None:
        for run in runs:
            self._observe(run)
        for job in jobs:
            job.batch = None  # No reference cycles on this path: they would keep tensors until a collection.
            if not job.cancelled:
                job.done(job)
