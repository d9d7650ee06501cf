"""Runs of every kind for the tests: what was asked, and series as Prometheus answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

START, END = 1_000_000.0, 1_003_600.0
HOSTILE = "<script>alert(1)</script> | **b** @here"
FIGURE = {"reference": "r1", "side": "input", "tensor": "x", "statistic": "mean"}
VERDICT = {"kind": "limit", "meaning": "Requests wait.", "action": "Add a replica."}


def request(**changes: Any) -> dict[str, Any]:
    """As lib/report/run-source.ts writes it; the queries are made of the series' names."""
    return {
        "endpoint": "http://127.0.0.1:8080",
        "prometheus": "http://127.0.0.1:9090",
        "model": "digits",
        "start": START,
        "end": END,
        "objective": {"availability": 0.999, "p99Ms": 50.0, "boundMs": 50.0},
        "drift": {"psi": 0.2, "minCount": 500, "stepSeconds": 600},
        "usdPerHour": None,
        "verdicts": {"queue": VERDICT, "healthy": {**VERDICT, "kind": "none"}},
        "queries": {},
        **changes,
    }


def once(value: float | None, **labels: str) -> dict[str, Any]:
    return {"labels": labels, "points": [[END, value]]}


def along(values: Sequence[float | None], **labels: str) -> dict[str, Any]:
    step = (END - START) / (len(values) - 1)
    return {"labels": labels, "points": [[START + place * step, value] for place, value in enumerate(values)]}


def bins(counts: Sequence[float], at: float = END, **labels: str) -> list[dict[str, Any]]:
    names = [*(str(place) for place in range(len(counts) - 1)), "nan"]
    return [
        {"labels": {**FIGURE, **labels, "bin": name}, "points": [[at, float(count)]]}
        for name, count in zip(names, counts, strict=True)
    ]


def reference(shares: Sequence[float], **labels: str) -> list[dict[str, Any]]:
    uppers = [*(str(place * 1.5) for place in range(len(shares) - 2)), "+Inf", "NaN"]
    found = bins(shares, END, **labels)
    for entry, upper in zip(found, uppers, strict=True):
        entry["labels"]["upper"] = upper
    return found


def pieces(*counts: Sequence[float]) -> list[dict[str, Any]]:
    """Bins of several pieces of time of 600 s, one after the other."""
    rows = [bins(found, START + 600 * (place + 1)) for place, found in enumerate(counts)]
    return [
        {"labels": first["labels"], "points": [entry["points"][0] for entry in same]}
        for first, *_ in [rows[0]]
        for first, same in zip(rows[0], zip(*rows, strict=True), strict=True)
    ]


LIKE = [500, 500, 500, 500, 0]
FAR = [1900, 50, 25, 25, 0]
SHARES = [0.2499, 0.2499, 0.2499, 0.2499, 0.0004]


