import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from optimizer.session import Answers
from optimizer.tasks import Task, agreement, beyond_labels, likeness, recall, task_of

EXACT = st.floats(-100, 100, width=32).map(lambda value: round(value, 3))


def rows(*values: list[float]) -> list[np.ndarray]:
    return [np.array([value], np.float32) for value in values]


def samples(values: np.ndarray) -> list[np.ndarray]:
    return [row[None] for row in values]


def share(task: str, reference: Answers, got: Answers) -> float | None:
    return agreement(Task(task), reference, got)


def one_hot(*tokens: int) -> np.ndarray:
    return np.eye(4, dtype=np.float32)[list(tokens)][None]


def test_classification_counts_top_classes_and_takes_the_worst_output() -> None:
    reference = {"y": rows([3, 4], [1, 0], [0, 1], [0, 1]), "count": [np.array([1])] * 4}
    got = {"y": rows([4, 3], [1, 0], [0, 1], [0, 2]), "count": [np.array([1])] * 2 + [np.array([2])] * 2}
    assert share("classification", reference, {**got, "count": reference["count"]}) == 0.75
    assert share("classification", reference, got) == 0.5


def test_text_and_integers_agree_by_equality() -> None:
    reference = {"label": [np.array(["a"]), np.array(["b"])]}
    assert share("classification", reference, {"label": [np.array(["a"]), np.array(["c"])]}) == 0.5


def test_whole_numbers_of_a_mask_agree_element_by_element() -> None:
    mask = np.zeros((1, 10, 10), np.int64)
    other = mask.copy()
    other[0, 0, 0] = 1
    assert share("classification", {"mask": [mask, mask]}, {"mask": [mask, other]}) == pytest.approx(0.995)


def test_an_output_that_names_the_top_class_is_not_judged_again() -> None:
    scores = rows([3, 1], [1, 3], [2, 1])
    words = [np.array(["no"]), np.array(["yes"]), np.array(["no"])]
    changed = [np.array(["yes"]), np.array(["yes"]), np.array(["no"])]
    assert beyond_labels({"y": scores, "label": words}, {"y": scores, "label": changed}) is None
    own = [np.array([1]), np.array([2]), np.array([3])]
    found = beyond_labels({"y": scores, "count": own}, {"y": scores, "count": own[::-1]})
    assert found is not None and found.agreement == pytest.approx(1 / 3)


def test_a_single_score_has_no_class_to_agree_on() -> None:
    assert share("classification", {"y": rows([1.0], [2.0])}, {"y": rows([1.0], [2.5])}) is None


def test_generation_counts_positions_before_the_first_other_token() -> None:
    reference = {"logits": [one_hot(0, 1, 2, 3), one_hot(1, 1), one_hot(2, 2, 2, 2)]}
    got = {"logits": [one_hot(0, 1, 1, 3), one_hot(1, 1), one_hot(0, 2, 2, 2)]}
    # Two of four, all, none: what comes after the first other token does not count.
    assert share("generation", reference, got) == pytest.approx((0.5 + 1 + 0) / 3)


def test_regression_has_nothing_to_count() -> None:
    assert share("regression", {"y": rows([1, 2])}, {"y": rows([1, 2])}) is None


