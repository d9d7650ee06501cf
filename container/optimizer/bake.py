"""Stage 6, bake: the file that is served is the file that was measured; check it once more and keep canaries."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .answer_files import save_arrays
from .fidelity import compare
from .gate import Decided, Judged
from .parity import difference
from .session import Answers, answer, open_session
from .work import Work

CANARY_MARGIN_DB = 6.0
CANARY_CEILING_DB = 60.0


class BakedModelDiffersError(Exception):
    """The file does not answer as it did when it was measured."""


@dataclass(frozen=True)
class Baked:
    decided: Decided
    model: Path
    sha256: str
    bytes: int
    canaries: Path
    canary_count: int
    canary_sqnr_db: float
    """Least that the server asks for."""


def bake(decided: Decided, work: Work) -> Baked:
    """Load the winner afresh and write the canaries with fp32's answers.

    Raises BakedModelDiffersError when a candidate's file answers otherwise than when it was judged.
    """
    work.progress.step("bake", "checking the model to serve and keeping canaries")
    referenced = decided.tried.referenced
    admitted = referenced.normalized.admitted
    model = decided.winner.trial.path if decided.winner else referenced.baked
    rows = canary_rows(referenced.answers, admitted.recipe.canaries, admitted.recipe.seed)
    samples = admitted.samples
    expected = {name: [values[row] for row in rows] for name, values in referenced.answers.items()}
    got = answer(open_session(model), samples.inputs, samples.evaluation[rows])
    if decided.winner:
        check_unchanged(decided.winner, rows, got)
    canaries = work.scratch / "canaries.npz"
    inputs = {f"input:{name}": values[samples.evaluation[rows]] for name, values in samples.inputs.items()}
    save_arrays(canaries, {**inputs, **{f"expected:{name}": side_by_side(values) for name, values in expected.items()}})
    return Baked(
        decided=decided,
        model=model,
        sha256=hashlib.sha256(model.read_bytes()).hexdigest(),
        bytes=model.stat().st_size,
        canaries=canaries,
        canary_count=len(rows),
        canary_sqnr_db=canary_tolerance(expected, got),
    )


def side_by_side(values: Sequence[np.ndarray]) -> np.ndarray:
    """Answers of several samples, samples first: joined where each begins with the batch, stacked where not."""
    batched = all(value.shape[:1] == (1,) for value in values)
    return np.concatenate(values) if batched else np.stack(values)


def canary_rows(answers: Answers, most: int, seed: int) -> np.ndarray:
    """Positions among the evaluation samples, chosen by `seed`; only samples whose answers have one shape."""
    shapes = list(zip(*([entry.shape for entry in values] for values in answers.values()), strict=True))
    order = np.random.default_rng(seed).permutation(len(shapes))
    alike = [int(row) for row in order if shapes[row] == shapes[order[0]]]
    return np.sort(np.array(alike[:most], dtype=np.int64))


def check_unchanged(winner: Judged, rows: np.ndarray, got: Answers) -> None:
    assert winner.trial.answers is not None
    measured = {name: [values[row] for row in rows] for name, values in winner.trial.answers.items()}
    problem = difference(measured, got)
    if problem:
        raise BakedModelDiffersError(
            f"{winner.trial.candidate.name} answers otherwise than when it was judged: {problem}"
        )


def canary_tolerance(expected: Answers, got: Answers) -> float:
    """Signal to noise the served model must keep on the canaries, decibels.

    What it reaches here less CANARY_MARGIN_DB, at most CANARY_CEILING_DB: rounding on another processor costs below
    1 dB, 8-bit products that saturate cost 20.
    """
    return round(min(CANARY_CEILING_DB, compare(expected, got).sqnr_db - CANARY_MARGIN_DB), 2)
