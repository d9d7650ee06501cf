"""What the server counts, and the Prometheus text it shows on /metrics. Names and buckets: data/metrics/server.json."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable

import numpy as np

CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"
# fmt: off
REQUEST_BUCKETS = (
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
)
STAGE_BUCKETS = (
    0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5,
    1, 2.5, 5, 10,
)
# fmt: on
BATCH_BUCKETS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
FOLD = 512
STAGES = ("queue", "preprocess", "infer", "postprocess")
REASONS = ("queue_full", "timeout", "too_large", "shutdown")

Labels = tuple[tuple[str, str], ...]


class Histogram:
    """Counts per bucket (not cumulative; the last one is +Inf) and the sum of what was observed."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    def observe_all(self, values: np.ndarray) -> None:
        places = np.searchsorted(self.bounds, values)
        for place, count in enumerate(np.bincount(places, minlength=len(self.counts)).tolist()):
            self.counts[place] += count
        self.total += float(values.sum())


INFER_ROUTE = "/v2/models/{model}/infer"
EXPECTED = (200, 500, 503)
"""Answers that alerts are about."""


class Metrics:
    """Every series of the one model this process serves. Written by the event loop only, so without locks.

    What others know (queue depth, memory, the model's facts) is read at scrape time: see `gauge`.
    """

    def __init__(self, model: str) -> None:
        self.model = model
        self._gauges: list[tuple[str, str, Labels, Callable[[], float | None]]] = []
        self._families: list[tuple[str, str, Callable[[], Iterable[tuple[str, float]]]]] = []
        # Present from the start: a counter that appears with its first event hides that event from increase().
        self.http: dict[tuple[str, str, int], Histogram] = {
            ("POST", INFER_ROUTE, status): Histogram(REQUEST_BUCKETS) for status in EXPECTED
        }
        self.requests: dict[int, int] = dict.fromkeys(EXPECTED, 0)
        self.rejected: dict[str, int] = dict.fromkeys(REASONS, 0)
        self.stages = {stage: Histogram(STAGE_BUCKETS) for stage in STAGES}
        self.batch = Histogram(BATCH_BUCKETS)
        self.run_seconds = 0.0
        self._served: dict[str, list[tuple[float, float, float, float, float]]] = {}

    def served(self, route: str, times: tuple[float, float, float, float, float]) -> None:
        """Counts one inference request answered with 200: seconds of the four stages, in order, and of the whole.

        They are put into buckets many at a time: one by one that would be a tenth of a small request's cost.
        """
        kept = self._served.setdefault(route, [])
        kept.append(times)
        if len(kept) >= FOLD:
            self._fold()

    def _fold(self) -> None:
        for route, kept in self._served.items():
            columns = np.array(kept).T
            for stage, seconds in zip(STAGES, columns, strict=False):
                self.stages[stage].observe_all(seconds)
            self._http(("POST", route, 200)).observe_all(columns[4])
            self.requests[200] = self.requests.get(200, 0) + len(kept)
        self._served.clear()

    def gauge(self, name: str, labels: Labels, read: Callable[[], float | None], kind: str = "gauge") -> None:
        """Adds a series that `read` gives at every scrape; it is absent while that gives None."""
        self._gauges.append((name, kind, labels, read))

    def family(self, name: str, kind: str, read: Callable[[], Iterable[tuple[str, float]]]) -> None:
        """Adds a metric; at every scrape `read` gives each series: labels as `labelled` has them, and the value."""
        self._families.append((name, kind, read))

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Counts one answer on an inference route, of the model or (404) of no model at all."""
        self._http((method, route, status)).observe(seconds)

    def _http(self, key: tuple[str, str, int]) -> Histogram:
        return self.http.setdefault(key, Histogram(REQUEST_BUCKETS))

    def counted(self, status: int) -> None:
        """Counts one inference request to this model."""
        self.requests[status] = self.requests.get(status, 0) + 1

    def text(self) -> bytes:
        """The whole page, in Prometheus' text format 0.0.4."""
        self._fold()
        model: Labels = (("model", self.model),)
        lines: list[str] = []
        _head(lines, "http_server_request_duration_seconds", "histogram")
        for (method, route, status), histogram in sorted(self.http.items()):
            labels = (
                ("http_request_method", method),
                ("http_route", route),
                ("http_response_status_code", str(status)),
            )
            _histogram(lines, "http_server_request_duration_seconds", labels, histogram)
        _head(lines, "onnx_requests_total", "counter")
        for status, count in sorted(self.requests.items()):
            _sample(lines, "onnx_requests_total", (*model, ("code", str(status))), count)
        _head(lines, "onnx_requests_rejected_total", "counter")
        for reason, count in self.rejected.items():
            _sample(lines, "onnx_requests_rejected_total", (*model, ("reason", reason)), count)
        _head(lines, "onnx_request_stage_duration_seconds", "histogram")
        for stage, histogram in self.stages.items():
            _histogram(lines, "onnx_request_stage_duration_seconds", (*model, ("stage", stage)), histogram)
        _head(lines, "onnx_batch_size", "histogram")
        _histogram(lines, "onnx_batch_size", model, self.batch)
        for name, kind, labels, read in self._gauges:
            value = read()
            if value is not None:
                _head(lines, name, kind)
                _sample(lines, name, labels, value)
        for name, kind, read_all in self._families:
            _head(lines, name, kind)
            lines.extend(f"{name}{labels} {_number(value)}" for labels, value in read_all())
        lines.append("")
        return "\n".join(lines).encode()