def circle(*degrees: float) -> np.ndarray:
    angles = np.radians(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def test_recall_counts_the_nearest_of_each_sample() -> None:
    # Three pairs; six samples, so each has one neighbour.
    reference = circle(0, 5, 100, 106, 200, 207)
    assert recall(reference, reference) == 1
    # The fifth goes far away: it and its partner have other neighbours now.
    assert recall(reference, circle(0, 5, 100, 106, 320, 207)) == pytest.approx(4 / 6)
    assert recall(reference[:5], reference[:5]) is None


def test_a_neighbour_that_fp32_hardly_tells_apart_counts() -> None:
    reference = circle(0, 10, -10.1, 90, 180, 270)
    # 0 now has -10.1 as its nearest instead of 10: as near, as far as fp32 is concerned.
    assert recall(reference, circle(0, 10.2, -10.1, 90, 180, 270)) == 1
    assert recall(circle(0, 10, -14, 90, 180, 270), circle(0, 14, -10, 90, 180, 270)) == pytest.approx(5 / 6)


def test_a_common_offset_does_not_hide_lost_neighbours_as_signal_to_noise_does() -> None:
    random = np.random.default_rng(0)
    vectors = (random.normal(size=(200, 64)) * 0.05 + random.normal(size=64)).astype(np.float32)
    noisy = vectors + random.normal(0, 0.05, vectors.shape).astype(np.float32)
    found = likeness(Task("embedding"), {"v": samples(vectors)}, {"v": samples(noisy)})
    assert found.sqnr_db > 20
    assert found.agreement is not None and found.agreement < 0.9


def test_word_vectors_are_averaged_over_the_sequence() -> None:
    random = np.random.default_rng(1)
    reference = [random.normal(size=(1, length, 8)).astype(np.float32) for length in range(3, 15)]
    shuffled = [value[:, ::-1] for value in reference]
    assert share("embedding", {"h": reference}, {"h": shuffled}) == 1


@pytest.mark.parametrize(
    ("family", "name", "values", "labelled", "task"),
    [
        ("cnn", "y", rows([1, 2], [3, 4]), False, "classification"),
        ("mlp", "y", rows([1.0], [2.0]), False, "regression"),
        ("cnn", "mask", [np.zeros((1, 2, 8, 8), np.float32)], False, "regression"),
        ("encoder", "last_hidden_state", [np.zeros((1, 5, 8), np.float32)], False, "embedding"),
        ("encoder", "logits", [np.zeros((1, 5, 8), np.float32)], False, "regression"),
        ("encoder", "logits", rows([1, 2]), False, "classification"),
        ("encoder", "sentence_embedding", rows([1, 2]), False, "embedding"),
        ("encoder", "sentence_embedding", rows([1, 2]), True, "classification"),
        ("vit", "y", samples(np.eye(16, dtype=np.float32)), False, "embedding"),
        ("decoder", "logits", [one_hot(1, 2)], False, "generation"),
        ("detector", "boxes", [np.zeros((0, 4), np.float32)], False, "detection"),
        ("classic", "label", [np.array([1]), np.array([0])], False, "classification"),
    ],
)
def test_the_task_follows_from_family_and_outputs(
    family: str, name: str, values: list[np.ndarray], labelled: bool, task: str
) -> None:
    assert task_of("auto", family, {name: values}, labelled).name == task


def test_a_task_that_cannot_be_counted_says_so() -> None:
    assert task_of("auto", "cnn", {"y": rows([1, 2])}, False).note is None
    assert task_of("regression", "mlp", {"y": rows([1.0])}, False).note is None
    found = task_of("generation", "cnn", {"y": rows([1, 2])}, False)
    assert found.note == (
        "The task is generation, but no float output has the shape [batch, sequence, vocabulary]: "
        "signal to noise alone tells how close answers are to fp32's."
    )
    few = task_of("embedding", "encoder", {"y": rows([1, 2], [3, 4])}, False)
    assert few.note is not None and "fewer than 6 samples" in few.note


TASKS = st.sampled_from(["classification", "embedding", "generation"])


@given(TASKS, hnp.arrays(np.float32, (12, 3, 4), elements=EXACT), st.integers(0, 99))
def test_the_same_answers_agree_whole_and_the_order_of_samples_changes_nothing(
    task: str, values: np.ndarray, seed: int
) -> None:
    answers = values[:, 0] if task == "classification" else values
    other = answers + np.random.default_rng(seed).normal(0, 20, answers.shape).round(3).astype(np.float32)
    order = np.random.default_rng(seed).permutation(12)
    assert share(task, {"y": samples(answers)}, {"y": samples(answers)}) == 1
    found = share(task, {"y": samples(answers)}, {"y": samples(other)})
    again = share(task, {"y": samples(answers[order])}, {"y": samples(other[order])})
    assert found == pytest.approx(again) and found is not None and 0 <= found <= 1


@given(st.sampled_from(["classification", "generation"]), hnp.arrays(np.float32, (2, 6, 3, 4), elements=EXACT))
def test_classes_and_tokens_agree_both_ways_alike(task: str, values: np.ndarray) -> None:
    one, other = (part[:, 0] if task == "classification" else part for part in values)
    assert share(task, {"y": samples(one)}, {"y": samples(other)}) == share(
        task, {"y": samples(other)}, {"y": samples(one)}
    )


@given(hnp.arrays(np.float64, (10, 3), elements=st.floats(-10, 10)), st.floats(0.01, 100))
def test_the_length_of_vectors_does_not_matter(vectors: np.ndarray, factor: float) -> None:
    assume((np.linalg.norm(vectors, axis=1) > 0.1).all())
    assert recall(vectors, vectors * factor) == 1
