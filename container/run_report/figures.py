"""The report of a run, step 2: the figures that follow from what Prometheus saw.

Only the standard library: the notebook carries this file's text.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from run_report.drift import drift

Run = Mapping[str, Any]
"""`request`, as it was asked, and `series`, as they were read."""

STAGES = ("queue", "preprocess", "infer", "postprocess")
HOUR = 3600.0


def figures(run: Run) -> dict[str, Any]:
    """All figures of a run. What was not seen, or cannot be said, is None."""
    request, series = run["request"], run["series"]
    model = series["modelInfo"][-1]["labels"] if series["modelInfo"] else {}
    seconds = request["end"] - request["start"]
    traffic = traffic_of(series, seconds)
    return {
        "model": {key: model.get(key) for key in ("model", "version", "precision", "recipe", "sha256")},
        "seconds": seconds,
        "replicas": peak(series["ready"]),
        "traffic": traffic,
        "latency": latency_of(series, request["objective"]),
        "stages": stages_of(series),
        "batch": {
            "meanRows": last(series["wholeBatch"]),
            "limitRows": peak(series["batchLimit"]),
            "runs": last(series["wholeRuns"]),
        },
        "queue": {"peakWaiting": peak(series["queueDepth"]), "limit": peak(series["queueLimit"])},
        "errors": errors_of(series, traffic["requests"], request["objective"]),
        "cpu": {"meanCores": last(series["wholeCpu"]), "cores": peak(series["cpuLimit"])},
        "memory": memory_of(series),
        "bottleneck": bottleneck_of(series["bottleneck"], request["verdicts"]),
        "drift": drift(series, request["drift"]) if request["drift"] else [],
        "cost": cost_of(request["usdPerHour"], series, traffic["requests"], seconds),
        "alerts": sorted(entry["labels"]["alertname"] for entry in series["alerts"]),
    }


def traffic_of(series: Run, seconds: float) -> dict[str, Any]:
    codes = {entry["labels"]["code"]: entry["points"][-1][1] or 0.0 for entry in series["wholeRequests"]}
    total = sum(codes.values())
    return {
        "requests": total,
        "perSecond": total / seconds,
        "peakPerSecond": peak(series["throughput"]),
        "byCode": {code: count for code, count in sorted(codes.items()) if count > 0},
    }


def latency_of(series: Run, objective: Run) -> dict[str, Any]:
    """Of successful answers, milliseconds. `slowShare`: above `boundMs`, the histogram's bound at the objective."""
    answers, slow = last(series["wholeAnswers"]), last(series.get("wholeSlow", []))
    return {
        **{f"{name}Ms": scaled(last(series[f"whole{name.upper()}"]), 1000) for name in ("p50", "p95", "p99")},
        "worstP99Ms": scaled(peak(series["latencyP99"]), 1000),
        "objectiveMs": objective["p99Ms"],
        "boundMs": objective["boundMs"],
        "slowShare": max(0.0, slow) / answers if slow is not None and answers else None,
    }


def stages_of(series: Run) -> dict[str, Any]:
    """Mean time of a request in each stage, and its share of them all."""
    means = {entry["labels"]["stage"]: entry["points"][-1][1] for entry in series["wholeStages"]}
    known = {stage: means[stage] for stage in STAGES if means.get(stage) is not None}
    total = sum(known.values())
    return {stage: {"meanMs": mean * 1000, "share": mean / total if total else 0.0} for stage, mean in known.items()}


def errors_of(series: Run, requests: float, objective: Run) -> dict[str, Any]:
    codes = {entry["labels"]["code"]: entry["points"][-1][1] or 0.0 for entry in series["wholeRequests"]}
    server, client = (sum(n for code, n in codes.items() if code.startswith(first)) for first in "54")
    rejected = {entry["labels"]["reason"]: entry["points"][-1][1] or 0.0 for entry in series["wholeRejected"]}
    return {
        "server": server,
        "serverShare": server / requests if requests else None,
        "client": client,
        "clientShare": client / requests if requests else None,
        "rejected": {reason: count for reason, count in sorted(rejected.items()) if count > 0},
        "allowedShare": round(1 - objective["availability"], 12),
    }


def memory_of(series: Run) -> dict[str, Any]:
    most, limit = peak(series["memory"]), peak(series["memoryLimit"])
    return {"peakBytes": most, "limitBytes": limit, "peakShare": most / limit if most is not None and limit else None}


def cost_of(usd_per_hour: float | None, series: Run, requests: float, seconds: float) -> dict[str, Any] | None:
    """Of all replicas, by what one of them costs; they cost the same whether anybody asks or not."""
    if usd_per_hour is None:
        return None
    ready = [value for entry in series["ready"] for _, value in entry["points"] if value is not None]
    replicas = sum(ready) / len(ready) if ready else 1.0
    usd = usd_per_hour * replicas * seconds / HOUR
    return {
        "usdPerHour": usd_per_hour,
        "replicas": replicas,
        "usd": usd,
        "usdPerMillion": usd / requests * 1e6 if requests else None,
    }


def bottleneck_of(found: list[dict[str, Any]], verdicts: Run) -> list[dict[str, Any]]:
    """What limited the endpoint, by share of the time in which it could be told, the longest first. Needs our rules."""
    times = {entry["labels"]["verdict"]: len(entry["points"]) for entry in found}
    total = sum(times.values())
    return [
        {"verdict": name, "share": number / total, **verdicts[name]}
        for name, number in sorted(times.items(), key=lambda item: -item[1])
        if name in verdicts
    ]


def last(found: list[dict[str, Any]]) -> float | None:
    return found[0]["points"][-1][1] if found and found[0]["points"] else None


def peak(found: list[dict[str, Any]]) -> float | None:
    return max((value for entry in found for _, value in entry["points"] if value is not None), default=None)


def scaled(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor
