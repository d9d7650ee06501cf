"""Stage 5, gate: boxes of detectors: how much two overlap, which are doubles, which belong together."""

from dataclasses import dataclass

import numpy as np

SAME_BOX = 0.5
"""Intersection over union from which two boxes are the same object."""
MOST_BEFORE = 2000
MOST_AFTER = 300
"""Boxes of one sample that are looked at, the most confident; before and after doubles are dropped."""


@dataclass(frozen=True)
class Detections:
    """What was found in one sample; n may be 0."""

    boxes: np.ndarray
    """[n, 4] float64: left, top, right, bottom, in whatever unit the model has."""
    scores: np.ndarray
    """[n] float64, 0 to 1."""
    classes: np.ndarray
    """[n] int64."""

    def take(self, rows: np.ndarray) -> "Detections":
        """Those at `rows`, by position or by a mask."""
        return Detections(self.boxes[rows], self.scores[rows], self.classes[rows])

    def from_score(self, least: float) -> "Detections":
        return self.take(self.scores >= least)

    def most_confident(self) -> "Detections":
        """At most MOST_AFTER of them."""
        return self.take(np.argsort(-self.scores, kind="stable")[:MOST_AFTER])


def overlaps(some: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Intersection over union of each of `some` [n, 4] with each of `others` [m, 4]: [n, m], 0 to 1.

    Boxes without an area overlap fully with their equals and not at all with others.
    """
    a, b = some[:, None, :], others[None, :, :]
    sides = np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])
    common = np.clip(sides, 0, None).prod(axis=-1)
    union = area(some)[:, None] + area(others)[None, :] - common
    equal = (a == b).all(axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(equal, 1.0, np.where(union > 0, common / union, 0.0))


def area(boxes: np.ndarray) -> np.ndarray:
    return np.clip(boxes[:, 2:] - boxes[:, :2], 0, None).prod(axis=1)


def without_doubles(found: Detections, least: float) -> Detections:
    """Of boxes with a score of at least `least` that overlap by SAME_BOX in one class only the most confident one."""
    order = np.argsort(-found.scores, kind="stable")
    order = order[found.scores[order] >= least][:MOST_BEFORE]
    kept: list[int] = []
    while len(order) and len(kept) < MOST_AFTER:
        first, rest = order[0], order[1:]
        kept.append(int(first))
        same = found.classes[rest] == found.classes[first]
        close = overlaps(found.boxes[[first]], found.boxes[rest])[0] >= SAME_BOX
        order = rest[~(same & close)]
    return found.take(np.array(kept, dtype=np.int64))


def pair_up(some: Detections, others: Detections) -> list[tuple[int, int]]:
    """As many pairs as there can be of boxes of one class that overlap by SAME_BOX, each box in one pair at most.

    Positions in `some` and in `others`. Nearer boxes are tried first.
    """
    overlap = overlaps(some.boxes, others.boxes) * (some.classes[:, None] == others.classes[None, :])
    partners = [[int(j) for j in np.argsort(-row, kind="stable") if row[j] >= SAME_BOX] for row in overlap]
    taken: dict[int, int] = {}

    def place(i: int, seen: set[int]) -> bool:
        # A partner that is taken moves on to another one of its own, if there is any.
        for j in partners[i]:
            if j in seen:
                continue
            seen.add(j)
            if j not in taken or place(taken[j], seen):
                taken[j] = i
                return True
        return False

    for i in range(len(partners)):
        place(i, set())
    return sorted((i, j) for j, i in taken.items())
