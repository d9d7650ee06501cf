"""Stages 3 and 5: the user's own metric, a Python function, run in a process of its own as candidates are."""

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from .admit import Admitted
from .answer_files import save_answers, save_arrays
from .child import run_limited
from .errors import UserError
from .metric_call import Question
from .session import Answers

PACKAGE_FOLDER = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Measured:
    """What the user's function says of some answers."""

    value: float
    """The number it gave, or the mean of those for each sample."""
    each: np.ndarray | None
    """float64 [evaluation samples]; None where it gave one number."""


class MetricFailedError(Exception):
    """The function raised something, took too long, or gave something that is no number; a sentence."""


def measure(admitted: Admitted, answers: Answers, samples_file: Path, folder: Path) -> Measured:
    """The user's metric of `answers`, kept in `folder` for asking again. Raises MetricFailedError."""
    metric, recipe = admitted.metric, admitted.recipe
    assert metric is not None and recipe.gate.metric is not None
    folder.mkdir(exist_ok=True)
    target = folder / "metric.json"
    if target.exists():
        return read(target)
    question = Question(
        file=str(metric.resolve()),
        function=recipe.gate.metric.function,
        answers=str(folder / "answers.npz"),
        samples=str(samples_file),
        labels=labels_file(admitted.samples.labels, samples_file),
        rows=admitted.samples.evaluation.tolist(),
        target=str(target),
    )
    if not Path(question.answers).exists():
        save_answers(Path(question.answers), answers)
    (folder / "question.json").write_text(json.dumps(asdict(question)))
    limits = recipe.limits
    ended = run_limited(
        [sys.executable, "-m", "optimizer.metric_call", str(folder / "question.json")],
        seconds=limits.candidate_seconds,
        memory_bytes=limits.candidate_memory_bytes,
        environment=environment(folder),
        errors=folder / "metric-errors.txt",
        on_line=lambda _: None,
    )
    if ended.timed_out:
        raise MetricFailedError(f"it took longer than the {limits.candidate_seconds} s it may take")
    if not target.exists():
        how = ended.crashed or f"status {ended.code}"
        raise MetricFailedError(f"it ended its process ({how})" + (f": {ended.complaint}" if ended.complaint else ""))
    return read(target)


def measure_fp32(admitted: Admitted, answers: Answers, samples_file: Path, scratch: Path) -> Measured | None:
    """fp32 by the user's metric; None without one. Raises UserError: what fails here cannot judge anything."""
    if admitted.metric is None:
        return None
    try:
        return measure(admitted, answers, samples_file, scratch / "metric-fp32")
    except MetricFailedError as error:
        raise UserError(
            f"Your metric failed on fp32's own answers: {error}. Mend {admitted.metric}: the function gets outputs, "
            "inputs and labels, and gives one number, or one for each sample."
        ) from None


def labels_file(labels: np.ndarray | None, samples_file: Path) -> str | None:
    if labels is None:
        return None
    path = samples_file.with_name("labels.npz")
    if not path.exists():
        save_arrays(path, {"labels": labels})
    return str(path)


def read(target: Path) -> Measured:
    found: Mapping = json.loads(target.read_text())
    if "failure" in found:
        raise MetricFailedError(found["failure"])
    if found["each"] is None:
        return Measured(found["value"], None)
    each = np.array(found["each"], dtype=np.float64)
    return Measured(float(each.mean()), each)


def environment(folder: Path) -> dict[str, str]:
    search = os.pathsep.join(filter(None, [str(PACKAGE_FOLDER), os.environ.get("PYTHONPATH")]))
    return {**os.environ, "ORT_DISABLE_TELEMETRY": "1", "PYTHONPATH": search, "TMPDIR": str(folder)}