HELP = {
    "http_server_request_duration_seconds": (
        "Time from the first byte of a request to the last byte of its answer, inference routes only."
    ),
    "onnx_requests_total": "Inference requests answered, by HTTP status code.",
    "onnx_requests_rejected_total": "Inference requests refused without a run.",
    "onnx_request_stage_duration_seconds": "Time one request spends in each stage.",
    "onnx_batch_size": "Rows in one run.",
    "onnx_batch_size_limit": "Most rows one run takes, as learned at warm-up.",
    "onnx_queue_depth": "Requests waiting for a worker.",
    "onnx_queue_limit": "Requests waiting or running, most.",
    "onnx_requests_in_flight": "Requests accepted and not yet answered.",
    "onnx_batch_gain_ratio": (
        "Time per row at the batch limit (of 2 rows, where that is 1) divided by that in batches half as large, as "
        "learned at warm-up; under 0.9 larger ones are likely to help. Absent where no batch may be made or was tried."
    ),
    "onnx_batches_cut_total": (
        "Runs that left requests waiting although there was room, because the shapes of their inputs differ."
    ),
    "onnx_workers": "Runs that can go on at a time.",
    "onnx_run_seconds_total": "Time spent in runs, all workers together.",
    "onnx_event_loop_seconds_total": (
        "Time of the thread that reads requests and writes answers: running, and waiting for a processor (Linux only)."
    ),
    "onnx_processor_wait_seconds_total": (
        "Time that threads of the server and its decoder processes were ready to run and had no processor. Linux only."
    ),
    "onnx_model_info": "Always 1; the labels say which model is served.",
    "onnx_model_ready": "1 once warm-up and canaries have passed and until drain begins.",
    "onnx_model_speedup_ratio": (
        "fp32 latency divided by the served model's. measured=build: from the report. measured=start: on this machine "
        "at start, where the build could not judge it. Absent where neither was measured."
    ),
    "onnx_model_agreement_ratio": "Share of samples with fp32's answer, from the report; absent without one.",
    "onnx_canary_sqnr_decibels": (
        "Signal to noise of the start-up canaries against fp32, worst output; absent without canaries."
    ),
    "onnx_saturation_sqnr_decibels": (
        "Signal to noise of the 8-bit kernels of this CPU against those that cannot saturate, worst output of the "
        "canaries; under 40 they saturate. x86 and int8 only."
    ),
    "onnx_observed_bin_total": (
        "Rows whose figure fell into this bin of the report's. side, tensor and statistic say which figure."
    ),
    "onnx_reference_bin_ratio": (
        "Share of the samples in this bin, half a sample more in each so that none is 0. upper: where a range ends."
    ),
    "onnx_reference_samples": "Samples that the reference was counted on.",
    "onnx_processors": "Processors this process may use (affinity and cgroup quota).",
    "onnx_memory_limit_bytes": "Memory this process may use (cgroup limit or the machine's).",
    "process_cpu_seconds_total": "User and system time of the server and its decoder processes.",
    "process_resident_memory_bytes": "Resident memory of the server and its decoder processes.",
    "onnx_uptime_seconds_total": "Time since the process started: a clock that is read together with everything else.",
    "process_start_time_seconds": "Start of the process, seconds since the epoch.",
}


def _head(lines: list[str], name: str, kind: str) -> None:
    lines.append(f"# HELP {name} {HELP[name]}")
    lines.append(f"# TYPE {name} {kind}")


def _sample(lines: list[str], name: str, labels: Iterable[tuple[str, str]], value: float) -> None:
    lines.append(f"{name}{labelled(labels)} {_number(value)}")


def labelled(labels: Iterable[tuple[str, str]]) -> str:
    """Labels as they stand behind a metric's name; nothing without any."""
    inner = ",".join(f'{key}="{_escape(text)}"' for key, text in labels)
    return f"{{{inner}}}" if inner else ""


def _histogram(lines: list[str], name: str, labels: Labels, histogram: Histogram) -> None:
    cumulative = 0
    for bound, count in zip((*histogram.bounds, float("inf")), histogram.counts, strict=True):
        cumulative += count
        _sample(lines, f"{name}_bucket", (*labels, ("le", _number(bound))), cumulative)
    _sample(lines, f"{name}_sum", labels, histogram.total)
    _sample(lines, f"{name}_count", labels, cumulative)


def _number(value: float) -> str:
    if value == float("inf"):
        return "+Inf"
    return str(value) if isinstance(value, int) else repr(float(value))


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
