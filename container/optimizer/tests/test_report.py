from pathlib import Path

from optimizer.candidate import Result
from optimizer.candidates import Trial
from optimizer.gate import Judged
from optimizer.measure import Comparison, Latency
from optimizer.recipe import candidate as parsed
from optimizer.report import candidate, refusals
from optimizer.tests.models import candidate as entry


def judged(name: str, status: str, speedup: float | None, *reasons: str) -> Judged:
    race = Comparison(Latency(2, 3), Latency(1, 2), speedup, (1.0, 1.1)) if speedup else None
    result = Result(900, 5, ("without inferred shapes",), race) if race else None
    trial = Trial(parsed(entry(name)), result, None, None, Path(), 1.2345, None)
    return Judged(trial, status, reasons, (), None, None)


def test_the_best_of_the_refused_speaks_for_all() -> None:
    refused = [
        judged("slow", "rejected", 0.5, "0.5x is below 1.1x"),
        judged("near", "rejected", 1.05, "1.05x is below 1.1x", "agreement 98 % is below 99 %"),
        judged("broken", "failed", None, "crashed (SIGABRT)"),
    ]
    assert refusals(refused) == "near: 1.05x is below 1.1x; agreement 98 % is below 99 % (and 2 more refused)"
    assert refusals(refused[2:]) == "broken: crashed (SIGABRT)"


def test_a_failed_candidate_has_no_figures() -> None:
    assert candidate(judged("broken", "failed", None, "crashed (SIGABRT)")) == {
        "name": "broken", "precision": "int8", "recipe": entry("broken"), "origin": "recipe", "status": "failed",
        "reasons": ["crashed (SIGABRT)"], "warnings": [], "bytes": None, "latencyMs": None, "speedup": None,
        "speedupInterval": None, "fidelity": None, "accuracy": None, "metric": None, "saturationDb": None,
        "seconds": 1.234, "peakMemoryBytes": None, "ladder": [],
    }  # fmt: skip


def test_a_measured_candidate_has_its_figures() -> None:
    found = candidate(judged("near", "rejected", 1.05, "1.05x is below 1.1x"))
    assert (found["bytes"], found["latencyMs"], found["speedup"], found["speedupInterval"], found["ladder"]) == (
        900, {"p50": 1, "p95": 2}, 1.05, [1.0, 1.1], ["without inferred shapes"],
    )  # fmt: skip
