"""Writes stage timings, traffic, latency and drift as TensorBoard's files while the endpoint runs.

The event loop takes the page of /metrics, as a scrape would; everything else happens on a thread of its own. A full
disk costs points of a chart and no request.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from server.errors import StartError, quote
from server.event_file import EventFile, scalars
from server.log import log
from watch.distances import chance, jensen_shannon, kolmogorov_smirnov, psi, smoothed

FOLDER_VARIABLE = "SLIPWAY_TENSORBOARD"
SECONDS_VARIABLE = "SLIPWAY_TENSORBOARD_SECONDS"
DEFAULT_SECONDS = 15.0
MOST_SECONDS = 3600.0
DRIFT_ROWS = 500
"""Rows of a piece of time for which drift is told: of fewer, chance alone makes much."""
DRIFT_PSI = 0.2
"""From which on it is drift, unless chance explains more: the monitoring's default."""
CLOSE_SECONDS = 2.0

_SAMPLE = re.compile(r"^([a-z_]+)(?:\{(.*)\})? (\S+)$")
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
_ESCAPE = re.compile(r"\\(.)")

Key = tuple[str, str]
"""A metric's name, and its labels as they are written."""
Page = Mapping[Key, float]


@dataclass(frozen=True, slots=True)
class Settings:
    """Where the files go, and seconds between two points."""

    folder: Path
    seconds: float


def settings(given: Path | None, environment: Mapping[str, str]) -> Settings | None:
    """`given`, else SLIPWAY_TENSORBOARD; None where neither is set. Raises StartError."""
    folder = given or (Path(environment[FOLDER_VARIABLE]) if environment.get(FOLDER_VARIABLE) else None)
    text = environment.get(SECONDS_VARIABLE) or str(DEFAULT_SECONDS)
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 1 <= seconds <= MOST_SECONDS:
        raise StartError(
            f"{SECONDS_VARIABLE} is {quote(text)}; it is a number of seconds from 1 to {MOST_SECONDS:g}. "
            "Set it to one, or unset it."
        )
    if folder is None:
        return None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".slipway-{socket.gethostname()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise StartError(
            f"TensorBoard's files cannot be written to {folder}: {error.strerror}. "
            f"Name another folder (--tensorboard, {FOLDER_VARIABLE}), or none."
        ) from error
    return Settings(folder, seconds)


class EventLog:
    """The writer of one process: `start` and `close` are for the event loop."""

    def __init__(self, given: Settings, model: str, page: Callable[[], bytes]) -> None:
        """`page` gives the text of /metrics; it is called on the event loop."""
        self._page, self._seconds = page, given.seconds
        started = time.time()
        stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime(started))
        name = re.sub(r"[^A-Za-z0-9._-]", "_", model).lstrip(".") or "_"
        # Each start and each replica is a run of its own.
        self._folder = given.folder / f"{name}-{stamp}-{socket.gethostname()}"
        self._taken: queue.Queue[tuple[float, bytes] | None] = queue.Queue(maxsize=2)
        self._writer = Writer(self._folder, started)
        self._thread = threading.Thread(target=self._run, name="tensorboard", daemon=True)
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        self._thread.start()
        self._tick()

    def _tick(self) -> None:
        self._take()
        self._timer = asyncio.get_running_loop().call_later(self._seconds, self._tick)

    def _take(self) -> None:
        # A thread that is behind misses a point; the next one covers its time.
        with contextlib.suppress(queue.Full):
            if not self._taken.full():
                self._taken.put_nowait((time.time(), self._page()))

    def close(self) -> None:
        """Takes a last point and waits, not for long, until it is written."""
        if self._timer is not None:
            self._timer.cancel()
        if not self._thread.is_alive():
            return
        self._take()
        with contextlib.suppress(queue.Full):
            self._taken.put(None, timeout=CLOSE_SECONDS)
        self._thread.join(CLOSE_SECONDS)

    def _run(self) -> None:
        told = False
        while (taken := self._taken.get()) is not None:
            try:
                self._writer.add(*taken)
                told = False
            except Exception as error:
                # Never more than one line for one trouble: a disk stays full for hours.
                if not told:
                    why = error.strerror if isinstance(error, OSError) else type(error).__name__
                    log("error", "TensorBoard's files cannot be written", folder=str(self._folder), error=why)
                told = True
        self._writer.close()


