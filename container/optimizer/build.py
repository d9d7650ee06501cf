"""build.json: what one run took on its machine: everything that differs from build to build of the same lock."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from .bake import Baked
from .candidate import peak_memory
from .host import this_host
from .tools import tool_versions


def build_document(baked: Baked, stages: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """`stages`: name and seconds of each, in order."""
    decided = baked.repaired.decided
    referenced, winner = decided.tried.referenced, decided.winner
    trials = decided.tried.trials
    race = winner.trial.result.comparison if winner and winner.trial.result else None
    reference, served = (race.reference, race.candidate) if race else (referenced.latency, referenced.latency)
    peaks = [peak_memory(), *(trial.peak_memory_bytes for trial in trials)]
    host = this_host()
    return {
        "schemaVersion": 1,
        "mode": "replay" if referenced.normalized.admitted.recipe.replay else "search",
        "host": {
            "architecture": host.architecture,
            "cpu": host.cpu,
            "instructionSet": host.instruction_set,
            "processors": host.processors,
            "emulated": host.emulated,
        },
        "tools": dict(tool_versions()),
        "stages": list(stages),
        "peakMemoryBytes": max((peak for peak in peaks if peak is not None), default=None),
        "latencyMs": {"reference": asdict(reference), "served": asdict(served)} if reference and served else None,
        "speedup": race.speedup if race else None if winner else 1,
        "resumed": sum(trial.resumed for trial in trials),
    }
