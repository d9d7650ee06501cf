import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizer.boxes import Detections, overlaps, pair_up, without_doubles


def found(
    *boxes: tuple[float, float, float, float], scores: list[float] | None = None, classes: list[int] | None = None
) -> Detections:
    count = len(boxes)
    return Detections(
        np.array(boxes, np.float64).reshape(-1, 4),
        np.array(scores if scores is not None else [0.9] * count),
        np.array(classes if classes is not None else [0] * count, np.int64),
    )


corner = st.integers(0, 12)
box = st.tuples(corner, corner, st.integers(1, 8), st.integers(1, 8)).map(
    lambda b: (b[0], b[1], b[0] + b[2], b[1] + b[3])
)
detections = st.lists(st.tuples(box, st.integers(0, 1)), max_size=7).map(
    lambda entries: found(*(entry[0] for entry in entries), classes=[entry[1] for entry in entries])
)


def test_overlap_is_the_common_area_over_the_whole() -> None:
    some = np.array([[0, 0, 2, 2], [0, 0, 1, 1], [5, 5, 5, 5]], float)
    others = np.array([[1, 0, 3, 2], [0, 0, 2, 2], [5, 5, 5, 5], [5, 5, 6, 5]], float)
    assert overlaps(some, others) == pytest.approx(np.array([[1 / 3, 1, 0, 0], [0, 1 / 4, 0, 0], [0, 0, 1, 0]]))


def test_of_doubles_in_one_class_the_most_confident_stays() -> None:
    boxes = found(
        (0, 0, 10, 10), (0, 0, 10, 9), (0, 0, 10, 9), (20, 0, 30, 10), scores=[0.5, 0.9, 0.8, 0.1], classes=[0, 0, 1, 0]
    )
    kept = without_doubles(boxes, 0.2)
    assert (kept.scores.tolist(), kept.classes.tolist()) == ([0.9, 0.8], [0, 1])


def test_pairs_are_of_one_class_and_overlap_by_half() -> None:
    some = found((0, 0, 10, 10), (20, 0, 30, 10), classes=[0, 1])
    others = found((0, 0, 10, 5), (20, 0, 30, 10), (0, 0, 10, 4.9), classes=[0, 0, 0])
    assert pair_up(some, others) == [(0, 0)]


def test_a_box_gives_way_where_that_makes_one_more_pair() -> None:
    # The first would take the only one that the second can have.
    some = found((0, 0, 10, 10), (0, 0, 10, 14))
    others = found((0, 0, 10, 10.5), (0, 0, 10, 6))
    assert pair_up(some, others) == [(0, 1), (1, 0)]


def most_pairs(some: Detections, others: Detections) -> int:
    """By trying everything."""
    fits = (overlaps(some.boxes, others.boxes) >= 0.5) & (some.classes[:, None] == others.classes[None, :])
    if fits.shape[0] > fits.shape[1]:
        fits = fits.T
    return max(
        (
            sum(fits[i, j] for i, j in enumerate(order))
            for order in itertools.permutations(range(fits.shape[1]), len(fits))
        ),
        default=0,
    )


@given(detections, detections)
def test_there_are_as_many_pairs_as_there_can_be_each_box_in_one(some: Detections, others: Detections) -> None:
    pairs = pair_up(some, others)
    assert len(pairs) == most_pairs(some, others) == len(pair_up(others, some))
    assert len({i for i, _ in pairs}) == len({j for _, j in pairs}) == len(pairs)


@given(detections)
def test_every_box_is_paired_with_its_equal(some: Detections) -> None:
    assert len(pair_up(some, some)) == len(some.scores)
