"""Stage 5, gate: how many of a detector's boxes are still found, in their place and class."""

import numpy as np

from .boxes import Detections, pair_up
from .fidelity import is_float
from .layouts import Layout
from .session import Answers

CONFIDENT = 0.25
"""Score from which a box counts. A lower one, `layouts.ALMOST`, may answer to it: noise at the threshold is no loss."""


def matched_boxes(layout: Layout, reference: Answers, got: Answers) -> float | None:
    """Share of the boxes of either that the other has too, over all samples; None where neither has any.

    A box that counts in one has to have one in the other of the same class, overlapping by SAME_BOX, with a score of
    at least ALMOST. Each box answers for one.
    """
    hits = total = 0
    for one, other in both(layout, reference, got):
        for some, others in ((one, other), (other, one)):
            counting = some.from_score(CONFIDENT)
            total += len(counting.scores)
            hits += len(pair_up(counting, others))
    return hits / total if total else None


def side_by_side(layout: Layout, reference: Answers, got: Answers) -> tuple[Answers, Answers]:
    """fp32's boxes and scores and those of `got` that belong to them, in the same order, for comparing numbers."""
    sides: tuple[dict[str, list[np.ndarray]], ...] = ({"boxes": [], "scores": []}, {"boxes": [], "scores": []})
    for one, other in both(layout, reference, got):
        pairs = np.array(pair_up(one.from_score(CONFIDENT), other), dtype=np.int64).reshape(-1, 2)
        for side, found, rows in zip(sides, (one.from_score(CONFIDENT), other), pairs.T, strict=True):
            side["boxes"].append(found.boxes[rows])
            side["scores"].append(found.scores[rows])
    return sides[0], sides[1]


def both(layout: Layout, reference: Answers, got: Answers) -> list[tuple[Detections, Detections]]:
    """Detections of either, sample by sample."""
    read = [
        [
            layout.read({name: answers[name][row] for name in layout.outputs})
            for row in range(len(answers[layout.outputs[0]]))
        ]
        for answers in (reference, got)
    ]
    return list(zip(*read, strict=True))


def beside(layout: Layout, answers: Answers) -> Answers:
    """Float outputs that the layout does not explain."""
    return {name: values for name, values in answers.items() if name not in layout.outputs and is_float(values)}
