"""Stage 7, bake: the file that is served is the file that was measured; check it once more and keep canaries."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime

from .admit import Admitted
from .answer_files import save_arrays
from .canaries import GOOD_DB, canary_rows, synthetic
from .candidates import computes_exactly
from .errors import UserError
from .fidelity import compare
from .forms.emulation import judged_session
from .gate import Decided, Judged
from .parity import difference
from .repair import Repaired
from .session import Answers, answer, answer_users_model, open_session, open_users_model
from .weights_file import sha256_of, size_of
from .work import Work

CANARY_MARGIN_DB = 6.0
CANARY_CEILING_DB = 60.0
DRAWN = 4
"""Times as many inputs are made up as are kept: some lie far from anything the ranges were calibrated with."""


class BakedModelDiffersError(Exception):
    """The file does not answer as it did when it was measured."""


@dataclass(frozen=True)
class Baked:
    repaired: Repaired
    model: Path
    sha256: str
    bytes: int
    canaries: Path
    canary_count: int
    canary_sqnr_db: float
    """Least that the server asks for."""
    reference: Path | None
    """fp32, for the server to time both, where speed was not judged and another form is served."""
    warnings: tuple[str, ...] = ()


def bake(repaired: Repaired, work: Work) -> Baked:
    """Load the winner afresh and write the canaries with fp32's answers.

    Raises BakedModelDiffersError when a candidate's file answers otherwise than when it was judged.
    """
    work.progress.step("bake", "checking the model to serve and keeping canaries")
    decided = repaired.decided
    referenced = decided.tried.referenced
    admitted = referenced.normalized.admitted
    recipe, samples = admitted.recipe, admitted.samples
    model = decided.winner.trial.path if decided.winner else referenced.baked
    session = open_winner(decided, model)
    judged = decided.winner.trial.answers if decided.winner else referenced.answers
    assert judged is not None
    rows = canary_rows(referenced.answers, judged, recipe.canaries, recipe.seed)
    inputs: Mapping[str, np.ndarray] = {
        name: values[samples.evaluation[rows]] for name, values in samples.inputs.items()
    }
    expected: Answers = {name: [values[row] for row in rows] for name, values in referenced.answers.items()}
    got = answer(session, inputs, range(len(rows)))
    if decided.winner:
        check_unchanged(decided.winner, rows, got)
    if recipe.synthetic_canaries and not samples.made_up:
        inputs, expected, got = made_up_canaries(admitted, session)
    canaries = work.scratch / "canaries.npz"
    arrays = {f"input:{name}": values for name, values in inputs.items()}
    save_arrays(canaries, {**arrays, **{f"expected:{name}": side_by_side(values) for name, values in expected.items()}})
    return Baked(
        repaired=repaired,
        model=model,
        sha256=sha256_of(model),
        bytes=size_of(model),
        canaries=canaries,
        canary_count=len(next(iter(inputs.values()))),
        canary_sqnr_db=canary_tolerance(expected, got),
        reference=referenced.baked if decided.winner and not decided.judges_speed else None,
        warnings=canary_warnings(expected, got),
    )


def canary_warnings(expected: Answers, got: Answers) -> tuple[str, ...]:
    reached = compare(expected, got).sqnr_db
    if reached >= GOOD_DB:
        return ()
    return (
        f"The canaries have {reached:.1f} dB signal to noise as they were written, so replaying them shows little.",
    )


def made_up_canaries(
    admitted: Admitted, session: onnxruntime.InferenceSession
) -> tuple[Mapping[str, np.ndarray], Answers, Answers]:
    """Made-up inputs with fp32's answers and the served model's. Raises UserError when none can be replayed."""
    recipe = admitted.recipe
    count = DRAWN * recipe.canaries
    inputs = synthetic(admitted.samples.inputs, count, recipe.seed)
    hint = "The canaries were made up; keep some of the samples with --canaries samples."
    expected = answer_users_model(open_users_model(admitted.model.path), inputs, range(count), hint)
    got = answer(session, inputs, range(count))
    rows = canary_rows(expected, got, recipe.canaries, recipe.seed)
    if len(rows) == 0:
        raise UserError(f"The served model answers made-up inputs otherwise than fp32, so none can be replayed. {hint}")
    return (
        {name: values[rows] for name, values in inputs.items()},
        {name: [values[row] for row in rows] for name, values in expected.items()},
        {name: [values[row] for row in rows] for name, values in got.items()},
    )


def open_winner(decided: Decided, model: Path) -> onnxruntime.InferenceSession:
    """A session that answers as the target will."""
    recipe = decided.tried.referenced.normalized.admitted.recipe
    if decided.winner is None:
        return open_session(model)
    return judged_session(model, decided.winner.trial.candidate, recipe.provider, exact=computes_exactly(recipe))


def side_by_side(values: Sequence[np.ndarray]) -> np.ndarray:
    """Answers of several samples, samples first: joined where each begins with the batch, stacked where not."""
    batched = all(value.shape[:1] == (1,) for value in values)
    return np.concatenate(values) if batched else np.stack(values)


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
