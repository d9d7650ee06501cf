"""Stage 5, gate: where a detector's boxes, scores and classes are in its outputs."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from .boxes import Detections, without_doubles
from .session import Answers

ALMOST = 0.2
"""Score below which a box is no box."""
PROBED = 32
"""Samples that are looked at to find the layout."""

Answer = Mapping[str, np.ndarray]
"""One sample's outputs."""


@dataclass(frozen=True)
class Layout:
    outputs: tuple[str, ...]
    """Those that it explains."""
    final: bool
    """The model itself drops doubles: its boxes come in any order and number."""
    read: Callable[[Answer], Detections]
    """Boxes of one sample, doubles and those below ALMOST dropped."""


def find_layout(answers: Answers) -> Layout | None:
    """How the model tells its boxes, from fp32's answers; None where it cannot be told.

    Known are: boxes, scores and classes apart, one row [n, 6] or [n, 7] for each box, [1, n, 4] beside [1, n, classes]
    before doubles are dropped, and the one output of the YOLO family, [1, 4 + classes, n] or [1, n, 5 + classes].
    """
    count = min(PROBED, len(next(iter(answers.values()), ())))
    probe = [{name: values[row] for name, values in answers.items()} for row in range(count)]
    if not probe:
        return None
    found = (finder(probe) for finder in (apart, in_rows, boxes_and_scores, in_columns))
    return next((layout for layout in found if layout is not None), None)


def apart(probe: Sequence[Answer]) -> Layout | None:
    """Boxes [n, 4], scores [n], classes [n] (one class where there are none), each also with a batch of 1 in front."""
    box = find(probe, lambda _, value: is_number(value) and value.ndim in (2, 3) and value.shape[-1] == 4)
    if box is None:
        return None
    rank = probe[0][box].ndim - 1
    lists = [
        name
        for name in probe[0]
        if name != box
        and probe[0][name].dtype.kind in "fiu"
        and all(a[name].ndim == rank and a[name].shape == a[box].shape[:-1] for a in probe)
    ]
    whole = [name for name in lists if all(np.array_equal(a[name], np.round(a[name])) for a in probe)]
    label = next((name for name in whole if not is_number(probe[0][name])), next(iter(whole), None))
    score = next((name for name in lists if name != label and all(within_one(a[name]) for a in probe)), None)
    if score is None:
        return None
    used = tuple(filter(None, (box, score, label)))
    total = find(probe, lambda name, value: rank == 2 and name not in used and value.size == 1 and value.ndim <= 2)

    def read(answer: Answer) -> Detections:
        end = int(answer[total].item()) if total else None
        classes = answer[label].reshape(-1) if label else np.zeros(answer[score].size)
        found = tidy(answer[box].reshape(-1, 4)[:end], answer[score].reshape(-1)[:end], classes[:end])
        return found.most_confident()

    return Layout((*used, *filter(None, [total])), True, read)


ROWS: Mapping[int, Sequence[tuple[int, int, int]]] = {
    6: ((0, 4, 5), (0, 5, 4)),
    7: ((1, 6, 5), (1, 5, 6), (3, 2, 1)),
}
"""By the width of a row: first column of the box, column of the score, column of the class."""


def in_rows(probe: Sequence[Answer]) -> Layout | None:
    """Rows of box, score and class, in any of the orders of ROWS; rows without a box are 0 or negative."""
    name = find(probe, lambda _, value: is_number(value) and value.ndim >= 2 and value.shape[-1] in ROWS)
    if name is None:
        return None
    width = probe[0][name].shape[-1]
    rows = np.concatenate([answer[name].reshape(-1, width) for answer in probe])
    rows = rows[np.isfinite(rows).all(axis=1)]

    def fits(box: int, score: int, label: int) -> bool:
        numbers = [label] if box == 0 else [label, 0]
        whole = all(np.array_equal(rows[:, column], np.round(rows[:, column])) for column in numbers)
        return whole and bool(((rows[:, score] <= 1) & (rows[:, score] >= -1)).all())

    order = next((order for order in ROWS[width] if len(rows) and fits(*order)), None)
    if order is None:
        return None
    box, score, label = order

    def read(answer: Answer) -> Detections:
        found = answer[name].reshape(-1, width)
        return tidy(found[:, box : box + 4], found[:, score], found[:, label]).most_confident()

    return Layout((name,), True, read)


