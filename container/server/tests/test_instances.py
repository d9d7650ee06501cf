"""Rows in JSON: what Vertex AI's callers send, and sentences that name the row at fault."""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server import forms, instances
from server.errors import Refusal
from server.oip import DATATYPES, Signature, TensorSpec


def spec(name: str, datatype: str, *dims: int | None) -> TensorSpec:
    return TensorSpec(name, DATATYPES[datatype], dims)


X = spec("x", "FP32", None, 2)
ONE = Signature("m", "1", (X,), (spec("y", "FP32", None, 3),))
TWO = Signature(
    "m",
    "1",
    (spec("ids", "INT64", None, None), spec("text", "BYTES", None)),
    (spec("score", "FP32", None), spec("label", "BYTES", None)),
)


def take(rows: Any, signature: Signature = ONE) -> list[np.ndarray]:
    return forms.decode("any-json", orjson.dumps({"instances": rows}), signature, 16).arrays


FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False)
KEYS = st.sampled_from(["x", "ids", "text", "a"])
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner),
    max_leaves=12,
)


@given(st.lists(st.lists(FLOATS, min_size=2, max_size=2), min_size=1))
def test_rows_become_one_tensor_bare_or_by_name(rows: list[list[float]]) -> None:
    for given_rows in (rows, [{"x": row} for row in rows]):
        (array,) = take(given_rows)
        assert (array.dtype, array.shape) == (np.dtype("f4"), (len(rows), 2))
        np.testing.assert_array_equal(array, np.array(rows, np.float32))


def test_several_inputs_of_several_types() -> None:
    ids, text = take([{"ids": [1, 2], "text": "é"}, {"text": "", "ids": [3, 4]}], TWO)
    assert (ids.tolist(), ids.dtype.str) == ([[1, 2], [3, 4]], "<i8")
    assert text.tolist() == ["é", ""]


def test_scalars_strings_and_booleans_alone() -> None:
    kinds: list[tuple[str, list[Any]]] = [("FP64", [1, 2.5]), ("BYTES", ["a", "b"]), ("BOOL", [True, False])]
    for datatype, rows in kinds:
        (array,) = take(rows, Signature("m", "1", (spec("v", datatype, None),), ()))
        assert (array.tolist(), array.shape) == (rows, (2,))


@pytest.mark.parametrize(
    ("rows", "signature", "error"),
    [
        ({}, ONE, "'instances' is an object; a list of rows is wanted"),
        ([], ONE, "'instances' is empty; at least one row is wanted"),
        ([[1, 2], [1]], ONE, "instance 1: 'x' has shape [1]; the model takes a row of shape [2]"),
        ([[1, 2], 7], ONE, "instance 1: 'x' is a number; the model takes a row of shape [2]"),
        ([[1, 2], [3, "a"]], ONE, "instance 1: input 'x' holds 'a' at position 1; FP32 takes finite numbers"),
        ([[1, 2], [3, True]], ONE, "instance 1: input 'x' holds a boolean at position 1"),
        ([[1, 2], [3, None]], ONE, "instance 1: input 'x' holds null at position 1"),
        ([[1, 2], {"x": [1, 2]}], ONE, "instance 0 is a list where others are objects"),
        (
            [{"x": [1, 2]}, {"y": [1, 2]}],
            ONE,
            "instance 1 lacks 'x' and has 'y', unknown to the model, which takes 'x'",
        ),
        ([[1, 2]], TWO, "instance 0 is a list; the model takes 2 inputs: give an object of 'ids', 'text'"),
        (
            [{"ids": [1], "text": "a"}, {"ids": [1, 2], "text": "b"}],
            TWO,
            "instance 1: 'ids' has shape [2], and instance 0 has [1]; rows of one request have one shape",
        ),
        ([{"ids": [1], "text": 5}], TWO, "instance 0: input 'text' holds '5' at position 0; BYTES takes strings"),
        ([[1, 2]] * 2, Signature("m", "1", (spec("x", "FP32", 1, 2),), ()), "2 instances are given; the model takes 1"),
    ],
)
def test_what_does_not_fit_is_told_with_its_row(rows: Any, signature: Signature, error: str) -> None:
    with pytest.raises(Refusal) as caught:
        take(rows, signature)
    assert caught.value.status == 400
    assert error in caught.value.message


@given(ANYTHING)
def test_whatever_is_sent_is_taken_or_refused(rows: Any) -> None:
    for signature in (ONE, TWO):
        try:
            arrays = instances.take({"instances": rows}, signature)
        except Refusal as refusal:
            assert refusal.status == 400
        else:
            assert arrays.arrays[0].shape[0] == len(rows)


def predictions(outputs: list[np.ndarray], signature: Signature, rows: int) -> Any:
    request = instances.take({"instances": [[0, 0]] * rows}, ONE)
    request.wanted = list(signature.as_json)
    return orjson.loads(instances.predictions(signature, request, outputs))["predictions"]


def test_predictions_are_rows_by_name_where_there_are_several_outputs() -> None:
    y = np.array([[1, 2.5, np.nan], [4, 5, np.inf]], np.float32)
    assert predictions([y], ONE, 2) == [[1, 2.5, None], [4, 5, None]]
    score, label = np.array([0.5, 0.25], np.float32), np.array(["a", "b"], object)
    assert predictions([score, label], TWO, 2) == [{"score": 0.5, "label": "a"}, {"score": 0.25, "label": "b"}]


def test_an_output_without_rows_goes_with_one_instance_and_no_more() -> None:
    total = np.array(3, np.float32)
    assert predictions([total], ONE, 1) == [3]
    with pytest.raises(Refusal, match="is not one row for each of 2 instances"):
        predictions([total], ONE, 2)
