from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizer.detection import matched_boxes
from optimizer.layouts import Layout, find_layout
from optimizer.session import Answers
from optimizer.tasks import likeness, task_of

BOXES = np.array([[10, 20, 50, 80], [100, 40, 160, 90], [30, 120, 70, 180]], np.float32)
SCORES = np.array([0.9, 0.7, 0.3], np.float32)
CLASSES = np.array([0, 2, 1])
"""What every layout below tells: three boxes of three classes."""


def table(scores: np.ndarray = SCORES, classes: int = 3) -> np.ndarray:
    """Scores by class [boxes, classes]."""
    return np.eye(classes, dtype=np.float32)[CLASSES] * scores[:, None]


def centred(boxes: np.ndarray) -> np.ndarray:
    sizes = boxes[:, 2:] - boxes[:, :2]
    return np.hstack([boxes[:, :2] + sizes / 2, sizes])


def with_idle(rows: np.ndarray, count: int = 40) -> np.ndarray:
    """More rows behind, in which nothing is found."""
    idle = np.zeros((count, rows.shape[1]), np.float32)
    idle[:, :4] = [5, 5, 2, 2]
    return np.vstack([rows, idle])


def yolo(boxes: np.ndarray, scores: np.ndarray) -> dict[str, np.ndarray]:
    return {"output0": with_idle(np.hstack([centred(boxes), table(scores)])).T[None]}


def yolo_with_objectness(boxes: np.ndarray, scores: np.ndarray) -> dict[str, np.ndarray]:
    return {"output": with_idle(np.hstack([centred(boxes), scores[:, None], table(np.ones(3, np.float32))]))[None]}


def yolo_with_masks(boxes: np.ndarray, scores: np.ndarray) -> dict[str, np.ndarray]:
    weights = np.full((3, 8), 7, np.float32)
    rows = with_idle(np.hstack([centred(boxes), table(scores), weights]))
    return {"output0": rows.T[None], "output1": np.ones((1, 8, 4, 4), np.float32)}


def separate(boxes: np.ndarray, scores: np.ndarray) -> dict[str, np.ndarray]:
    return {"boxes": boxes, "labels": CLASSES, "scores": scores}


def padded(boxes: np.ndarray, scores: np.ndarray) -> dict[str, np.ndarray]:
    def filled(values: np.ndarray) -> np.ndarray:
        # What lies behind the number of boxes says nothing.
        return np.concatenate([values, np.full((2, *values.shape[1:]), 1, values.dtype)])[None]

    return {
        "num_detections": np.array([3], np.float32),
        "detection_boxes": filled(boxes),
        "detection_classes": filled(CLASSES.astype(np.float32)),
        "detection_scores": filled(scores),
    }


def in_six(boxes: np.ndarray, scores: np.ndarray) -> dict[str, np.ndarray]:
    return {"output0": with_idle(np.hstack([boxes, scores[:, None], CLASSES[:, None]]).astype(np.float32))[None]}


def in_seven(boxes: np.ndarray, scores: np.ndarray) -> dict[str, np.ndarray]:
    return {"output": np.hstack([np.zeros((3, 1)), boxes, CLASSES[:, None], scores[:, None]]).astype(np.float32)}


def in_seven_ssd(boxes: np.ndarray, scores: np.ndarray) -> dict[str, np.ndarray]:
    rows = np.hstack([np.zeros((3, 1)), CLASSES[:, None], scores[:, None], boxes]).astype(np.float32)
    return {"detection_out": rows[None, None]}


def ssd(boxes: np.ndarray, scores: np.ndarray) -> dict[str, np.ndarray]:
    """Probabilities, the first class being the background; boxes with nothing in them have it on top."""
    rows = np.zeros((43, 4), np.float32)
    rows[:3, 1:] = table(scores)
    rows[:, 0] = 1 - rows.sum(axis=1)
    return {"scores": rows[None], "boxes": np.vstack([boxes, np.tile(BOXES[:1], (40, 1))])[None]}


def detr(boxes: np.ndarray, scores: np.ndarray) -> dict[str, np.ndarray]:
    """Logits, the last class being no object; boxes by their centre, within 0 and 1."""
    probabilities = np.full((43, 4), 1e-6)
    probabilities[:3, :3] += table(scores)
    probabilities[:, 3] = 1 - probabilities.sum(axis=1)
    places = np.vstack([centred(boxes), np.tile(centred(BOXES[:1]), (40, 1))]) / 200
    return {
        "pred_logits": np.log(probabilities).astype(np.float32)[None],
        "pred_boxes": places.astype(np.float32)[None],
    }


LAYOUTS = {
    made.__name__: made
    for made in (
        yolo,
        yolo_with_objectness,
        yolo_with_masks,
        separate,
        padded,
        in_six,
        in_seven,
        in_seven_ssd,
        ssd,
        detr,
    )
}
FINAL = {"separate", "padded", "in_six", "in_seven", "in_seven_ssd"}


def answers(*made: Mapping[str, np.ndarray]) -> Answers:
    return {name: [entry[name] for entry in made] for name in made[0]}


def layout_of(found: Answers) -> Layout:
    layout = find_layout(found)
    assert layout is not None
    return layout