def boxes_and_scores(probe: Sequence[Answer]) -> Layout | None:
    """Boxes [n, 4] beside scores [n, classes], both with or without a batch of 1 in front."""
    names = [name for name, value in probe[0].items() if is_number(value) and value.ndim in (2, 3)]
    pairs = [
        (box, score)
        for box in sorted(names, key=lambda name: "box" not in name.lower())
        for score in names
        if box != score and all(a[box].shape[-1] == 4 and a[box].shape[:-1] == a[score].shape[:-1] for a in probe)
    ]
    if not pairs:
        return None
    box, score = pairs[0]
    corners = np.concatenate([answer[box].reshape(-1, 4) for answer in probe])
    rows = np.concatenate([answer[score].reshape(-1, answer[score].shape[-1]) for answer in probe])
    centred = len(corners) > 0 and np.mean((corners[:, 2:] >= corners[:, :2]).all(axis=1)) < 0.99
    logits, other = not within_one(rows), background(rows)

    def read(answer: Answer) -> Detections:
        boxes = answer[box].reshape(-1, 4)
        scores = probabilities(answer[score].reshape(len(boxes), -1), logits, other)
        return best_class(from_centre(boxes) if centred else boxes, scores)

    return Layout((box, score), False, read)


def in_columns(probe: Sequence[Answer]) -> Layout | None:
    """One output for all: [1, 4 + classes, n], or [1, n, 5 + classes] with the score of there being any object."""
    name = find(probe, lambda _, value: is_number(value) and value.ndim == 3 and min(value.shape[1:]) >= 5)
    if name is None:
        return None
    # Networks that also outline objects put as many mask weights behind the classes as there are masks.
    masks = find(probe, lambda _, value: is_number(value) and value.ndim == 4)
    first, second = probe[0][name].shape[1:]
    by_column = first < second
    width = min(first, second) - (probe[0][masks].shape[1] if masks else 0)
    if width < 5:
        return None
    logits = not within_one(np.concatenate([columns(answer[name], by_column)[:, 4:width] for answer in probe]))

    def read(answer: Answer) -> Detections:
        found = columns(answer[name], by_column)
        scores = probabilities(found[:, 4:width], logits, None)
        if not by_column and width > 5:
            scores = scores[:, 1:] * scores[:, :1]
        return best_class(from_centre(found[:, :4]), scores)

    return Layout((name,), False, read)


def columns(value: np.ndarray, by_column: bool) -> np.ndarray:
    """[n, channels] of the one output of the YOLO family."""
    return value[0].T if by_column else value[0]


def find(probe: Sequence[Answer], fits: Callable[[str, np.ndarray], bool]) -> str | None:
    """The first output that fits in every sample."""
    return next((name for name in probe[0] if all(fits(name, answer[name]) for answer in probe)), None)


def is_number(value: np.ndarray) -> bool:
    return value.dtype.kind == "f"


def within_one(values: np.ndarray) -> bool:
    """Whether these are probabilities. -1 fills up where there is nothing."""
    return bool(np.all((values >= 0) & (values <= 1.01) | (values == -1)))


def background(scores: np.ndarray) -> int | None:
    """The class that means that there is nothing: the first or the last, where most boxes have it on top."""
    classes = scores.shape[1]
    if classes < 2 or not len(scores):
        return None
    top = np.bincount(scores.argmax(axis=1), minlength=classes) / len(scores)
    exclusive = not within_one(scores) or bool(np.allclose(scores.sum(axis=1), 1, atol=0.01))
    return next((column for column in (0, classes - 1) if exclusive and top[column] > 0.5), None)


def probabilities(scores: np.ndarray, logits: bool, other: int | None) -> np.ndarray:
    """Scores as probabilities, without the class `other` that means that there is nothing."""
    values = scores.astype(np.float64)
    if logits and other is None:
        return 1 / (1 + np.exp(-np.clip(values, -500, 500)))
    if logits:
        powers = np.exp(values - values.max(axis=1, keepdims=True))
        values = powers / powers.sum(axis=1, keepdims=True)
    return values if other is None else np.where(np.arange(values.shape[1]) == other, 0.0, values)


def from_centre(boxes: np.ndarray) -> np.ndarray:
    """Centre and size as corners."""
    half = boxes[:, 2:].astype(np.float64) / 2
    return np.hstack([boxes[:, :2] - half, boxes[:, :2] + half])


def best_class(boxes: np.ndarray, scores: np.ndarray) -> Detections:
    """Each box with its most likely class, doubles dropped."""
    classes = scores.argmax(axis=1)
    return without_doubles(tidy(boxes, scores[np.arange(len(scores)), classes], classes), ALMOST)


def tidy(boxes: np.ndarray, scores: np.ndarray, classes: np.ndarray) -> Detections:
    """Detections with a score of ALMOST or more; those with NaN or infinity are left out."""
    boxes, scores = boxes.astype(np.float64), scores.astype(np.float64)
    sound = np.isfinite(boxes).all(axis=1) & np.isfinite(classes)
    rows = np.flatnonzero(sound & (scores >= ALMOST))
    return Detections(boxes[rows], scores[rows], classes[rows].astype(np.int64))
