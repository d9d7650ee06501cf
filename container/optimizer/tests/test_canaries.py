import json
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays, floating_dtypes, integer_dtypes, unsigned_integer_dtypes

from optimizer.admit import Request
from optimizer.canaries import canary_rows, synthetic
from optimizer.pipeline import optimize_to
from optimizer.recipe import from_document
from optimizer.session import open_session
from optimizer.tests.models import EXAMPLES, candidate, recipe, work


def one(*values: float) -> list[np.ndarray]:
    return [np.array([value], np.float32) for value in values]


@given(count=st.integers(1, 60), most=st.integers(1, 32), seed=st.integers(0, 9))
def test_canaries_are_different_samples_chosen_by_the_seed(count: int, most: int, seed: int) -> None:
    answers = {"y": one(*range(count))}
    rows = canary_rows(answers, answers, most, seed)
    assert len(rows) == len(set(rows.tolist())) == min(count, most) and set(rows) <= set(range(count))
    np.testing.assert_array_equal(rows, canary_rows(answers, answers, most, seed))


def test_canaries_have_answers_of_one_shape() -> None:
    boxes = [np.zeros((1, 2 + (row % 2), 4)) for row in range(10)]
    answers = {"boxes": boxes, "y": one(*range(10))}
    rows = canary_rows(answers, answers, 8, 0)
    assert len(rows) == 5 and len({boxes[row].shape for row in rows}) == 1


def test_only_samples_that_can_be_replayed_are_canaries() -> None:
    labels = [np.array([row % 3]) for row in range(30)]
    other = [np.array([9]) if row in (4, 17) else label for row, label in enumerate(labels)]
    boxes = [np.full((1, 2, 4), row + 1.0) for row in range(30)]
    more = [np.full((1, 3, 4), row + 1.0) if row == 8 else box for row, box in enumerate(boxes)]
    rows = canary_rows({"boxes": boxes, "label": labels}, {"boxes": more, "label": other}, 30, 0)
    assert rows.tolist() == [row for row in range(30) if row not in (4, 8, 17)]
    gone = [np.full((1, 3, 4), 1.0)] * 30
    assert len(canary_rows({"boxes": boxes}, {"boxes": gone}, 30, 0)) == 0


def test_samples_with_little_noise_are_preferred_and_others_fill_up() -> None:
    expected = one(*([1.0] * 20))
    turned = [value if row % 4 else -value for row, value in enumerate(expected)]
    assert all(row % 4 for row in canary_rows({"y": expected}, {"y": turned}, 15, 0))
    assert len(canary_rows({"y": expected}, {"y": turned}, 18, 0)) == 18


numbers = st.one_of(
    floating_dtypes(endianness="=", sizes=(32, 64)),
    integer_dtypes(endianness="="),
    unsigned_integer_dtypes(endianness="="),
).flatmap(
    lambda dtype: arrays(
        dtype,
        st.tuples(st.integers(1, 6), st.integers(1, 4)),
        elements={"allow_nan": False, "allow_infinity": False, "min_value": -(2.0**99), "max_value": 2.0**99}
        if dtype.kind == "f"
        else None,
    )
)


@given(values=numbers, count=st.integers(1, 9), seed=st.integers(0, 9))
def test_made_up_numbers_stay_within_the_samples_and_keep_dtype_and_shape(
    values: np.ndarray, count: int, seed: int
) -> None:
    made = synthetic({"x": values}, count, seed)["x"]
    assert (made.dtype, made.shape) == (values.dtype, (count, *values.shape[1:]))
    assert made.min() >= values.min() and made.max() <= values.max()
    np.testing.assert_array_equal(made, synthetic({"x": values}, count, seed)["x"])


def test_whole_numbers_reach_both_ends() -> None:
    made = synthetic({"id": np.array([[3], [5]])}, 200, 0)["id"]
    assert set(made.ravel().tolist()) == {3, 4, 5}


def test_truth_values_and_texts_are_made_up_too() -> None:
    names = np.array([["Ada"], ["canary-0"], ["Grace"]])
    made = synthetic({"name": names, "known": np.array([[True]] * 3)}, 50, 0)
    assert made["known"].dtype == bool and set(made["known"].ravel().tolist()) == {True, False}
    assert made["name"].shape == (50, 1) and not set(made["name"].ravel().tolist()) & set(names.ravel().tolist())


def test_no_sample_leaves_the_optimizer_when_canaries_are_made_up(tmp_path: Path) -> None:
    digits = EXAMPLES / "digits"
    document = recipe(candidate(), canaries={"source": "synthetic"})
    request = Request(from_document(document), digits / "digits.onnx", digits / "samples.npz", digits / "labels.npy")
    optimize_to(request, work(tmp_path / "scratch"), tmp_path / "out")
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    canaries = dict(np.load(tmp_path / "out" / "canaries.npz"))
    samples = {image.tobytes() for image in np.load(digits / "samples.npz")["image"]}
    made = canaries["input:image"]
    assert (len(made), report["canaries"]["count"], report["canaries"]["synthetic"]) == (4, 4, True)
    assert not samples & {image.tobytes() for image in made}
    [expected] = open_session(digits / "digits.onnx").run(["logits"], {"image": made})
    np.testing.assert_allclose(canaries["expected:logits"], np.asarray(expected), atol=1e-4)
