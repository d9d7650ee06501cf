"""Replay: make the one form again that a lock names, with its ranges, and judge its accuracy. Nothing is searched."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from .admit import Admitted
from .bake import Baked
from .candidates import Tried, ranges_file
from .errors import GateFailedError, UserError
from .gate import Decided, judge
from .recipe import Recipe, Replay
from .repair import Repaired
from .tools import tool_versions
from .work import Work

LOCKED = ("verdict", "host", "reference", "candidates", "sensitivity", "notes", "canaries", "drift")
"""Parts of report.json that a replay repeats from the lock as they are."""
OTHER_BYTES = (
    "The model that came out has other bytes than the one that was locked, most likely because this processor rounds "
    "otherwise. Its accuracy was judged again and is good enough."
)
UPDATE = "Run `slipway optimize` with --update to search again and write the lock anew."


def locked(recipe: Recipe) -> Recipe:
    """The recipe with the lock's form as its only candidate; as it is without a lock."""
    if recipe.replay is None:
        return recipe
    return replace(recipe, candidates=() if recipe.replay.candidate is None else (recipe.replay.candidate,))


def same_inputs(admitted: Admitted, work: Work) -> Admitted:
    """Hold model, samples, labels and tools against the lock, and lay its ranges out for the candidate.

    Raises UserError naming everything that differs.
    """
    lock = admitted.recipe.replay
    assert lock is not None
    problems = list(differences(lock, admitted))
    if problems:
        raise UserError([*problems, UPDATE])
    if lock.candidate is not None and lock.ranges is not None:
        ranges_file(lock.candidate, work).write_text(json.dumps(lock.ranges))
    return admitted


def differences(lock: Replay, admitted: Admitted) -> Iterator[str]:
    samples = admitted.samples
    content = (
        ("another model", "model", lock.model_sha256, admitted.model.sha256),
        ("other samples", "samples", lock.data_sha256, samples.sha256),
        ("other labels", "labels", lock.labels_sha256, samples.labels_sha256),
        ("another metric", "metric", lock.metric_sha256, admitted.metric_sha256),
    )
    for other, what, then, now in content:
        if then != now:
            was, given = (f"sha256 {value[:12]}…" if value else f"no {what}" for value in (then, now))
            yield f"The lock was written for {other}: {was}, and now {given}."
    here = tool_versions()
    for name, then in lock.tools.items():
        now = here.get(name)
        if name != "python" and now != then:
            yield f"The lock was written with {name} {then}, and here is {now or 'none'}."
    if admitted.why_none is not None and lock.candidate is not None:
        yield f"The lock holds {lock.candidate.name}, and nothing may be tried: {admitted.why_none}."


def recheck(tried: Tried, work: Work) -> Repaired:
    """Judge the locked form's accuracy; its speed was judged when the lock was written.

    Raises GateFailedError when it is no longer good enough, whatever `onFailure` says: a lock is kept or refused.
    """
    work.progress.step("gate", "judging accuracy again")
    lock = tried.referenced.normalized.admitted.recipe.replay
    assert lock is not None
    judged = tuple(judge(trial, tried, judges_speed=False) for trial in tried.trials)
    for entry in judged:
        if entry.status != "passed":
            name, why = entry.trial.candidate.name, "; ".join(entry.reasons)
            raise GateFailedError([f"{name}, which the lock names, does not pass here: {why}.", UPDATE])
    winner = judged[0] if judged else None
    return Repaired(Decided(tried, judged, winner, lock.measured["winner"]["speedJudged"]), (), ())


def again(baked: Baked, lock: Replay) -> dict[str, Any]:
    """What the lock says, and what was measured again; nothing in it depends on the machine but `recheck`."""
    decided = baked.repaired.decided
    judged, referenced = decided.winner, decided.tried.referenced
    matches = baked.sha256 == lock.sha256
    measured = lock.measured
    fidelity, accuracy = (judged.fidelity, judged.accuracy) if judged else (None, None)
    by_metric = judged.metric if judged else referenced.measured
    as_fp32 = None if referenced.normalized.admitted.samples.made_up else 1
    return {
        **{key: measured[key] for key in LOCKED if key in measured},
        "tools": dict(lock.tools),
        "winner": {**measured["winner"], "sha256": baked.sha256, "bytes": baked.bytes},
        "recheck": {
            "sha256Matches": matches,
            "agreement": fidelity.agreement if fidelity else as_fp32,
            "accuracy": accuracy.value if accuracy else referenced.accuracy,
            "metric": by_metric.value if by_metric else None,
            "sqnrDb": round(fidelity.sqnr_db, 1) if fidelity else None,
        },
        "ranges": None if lock.ranges is None else {name: list(pair) for name, pair in lock.ranges.items()},
        "convergence": [],
        "warnings": [*measured["warnings"], *([] if matches else [OTHER_BYTES])],
    }