@pytest.mark.parametrize("name", LAYOUTS)
def test_boxes_scores_and_classes_are_found_in_every_layout(name: str) -> None:
    made = LAYOUTS[name](BOXES, SCORES)
    layout = layout_of(answers(made))
    assert layout.final == (name in FINAL)
    found = layout.read(made)
    order = np.argsort(-found.scores)
    scale = 200 if name == "detr" else 1
    assert found.boxes[order] * scale == pytest.approx(BOXES, abs=1e-3)
    assert found.scores[order] == pytest.approx(SCORES, abs=1e-4)
    assert np.unique(found.classes).size == 3


@pytest.mark.parametrize("name", LAYOUTS)
def test_moved_lost_and_new_boxes_count_by_hand(name: str) -> None:
    made = LAYOUTS[name]
    reference = answers(made(BOXES, SCORES), made(BOXES, SCORES))
    layout = layout_of(reference)
    moved = BOXES.copy()
    moved[0] += 100
    # Of six boxes in each the first of one sample has no partner, in either direction.
    assert matched_boxes(layout, reference, answers(made(moved, SCORES), made(BOXES, SCORES))) == pytest.approx(10 / 12)
    # A pixel is nothing; a score just below the threshold still answers, and does not count itself.
    weaker = np.array([0.9, 0.7, 0.24], np.float32)
    assert matched_boxes(layout, reference, answers(made(BOXES + 1, weaker), made(BOXES, SCORES))) == 1
    lost = np.array([0.9, 0.7, 0.05], np.float32)
    assert matched_boxes(layout, reference, answers(made(BOXES, lost), made(BOXES, SCORES))) == pytest.approx(10 / 11)


def test_another_class_is_another_box() -> None:
    reference = answers(separate(BOXES, SCORES))
    got = {**reference, "labels": [np.array([0, 2, 2])]}
    assert matched_boxes(layout_of(reference), reference, got) == pytest.approx(4 / 6)


def test_finished_boxes_are_compared_with_their_partners_in_whatever_order_and_number() -> None:
    reference = answers(separate(BOXES, SCORES))
    task = task_of("auto", "detector", reference, False)
    got = {
        "boxes": [np.vstack([BOXES[::-1] + 1, [[0, 0, 1, 1]]]).astype(np.float32)],
        "labels": [np.array([1, 2, 0, 5])],
        "scores": [np.array([0.3, 0.7, 0.9, 0.01], np.float32)],
    }
    found = likeness(task, reference, got)
    assert (task.name, found.agreement, found.max_abs_error, found.non_finite) == ("detection", 1, 1, 0)
    assert found.sqnr_db == pytest.approx(10 * np.log10((BOXES.astype(float) ** 2).mean()), abs=0.01)
    bad = {**got, "boxes": [np.full((4, 4), np.nan, np.float32)]}
    assert likeness(task, reference, bad).non_finite == 16


def test_raw_boxes_are_compared_element_by_element_too() -> None:
    reference = answers(yolo(BOXES, SCORES))
    task = task_of("detection", "cnn", reference, False)
    noise = {"output0": [value * 1.01 for value in reference["output0"]]}
    found = likeness(task, reference, noise)
    assert found.sqnr_db == pytest.approx(40, abs=0.01)
    assert found.agreement == 1


@pytest.mark.parametrize(
    "made",
    [
        {"y": np.zeros((1, 10), np.float32)},
        {"p3": np.zeros((1, 255, 8, 8), np.float32), "p4": np.zeros((1, 255, 4, 4), np.float32)},
        {"boxes": np.zeros((1, 7, 4), np.float32), "names": np.array([["a"] * 7])},
    ],
)
def test_where_boxes_cannot_be_found_a_note_says_so_and_noise_alone_counts(made: dict[str, np.ndarray]) -> None:
    reference = answers(made, made)
    task = task_of("auto", "detector", reference, False)
    assert task.note is not None and "no boxes of a known layout" in task.note
    assert likeness(task, reference, reference).agreement is None


def test_a_network_that_finds_nothing_says_so() -> None:
    reference = answers(yolo(BOXES, SCORES * 0.1))
    assert task_of("auto", "detector", reference, False).note is not None


boxes = st.lists(
    st.tuples(
        st.integers(0, 90),
        st.integers(0, 90),
        st.integers(1, 40),
        st.integers(1, 40),
        st.integers(0, 2),
        st.floats(0, 1),
    ),
    min_size=1,
    max_size=6,
)


def one(entries: list[tuple[int, int, int, int, int, float]]) -> dict[str, np.ndarray]:
    rows = np.array(entries, np.float64)
    corners = np.hstack([rows[:, :2], rows[:, :2] + rows[:, 2:4]])
    return {
        "boxes": corners.astype(np.float32),
        "labels": rows[:, 4].astype(np.int64),
        "scores": rows[:, 5].astype(np.float32),
    }


@given(st.lists(boxes, min_size=3, max_size=3), st.lists(boxes, min_size=3, max_size=3), st.permutations(range(3)))
def test_boxes_agree_with_themselves_both_ways_alike_and_in_any_order_of_samples(
    some: list, others: list, order: list[int]
) -> None:
    reference, got = answers(*map(one, some)), answers(*map(one, others))
    layout = layout_of(answers(separate(BOXES, SCORES)))
    found = matched_boxes(layout, reference, got)
    assert matched_boxes(layout, reference, reference) in (1, None)
    assert found == matched_boxes(layout, got, reference)
    reference, got = ({name: [values[i] for i in order] for name, values in side.items()} for side in (reference, got))
    assert found == matched_boxes(layout, reference, got)
