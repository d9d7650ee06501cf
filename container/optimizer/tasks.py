"""Stage 5, gate: what the answers are, and what share of them a candidate keeps: the agreement, task by task."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from .detection import beside, matched_boxes, side_by_side
from .fidelity import Fidelity, class_scores, compare, is_float
from .layouts import Layout, find_layout
from .session import Answers

MOST_NEIGHBOURS = 10
SHARE_OF_OTHERS = 5
"""With few samples, a fifth of the others are neighbours: of all others none could be missed."""
NEARLY_AS_NEAR = 0.05
"""A neighbour this much farther than fp32's last one counts too: fp32 hardly tells them apart."""
VECTOR_NAMES = re.compile(r"embed|pool|feature|hidden|vector", re.IGNORECASE)
SCORE_NAMES = re.compile(r"logit|score|prob|class", re.IGNORECASE)


@dataclass(frozen=True)
class Task:
    """What the answers are."""

    name: str
    """classification, detection, embedding, generation or regression."""
    layout: Layout | None = None
    """Where boxes are; None for other tasks, and where it cannot be told."""
    note: str | None = None
    """Why answers cannot be counted by this task; None when they can, or it has none to count."""


UNCOUNTED: Mapping[str, str] = {
    "classification": "no output has the scores of two classes or more",
    "detection": "no boxes of a known layout, or none with a score of 0.25 or more, are in the outputs",
    "embedding": "there are fewer than 6 samples, or no output is a vector of one length for all samples",
    "generation": "no float output has the shape [batch, sequence, vocabulary]",
}


def task_of(asked: str, family: str, answers: Answers, labelled: bool) -> Task:
    """The task that is asked for, or the one that family and fp32's answers suggest (`auto`)."""
    name = guess(family, answers, labelled) if asked == "auto" else asked
    task = Task(name, find_layout(answers) if name == "detection" else None)
    if name not in UNCOUNTED or agreement(task, answers, answers) is not None:
        return task
    why = f"The task is {name}, but {UNCOUNTED[name]}: signal to noise alone tells how close answers are to fp32's."
    return replace(task, note=why)


def guess(family: str, answers: Answers, labelled: bool) -> str:
    """The task by what is known. Labels are class ids, so they settle it; where nothing fits, regression."""
    first = next(((name, values) for name, values in answers.items() if is_float(values)), None)
    if labelled or first is None:
        return "classification"
    name, values = first
    rank = values[0].ndim
    if family == "detector":
        return "detection"
    if family == "decoder" and rank == 3:
        return "generation"
    vector = bool(VECTOR_NAMES.search(name)) and not SCORE_NAMES.search(name)
    if rank == 3 and family in ("encoder", "vit") and not SCORE_NAMES.search(name):
        return "embedding"
    if class_scores(answers) is None:
        return "regression"
    return "embedding" if vector or unit_length(values) else "classification"


def unit_length(values: Sequence[np.ndarray]) -> bool:
    """Whether every answer is a vector of length 1, as embeddings often are; scores of classes are not."""
    rows = np.concatenate(values).astype(np.float64)
    return rows.shape[1] >= 16 and bool(np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-3))


def likeness(task: Task, reference: Answers, got: Answers) -> Fidelity:
    """How close `got` is to `reference`, by the task.

    Boxes that come in any order are compared with those that belong to them. Raises ShapesDifferError.
    """
    share = agreement(task, reference, got)
    if task.layout is None or not task.layout.final or share is None:
        return replace(compare(reference, got), agreement=share)
    expected, values = side_by_side(task.layout, reference, got)
    closeness = compare({**expected, **beside(task.layout, reference)}, {**values, **beside(task.layout, got)})
    wrong = sum(
        int(np.count_nonzero(~np.isfinite(value))) for name in task.layout.outputs for value in floats(got[name])
    )
    return replace(closeness, agreement=share, non_finite=closeness.non_finite + wrong)


def floats(values: Sequence[np.ndarray]) -> Sequence[np.ndarray]:
    return values if is_float(values) else ()


def agreement(task: Task, reference: Answers, got: Answers) -> float | None:
    """Share of answers that are kept, 0 to 1; None where there is nothing to count.

    Text and integers count by equality in every task but detection; the worst output decides.
    """
    if task.name == "detection":
        return matched_boxes(task.layout, reference, got) if task.layout else None
    shares = [
        float(np.mean([equal_share(a, b) for a, b in zip(values, got[name], strict=True)]))
        for name, values in reference.items()
        if not is_float(values)
    ]
    counted = COUNTED.get(task.name)
    return min([*shares, *(counted(reference, got) if counted else ())], default=None)