class Writer:
    """Makes points of pages, and writes them."""

    def __init__(self, folder: Path, started: float) -> None:
        self._folder, self._started = folder, started
        self._file: EventFile | None = None
        self._before: tuple[float, Page] | None = None
        self._counted: dict[str, Page] = {}

    def add(self, at: float, text: bytes) -> None:
        """Writes what happened since the page before. Raises OSError."""
        page = parsed(text)
        before, self._before = self._before, (at, page)
        if before is None:
            self._counted = {"": page}
            return
        found = [*_along(before[1], page, max(1e-3, at - before[0])), *self._drift(page)]
        if found:
            if self._file is None:
                self._file = EventFile(self._folder, self._started)
            self._file.write(scalars(at, max(0, round(at - self._started)), found))

    def _drift(self, page: Page) -> Iterator[tuple[str, float]]:
        """Of each figure with rows enough since it was told last."""
        figures = watched(page)
        samples = next((value for (name, _), value in page.items() if name == "onnx_reference_samples"), 0.0)
        for figure, bins in figures.items():
            old = self._counted.get(figure, self._counted[""])
            counts = [page[key] - old.get(key, 0.0) for key, _, _ in bins]
            rows = sum(counts)
            if rows < DRIFT_ROWS:
                continue
            self._counted[figure] = page
            seen, expected = smoothed(counts), [share for _, share, _ in bins]
            of_side = sum(other.partition("/")[0] == figure.partition("/")[0] for other in figures)
            yield f"drift_psi/{figure}", psi(seen, expected)
            yield f"drift_limit/{figure}", max(DRIFT_PSI, chance(rows, samples, len(bins), of_side))
            yield f"drift_js/{figure}", jensen_shannon(seen, expected)
            if bins[0][2]:
                yield f"drift_ks/{figure}", kolmogorov_smirnov(counts, expected)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


def parsed(text: bytes) -> dict[Key, float]:
    """Every series of a page in Prometheus' text format."""
    found = {}
    for line in text.decode().splitlines():
        match = _SAMPLE.match(line)
        if match is not None:
            found[(match[1], match[2] or "")] = float(match[3])
    return found


def labels_of(text: str) -> dict[str, str]:
    return {
        key: _ESCAPE.sub(lambda found: "\n" if found[1] == "n" else found[1], value)
        for key, value in _LABEL.findall(text)
    }


def watched(page: Page) -> dict[str, list[tuple[Key, float, bool]]]:
    """Bins of each figure: the series that counts, the share of the samples, and whether bins have an order."""
    found: dict[str, list[tuple[Key, float, bool]]] = {}
    for (name, text), share in page.items():
        if name != "onnx_reference_bin_ratio":
            continue
        labels = labels_of(text)
        counted: Key = ("onnx_observed_bin_total", text.rpartition(',upper="')[0])
        if counted in page:
            figure = f"{labels['side']}/{labels['tensor']}/{labels['statistic']}"
            found.setdefault(figure, []).append((counted, share, labels["statistic"] != "class"))
    return found


def _along(before: Page, page: Page, seconds: float) -> Iterator[tuple[str, float]]:
    gained = {key: value - before.get(key, 0.0) for key, value in page.items() if key[0] in COUNTED}
    requests = {labels_of(text)["code"]: more for (name, text), more in gained.items() if name == "onnx_requests_total"}
    yield "traffic/requests_per_second", sum(requests.values()) / seconds
    for kind, first in (("server", "5"), ("client", "4")):
        yield f"errors/{kind}_per_second", sum(n for code, n in requests.items() if code.startswith(first)) / seconds
    for (name, text), more in gained.items():
        if name == "onnx_requests_rejected_total":
            yield f"errors/refused_per_second/{labels_of(text)['reason']}", more / seconds
        elif name == "process_cpu_seconds_total":
            yield "machine/processors_used", more / seconds
        elif name == "onnx_request_stage_duration_seconds_count" and more > 0:
            spent = gained[("onnx_request_stage_duration_seconds_sum", text)]
            yield f"stage_ms/{labels_of(text)['stage']}", spent / more * 1000
        elif name == "onnx_batch_size_count" and more > 0:
            yield "batch/mean_rows", gained[("onnx_batch_size_sum", text)] / more
    yield from _latencies(gained)
    for (name, _), value in page.items():
        if name in GAUGES:
            yield GAUGES[name], value


COUNTED = frozenset(
    {
        "onnx_requests_total",
        "onnx_requests_rejected_total",
        "process_cpu_seconds_total",
        *(f"onnx_request_stage_duration_seconds_{end}" for end in ("sum", "count")),
        *(f"onnx_batch_size_{end}" for end in ("sum", "count")),
        "http_server_request_duration_seconds_bucket",
    }
)
GAUGES = {
    "onnx_queue_depth": "queue/waiting",
    "onnx_requests_in_flight": "queue/in_flight",
    "process_resident_memory_bytes": "machine/memory_bytes",
}


def _latencies(gained: Mapping[Key, float]) -> Iterator[tuple[str, float]]:
    """Of successful answers, milliseconds."""
    buckets: dict[float, float] = {}
    for (name, text), more in gained.items():
        if name == "http_server_request_duration_seconds_bucket":
            labels = labels_of(text)
            if labels["http_response_status_code"].startswith("2"):
                bound = float(labels["le"])
                buckets[bound] = buckets.get(bound, 0.0) + more
    for share in (0.5, 0.95, 0.99):
        value = quantile(sorted(buckets.items()), share)
        if value is not None:
            yield f"latency/p{share * 100:.0f}_ms", value * 1000


def quantile(buckets: list[tuple[float, float]], share: float) -> float | None:
    """As Prometheus has it: a straight line within a bucket, and the last bound for what is above it."""
    if not buckets or buckets[-1][1] <= 0:
        return None
    rank, below, low = share * buckets[-1][1], 0.0, 0.0
    for bound, count in buckets:
        if count >= rank:
            if bound == float("inf"):
                return low
            return low + (bound - low) * (rank - below) / (count - below) if count > below else bound
        below, low = count, bound
    return low
