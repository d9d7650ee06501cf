"""The reference of drift: what is watched of which tensor, how it is cut, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizer.drift import (
    FEWEST_IN_BIN,
    FEWEST_SAMPLES,
    MOST_BINS,
    SAMPLES_PER_BIN,
    brief,
    cuts,
    reference,
    usual,
)
from optimizer.onnx_file import Tensor
from optimizer.samples import Samples
from optimizer.tasks import Task
from watch.bins import Bins

COUNT = 340
RANDOM = np.random.default_rng(0)
NUMBERS = RANDOM.standard_normal((COUNT, 3)).astype(np.float32)
SCORES = RANDOM.standard_normal((COUNT, 4)).astype(np.float32)
CLASSES = Task("classification")
REGRESSION = Task("regression")


def samples(count: int = COUNT, made_up: bool = False, **inputs: np.ndarray) -> Samples:
    rows = np.arange(count)
    return Samples(inputs or {"x": NUMBERS}, None, rows[:0], rows, None if made_up else "0" * 64, None, ())


def tensor(values: np.ndarray, name: str = "x", shape: Sequence[int | str | None] | None = None) -> Tensor:
    given = ("N", *values.shape[1:]) if shape is None else tuple(shape)
    return Tensor(name, "string" if values.dtype.kind == "U" else values.dtype.name, given)


def rows(values: np.ndarray) -> list[np.ndarray]:
    return [values[row : row + 1] for row in range(len(values))]


def watched(found: dict[str, Any], side: str) -> list[tuple[str, str, int | None]]:
    return [(each["tensor"], each["statistic"], each["column"]) for each in found["watched"] if each["side"] == side]


def of_input(values: np.ndarray, shape: Sequence[int | str | None] | None = None) -> list[tuple[str, int | None]]:
    found = reference(samples(x=values), {"y": rows(NUMBERS[:, :1])}, REGRESSION, [tensor(values, shape=shape)])
    return [(statistic, column) for _, statistic, column in watched(found, "input")]


def of_output(values: list[np.ndarray], task: Task = REGRESSION) -> list[tuple[str, int | None]]:
    found = reference(samples(), {"y": values}, task, [])
    return [(statistic, column) for _, statistic, column in watched(found, "output")]


@pytest.mark.parametrize(
    ("shape", "dtype", "declared", "expected"),
    [
        ((), "float32", None, [("value", None)]),
        ((1,), "float32", None, [("value", None)]),
        ((3,), "float32", None, [("value", 0), ("value", 1), ("value", 2)]),
        ((2,), "int64", None, [("value", 0), ("value", 1)]),
        ((2,), "bool", None, [("value", 0), ("value", 1)]),
        ((2,), "float32", ("N", "columns"), [("mean", None), ("deviation", None)]),
        ((16,), "int64", ("N", "sequence"), [("length", None)]),
        ((128,), "int64", None, [("length", None)]),
        ((1, 8, 8), "float32", None, [("mean", None), ("deviation", None)]),
        ((8, 8, 3), "uint8", None, [("mean", None), ("deviation", None)]),
        ((300,), "float32", None, [("mean", None), ("deviation", None)]),
        ((40,), "float32", None, [("mean", None), ("deviation", None), *(("value", column) for column in range(30))]),
        ((2,), "str", None, [("length", None)]),
    ],
)
def test_an_input_is_watched_as_what_it_is(
    shape: tuple[int, ...], dtype: str, declared: Sequence[int | str] | None, expected: list[tuple[str, int | None]]
) -> None:
    values = RANDOM.integers(0, 9, (COUNT, *shape)).astype(dtype)
    assert of_input(values, declared) == expected


def test_class_scores_are_watched_by_their_top_class_and_its_probability() -> None:
    found = reference(samples(), {"scores": rows(SCORES)}, CLASSES, [tensor(NUMBERS)])
    assert watched(found, "output") == [("scores", "class", None), ("scores", "confidence", None)]
    top, sure = found["watched"][:2]
    assert sorted(top["categories"]) == ["0", "1", "2", "3"]
    tops = SCORES.argmax(axis=1)
    assert top["counts"] == [int((tops == int(name)).sum()) for name in top["categories"]] + [0]
    assert top["counts"] == [*sorted(top["counts"][:-1], reverse=True), 0]
    assert sum(sure["counts"]) == found["samples"] == COUNT
    assert found["reason"] is None and found["notes"] == []


def test_a_label_that_names_the_top_class_is_watched_in_its_place() -> None:
    names = np.array(["a", "b", "c", "d"])[SCORES.argmax(axis=1)]
    answers = {"label": rows(names), "scores": rows(SCORES)}
    found = reference(samples(), answers, CLASSES, [])
    assert watched(found, "output") == [("label", "class", None), ("scores", "confidence", None)]
    other = {"label": rows(np.array(["a", "b"])[(NUMBERS[:, 0] > 0).astype(int)]), "scores": rows(SCORES)}
    assert ("scores", "class", None) in watched(reference(samples(), other, CLASSES, []), "output")


@pytest.mark.parametrize(
    ("shape", "task", "expected"),
    [
        ((), REGRESSION, [("value", None)]),
        ((1,), CLASSES, [("value", None)]),
        ((2,), REGRESSION, [("value", 0), ("value", 1)]),
        ((64,), Task("embedding"), [("norm", None), ("mean", None)]),
        ((5, 8), Task("generation"), [("deviation", None), ("mean", None)]),
    ],
)
def test_an_output_is_watched_as_what_it_is(
    shape: tuple[int, ...], task: Task, expected: list[tuple[str, int | None]]
) -> None:
    assert of_output(rows(RANDOM.standard_normal((COUNT, *shape))), task) == expected


def test_outputs_of_any_size_are_watched_by_it() -> None:
    boxes = [RANDOM.random((count, 4)).astype(np.float32) for count in RANDOM.integers(0, 9, COUNT)]
    assert of_output(boxes, Task("detection")) == [("size", None), ("mean", None), ("deviation", None)]
    found = reference(samples(), {"y": boxes}, Task("detection"), [])
    empty = sum(len(box) == 0 for box in boxes)
    assert [entry["counts"][-1] for entry in found["watched"]] == [0, empty, empty]
    words = [np.array([["ab"] * count]) for count in RANDOM.integers(1, 4, COUNT)]
    assert of_output(words) == [("length", None)]
    masks = rows(RANDOM.integers(0, 2, (COUNT, 4, 4)))
    assert of_output(masks) == [("mean", None)]


def test_more_than_can_be_watched_is_told() -> None:
    wide = RANDOM.standard_normal((COUNT, 20)).astype(np.float32)
    given = samples(a=wide, b=wide, c=NUMBERS[:, :1])
    inputs = [tensor(wide, "a"), tensor(wide, "b"), tensor(NUMBERS[:, :1], "c")]
    found = reference(given, {"y": rows(SCORES)}, CLASSES, inputs)
    assert len(watched(found, "input")) == 32
    assert found["notes"] == [
        "Of input 'b', 12 of 20 figures are watched for drift: 32 of all inputs are.",
        "Of input 'c', 0 of 1 figures are watched for drift: 32 of all inputs are.",
    ]


def test_made_up_samples_and_few_of_them_are_no_reference_and_it_says_why() -> None:
    answers = {"y": rows(SCORES)}
    found = reference(samples(made_up=True), answers, CLASSES, [])
    assert (found["samples"], found["watched"]) == (0, [])
    assert "made up" in found["reason"] and "--data" in found["reason"]
    found = reference(samples(FEWEST_SAMPLES - 1), answers, CLASSES, [])
    assert (found["samples"], found["watched"]) == (50, [])
    assert found["reason"] == (
        "50 samples judge, and it is told from 51 on: with fewer, chance alone would look like drift. "
        "Give 80 samples or more."
    )
    enough = reference(samples(FEWEST_SAMPLES), {"y": rows(SCORES[:FEWEST_SAMPLES])}, CLASSES, [])
    assert enough["reason"] is None
    assert len(enough["watched"][1]["edges"]) == 2


def test_the_same_samples_give_the_same_reference() -> None:
    found = [reference(samples(), {"y": rows(SCORES)}, CLASSES, [tensor(NUMBERS)]) for _ in range(2)]
    assert json.dumps(found[0]) == json.dumps(found[1])


def test_what_never_varies_has_a_bin_of_its_own_and_one_on_either_side() -> None:
    for always in (np.zeros(100), np.ones(100), np.full(100, -7e6), 1 + 1e-6 * RANDOM.standard_normal(100)):
        edges = cuts(always)
        assert Bins(edges, None).count(always).tolist() == [0, 100, 0, 0]
        assert Bins(edges, None).count(always[:1] * 1.01 + 0.01)[1] == 0


def test_figures_of_few_values_have_a_bin_for_each_that_is_frequent() -> None:
    found = np.repeat([0, 1, 2, 3], [200, 100, 3, 40])
    edges = cuts(found)
    assert Bins(edges, None).count(found).tolist() == [200, 100, 43, 0]
    assert edges[0] == 0.5


def test_ten_equal_parts_of_many_figures() -> None:
    counts = Bins(cuts(NUMBERS[:, 0]), None).count(NUMBERS[:, 0])
    assert counts.tolist() == [34] * 10 + [0]


@given(st.lists(st.one_of(st.integers(-3, 3).map(float), st.floats(width=32)), min_size=FEWEST_SAMPLES, max_size=400))
def test_cuts_rise_and_leave_enough_in_each_bin(found: list[float]) -> None:
    figures = np.array(found)
    edges = cuts(figures)
    assert edges == sorted(set(edges)) and len(edges) < MOST_BINS
    assert json.loads(json.dumps(edges)) == edges
    numbers = figures[np.isfinite(figures)]
    if len(numbers) == len(figures) and numbers.max() - numbers.min() > 1e-3 * np.abs(numbers).max():
        assert len(edges) < len(found) / SAMPLES_PER_BIN
        assert min(Bins(edges, None).count(figures)[:-1]) >= FEWEST_IN_BIN


@given(st.floats(-1e30, 1e30), st.floats(-1e30, 1e30))
def test_an_edge_lies_between_its_neighbours_and_is_short(one: float, other: float) -> None:
    low, high = sorted((one, other))
    if low < high:
        edge = brief(low, high)
        assert low <= edge < high


def test_an_edge_is_as_short_as_can_be() -> None:
    assert brief(0.1234567, 0.1987654) == 0.16
    assert brief(1, 2) == 1.5
    assert brief(np.float64(0.1), np.nextafter(0.1, 1)) == 0.1


def test_categories_that_are_rare_long_or_called_other_stay_together() -> None:
    found = np.array(["a"] * 60 + ["b"] * 30 + ["c"] * 4 + ["x" * 65] * 20 + ["other"] * 20 + ["d\n"] * 20)
    assert usual(found) == ["a", "b"]
    many = np.arange(1000) % 50
    assert len(usual(many)) == 20
    assert len(usual(many[:170])) == 0 and len(usual(np.arange(170) % 17)) == 10