def equal_share(expected: np.ndarray, got: np.ndarray) -> float:
    """Share of equal elements of a text or integer answer, such as the pixels of a mask."""
    return float(np.mean(expected == got)) if expected.shape == got.shape else 0.0


def same_class(reference: Answers, got: Answers) -> list[float]:
    """Share of samples with the same top class of the first float output."""
    scores, others = class_scores(reference), class_scores(got)
    if scores is None or others is None:
        return []
    return [float(np.mean(scores.argmax(axis=1) == others.argmax(axis=1)))]


def same_tokens(reference: Answers, got: Answers) -> list[float]:
    """Mean share of positions before the first with another token, of the first output [1, sequence, vocabulary]."""
    name = next((name for name, values in reference.items() if all(is_sequence(value) for value in values)), None)
    if name is None or any(a.shape != b.shape for a, b in zip(reference[name], got[name], strict=True)):
        return []
    same = [a[0].argmax(axis=1) == b[0].argmax(axis=1) for a, b in zip(reference[name], got[name], strict=True)]
    return [float(np.mean([1.0 if entry.all() else entry.argmin() / len(entry) for entry in same]))]


def is_sequence(value: np.ndarray) -> bool:
    return value.dtype.kind == "f" and value.ndim == 3 and len(value) == 1 and value.shape[2] >= 2


def same_neighbours(reference: Answers, got: Answers) -> list[float]:
    """Recall of the nearest samples, for every output that is a vector: see `recall`."""
    both = [(vectors(values), vectors(got[name])) for name, values in reference.items() if is_float(values)]
    found = [recall(some, others) for some, others in both if some is not None and others is not None]
    return [share for share in found if share is not None]


def vectors(values: Sequence[np.ndarray]) -> np.ndarray | None:
    """One vector for each sample, float64 [samples, size]: the answer, or its mean over all but the last axis."""
    if any(value.ndim < 2 or value.size == 0 for value in values) or len({value.shape[-1] for value in values}) != 1:
        return None
    rows = np.stack([value.reshape(-1, value.shape[-1]).mean(axis=0, dtype=np.float64) for value in values])
    return rows if rows.shape[1] >= 2 else None


def recall(reference: np.ndarray, got: np.ndarray) -> float | None:
    """Share of the nearest samples by `got` that are among the nearest by `reference`, each sample asking all others.

    Near by the angle. Ten neighbours, fewer with fewer than 51 samples; None below 6. Counted as benchmarks of
    nearest-neighbour search do: also right is what `reference` puts hardly farther than its own last one.
    """
    most = min(MOST_NEIGHBOURS, (len(reference) - 1) // SHARE_OF_OTHERS)
    if most < 1:
        return None
    near, other = distances(reference), distances(got)
    last = np.sort(near, axis=1)[:, most - 1 : most]
    # Ties by `got` are broken in its favour, so that the order of the samples does not matter.
    chosen = np.lexsort((near, other), axis=1)[:, :most]
    return float(np.mean(np.take_along_axis(near, chosen, axis=1) <= last * (1 + NEARLY_AS_NEAR)))


def distances(rows: np.ndarray) -> np.ndarray:
    """1 - cosine between all rows, rounded to what arithmetic resolves; a row is infinitely far from itself."""
    finite = np.nan_to_num(rows, posinf=0.0, neginf=0.0)
    lengths = np.linalg.norm(finite, axis=1, keepdims=True)
    unit = np.divide(finite, lengths, out=np.zeros_like(finite), where=lengths > 0)
    found = np.round(1 - unit @ unit.T, 9)
    np.fill_diagonal(found, np.inf)
    return found


COUNTED: Mapping[str, Callable[[Answers, Answers], list[float]]] = {
    "classification": same_class,
    "embedding": same_neighbours,
    "generation": same_tokens,
}
"""How answers of each task are counted: shares, none where nothing can be counted."""


def beyond_labels(reference: Answers, got: Answers) -> Fidelity | None:
    """Closeness of all outputs but the first float one, which is the one that labels judge; None without others.

    An output that names the top class of the first says nothing more than it.
    """
    first = next((name for name, values in reference.items() if is_float(values)), None)
    scores = class_scores(reference)
    others = {
        name: values
        for name, values in reference.items()
        if name != first and (scores is None or not names_top_class(values, scores.argmax(axis=1)))
    }
    return likeness(Task("classification"), others, got) if others else None


def names_top_class(values: Sequence[np.ndarray], classes: np.ndarray) -> bool:
    """Whether an output is one number or word for each class, and always that of the top one."""
    if is_float(values) or any(value.size != 1 for value in values):
        return False
    pairs = {(str(value.item()), int(top)) for value, top in zip(values, classes, strict=True)}
    return len({name for name, _ in pairs}) == len(pairs) == len({top for _, top in pairs})
