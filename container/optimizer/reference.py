"""Stage 3, reference: fp32's answers, accuracy and speed, and the file that is served when nothing is better."""

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .answer_files import save_arrays
from .errors import UserError
from .fidelity import class_scores
from .graph_optimization import optimize_offline
from .host import threads_here
from .measure import Latency, measure_latency
from .metric import Measured, measure_fp32
from .normalize import Normalized
from .parity import difference
from .recipe import Recipe
from .samples import Samples
from .session import Answers, answer, answer_users_model, brief, open_session, open_users_model, runner
from .tasks import Task, task_of
from .work import Work

PARITY_ROWS = 32
"""Samples on which a baked fp32 model must answer as before; classic models are checked on all."""
TIMED_ROWS = 32


@dataclass(frozen=True)
class Referenced:
    normalized: Normalized
    answers: Answers
    """The model as given on the evaluation samples."""
    correct: np.ndarray | None
    """Which evaluation samples fp32 gets right, bool; None without labels."""
    baked: Path
    latency: Latency | None
    """None on replay, where speed is not judged again."""
    samples_file: Path
    """The samples for candidates, an .npz in the scratch folder."""
    notes: tuple[str, ...]
    warnings: tuple[str, ...]
    task: Task
    """What the answers are, see `tasks`."""
    answer_seconds: float = 0.0
    """What the answers took."""
    measured: Measured | None = None
    """fp32 by the user's own metric; None without one."""

    @property
    def accuracy(self) -> float | None:
        return None if self.correct is None else float(self.correct.mean())


def reference(normalized: Normalized, work: Work) -> Referenced:
    """Run the model as given. Raises UserError when ONNX Runtime refuses it, or labels do not fit its classes."""
    work.progress.step("reference", "answering in fp32")
    admitted = normalized.admitted
    samples, model = admitted.samples, admitted.model
    hint = (
        "The inputs were made up from shapes; give real samples with --data."
        if samples.made_up
        else "Check that they are what the model expects."
    )
    began = time.monotonic()
    answers = answer_users_model(open_users_model(model.path), samples.inputs, samples.evaluation, hint)
    answer_seconds = time.monotonic() - began
    baked, notes = bake_reference(normalized, answers, work)
    samples_file = work.scratch / "samples.npz"
    save_arrays(samples_file, {f"input:{name}": values for name, values in samples.inputs.items()})
    classes = None if admitted.metric else samples.labels
    task = task_of(admitted.recipe.task, admitted.recipe.family, answers, classes is not None)
    return Referenced(
        normalized=normalized,
        answers=answers,
        correct=None if classes is None else judge_labels(answers, classes, samples.evaluation),
        baked=baked,
        latency=None if admitted.recipe.replay else fp32_latency(baked, samples, admitted.recipe),
        samples_file=samples_file,
        notes=(*notes, *([task.note] if task.note and admitted.candidates else [])),
        warnings=tuple(finite_warnings(answers)),
        task=task,
        answer_seconds=answer_seconds,
        measured=measure_fp32(admitted, answers, samples_file, work.scratch),
    )


def fp32_latency(baked: Path, samples: Samples, recipe: Recipe) -> Latency:
    """Timed as candidates are: with the threads of a run, on the provider where it can run there."""
    session = open_session(baked, provider=recipe.provider, threads=threads_here(recipe.intra_op_threads))
    return measure_latency(runner(session, samples.inputs, samples.evaluation[:TIMED_ROWS]))


def judge_labels(answers: Answers, labels: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Which answers have the label as top class. Raises UserError when there are no classes or too few of them."""
    scores = class_scores(answers)
    if scores is None:
        raise UserError(
            "Labels need class scores: the first float output must have shape [batch, classes], 2 classes or more. "
            "Leave the labels out."
        )
    if labels.max() >= scores.shape[1]:
        raise UserError(
            f"The labels hold class {labels.max()}; the model has {scores.shape[1]}, 0 to {scores.shape[1] - 1}."
        )
    return scores.argmax(axis=1) == labels[rows]


def finite_warnings(answers: Answers) -> list[str]:
    return [
        f"fp32 itself answers NaN or infinity in output '{name}'."
        for name, values in answers.items()
        if values[0].dtype.kind == "f" and not all(np.isfinite(value).all() for value in values)
    ]


def bake_reference(normalized: Normalized, answers: Answers, work: Work) -> tuple[Path, tuple[str, ...]]:
    """fp32 at the asked level, or a lower one, or as given: the first whose answers are the same."""
    admitted = normalized.admitted
    samples, model = admitted.samples, admitted.model
    if model.large:
        return model.path, ()
    rows = samples.evaluation if model.classic else samples.evaluation[:PARITY_ROWS]
    expected = {name: values[: len(rows)] for name, values in answers.items()}
    notes = []
    for level in dict.fromkeys([admitted.recipe.graph_optimization, "basic"]):
        target = work.scratch / f"fp32-{level}.onnx"
        try:
            optimize_offline(model.path, target, level, model.ir_version)
            failure = difference(expected, answer(open_session(target), samples.inputs, rows), classic=model.classic)
        except OSError:
            raise
        except Exception as error:
            failure = brief(error)
        if failure is None:
            return target, tuple(notes)
        notes.append(f"fp32 was not optimized at level {level}: {failure}.")
    return model.path, tuple(notes)