def series(**changes: Any) -> dict[str, Any]:
    """An endpoint that kept what it promised."""
    stages = {"queue": 0.0005, "preprocess": 0.0005, "infer": 0.003, "postprocess": 0.001}
    return {
        "throughput": [along([1.0, 2.0, 3.0])],
        "latencyP50": [along([0.004, 0.005, None])],
        "latencyP95": [along([0.008, 0.009, 0.009])],
        "latencyP99": [along([0.02, 0.03, 0.02])],
        "serverErrors": [along([0.0, 0.0, 0.0])],
        "clientErrors": [along([0.0, 0.01, 0.0])],
        "rejections": [along([0.0, 0.0, 0.0], reason="queue_full")],
        "queueDepth": [along([0.0, 3.0, 0.0])],
        "queueLimit": [along([64.0, 64.0, 64.0])],
        "inFlight": [along([0.0, 4.0, 1.0])],
        "batchMean": [along([1.0, 2.0, 1.0])],
        "batchLimit": [along([8.0, 8.0, 8.0])],
        "stages": [along([mean, mean, mean], stage=name) for name, mean in stages.items()],
        "cpuCores": [along([0.1, 0.2, 0.1])],
        "cpuLimit": [along([2.0, 2.0, 2.0])],
        "memory": [along([1e8, 1.2e8, 1.1e8])],
        "memoryLimit": [along([1e9, 1e9, 1e9])],
        "ready": [along([1.0, 2.0, 2.0])],
        "wholeRequests": [once(7100.0, code="200"), once(100.0, code="400"), once(0.0, code="500")],
        "wholeRejected": [once(0.0, reason="queue_full")],
        "wholeP50": [once(0.0045)],
        "wholeP95": [once(0.009)],
        "wholeP99": [once(0.025)],
        "wholeAnswers": [once(7100.0)],
        "wholeSlow": [once(7.1)],
        "wholeStages": [once(mean, stage=name) for name, mean in stages.items()],
        "wholeBatch": [once(1.5)],
        "wholeRuns": [once(5000.0)],
        "wholeCpu": [once(0.15)],
        "wholeBins": bins([n * 6 for n in LIKE]),
        "modelInfo": [once(1.0, model="digits", version="1", precision="int8", recipe="int8-minmax", sha256="ab")],
        "referenceBins": reference(SHARES),
        "samples": [once(400.0, reference="r1")],
        "bins": pieces(*[LIKE] * 6),
        "bottleneck": [],
        "alerts": [],
        **changes,
    }


def quiet() -> dict[str, Any]:
    """Nobody asked: rates are 0, and what is made of requests is not there."""
    kept = series()
    nothing = {
        name: [{**entry, "points": [[at, None] for at, _ in entry["points"]]} for entry in kept[name]]
        for name in (
            *("latencyP50", "latencyP95", "latencyP99", "batchMean", "stages", "wholeP50", "wholeP95", "wholeP99"),
            *("wholeStages", "wholeBatch"),
        )
    }
    zero = {
        name: [{**entry, "points": [[at, 0.0] for at, _ in entry["points"]]} for entry in kept[name]]
        for name in ("throughput", "clientErrors", "wholeRequests", "wholeAnswers", "wholeSlow", "wholeBins", "bins")
    }
    return {**kept, **nothing, **zero}


def strained() -> dict[str, Any]:
    """Slow for waiting, with errors and refusals, little memory, an alert, and drift in the end."""
    stages = {"queue": 0.08, "preprocess": 0.002, "infer": 0.02, "postprocess": 0.001}
    return series(
        latencyP99=[along([0.05, 0.2, 0.4])],
        wholeP99=[once(0.3)],
        wholeSlow=[once(900.0)],
        wholeStages=[once(mean, stage=name) for name, mean in stages.items()],
        wholeBatch=[once(7.6)],
        wholeRequests=[once(7100.0, code="200"), once(900.0, code="400"), once(80.0, code="503")],
        wholeRejected=[once(80.0, reason="queue_full"), once(0.0, reason="timeout")],
        memory=[along([9.5e8, 9.6e8, 9.5e8])],
        alerts=[once(1.0, alertname="LatencyBurn1h")],
        bottleneck=[along([1.0] * 3, verdict="queue"), along([1.0] * 2, verdict="healthy")],
        wholeBins=bins([n * 3 + m * 3 for n, m in zip(LIKE, FAR, strict=True)]),
        bins=pieces(LIKE, LIKE, LIKE, FAR, FAR, FAR),
    )


def recovered() -> dict[str, Any]:
    """It drifted for a while."""
    return series(bins=pieces(LIKE, FAR, FAR, LIKE, LIKE, LIKE))


def bare() -> dict[str, Any]:
    """A bare model: no report, so no reference."""
    return series(referenceBins=[], samples=[], bins=[], wholeBins=[])


def empty() -> dict[str, Any]:
    """Prometheus knows none of it, as after a change of names."""
    return {name: [] for name in series()}
