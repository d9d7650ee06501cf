"""CSV and .npy bodies, and the form of an answer."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from server import forms
from server.errors import Refusal
from server.oip import DATATYPES, Request, Signature
from server.tests.test_instances import ONE, TWO, spec

TABLE = Signature("m", "1", (spec("x", "FP32", None, 3),), (spec("y", "FP32", None, 2),))


def npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


def table_of(datatype: str, *dims: int | None) -> Signature:
    return Signature("m", "1", (spec("x", datatype, *dims),), ())


def decode(form: str, body: bytes, signature: Signature) -> np.ndarray:
    (array,) = forms.decode(form, body, signature, 16).arrays
    return array


@pytest.mark.parametrize("body", [b"1,2,3\n4,5,6.5", b"1,2,3\r\n4,5,6.5\r\n", b' 1, "2",3 \n\n4,5,65e-1\n\n'])
def test_csv_is_rows_of_numbers(body: bytes) -> None:
    array = decode("csv", body, TABLE)
    assert (array.tolist(), array.dtype.str) == ([[1, 2, 3], [4, 5, 6.5]], "<f4")


def test_csv_of_whole_numbers_strings_and_booleans() -> None:
    assert decode("csv", b"1,-2\n", table_of("INT64", None, None)).tolist() == [[1, -2]]
    assert decode("csv", b'a,"b,c"\n', table_of("BYTES", None, None)).tolist() == [["a", "b,c"]]
    assert decode("csv", b"true,0\n", table_of("BOOL", None, None)).tolist() == [[True, False]]


@pytest.mark.parametrize(
    ("body", "signature", "error"),
    [
        (b"1,2,3\n4,5", TABLE, "row 2 has 2 values; row 1 has 3"),
        (b"1,2,3\n4,five,6", TABLE, "row 2, column 2 holds 'five'; FP32 takes finite numbers"),
        (b"a,b,c\n1,2,3", TABLE, "row 1, column 1 holds 'a'"),
        (b"1,2,nan", TABLE, "row 1, column 3 holds 'nan'"),
        (b"1,2,1_0", TABLE, "row 1, column 3 holds '1_0'"),
        (b"1,2,", TABLE, "row 1, column 3 holds ''"),
        (b"1,2,1e39", TABLE, "FP32 takes finite numbers"),
        (b"1,2", TABLE, "input 'x' has shape [1, 2]; the model takes [-1, 3]"),
        (b"", TABLE, "the body has no row"),
        (b"\xff", TABLE, "the body is not UTF-8"),
        (b'"a', TABLE, "the body is not CSV"),
        (b"1.5,2", table_of("INT64", None, 2), "row 1, column 1 holds '1.5'; INT64 takes whole numbers"),
        (b"1", table_of("FP32", None), "CSV has rows and columns; input 'x' takes [-1]"),
        (b"1", TWO, "CSV carries one input; this model takes 2"),
    ],
)
def test_csv_that_does_not_fit(body: bytes, signature: Signature, error: str) -> None:
    with pytest.raises(Refusal) as caught:
        decode("csv", body, signature)
    assert (caught.value.status, error in caught.value.message) == (400, True), caught.value.message


@given(arrays.arrays(np.float32, arrays.array_shapes(min_dims=2, max_dims=2).map(lambda shape: (shape[0], 3))))
def test_npy_is_taken_whatever_its_order(array: np.ndarray) -> None:
    for given_array in (array, np.asfortranarray(array), array.astype(">f4")):
        np.testing.assert_array_equal(decode("npy", npy(given_array), TABLE), array)


@pytest.mark.parametrize(
    ("array", "datatype", "expected"),
    [
        (np.array([[1.5, 2, 3]]), "FP32", np.array([[1.5, 2, 3]], np.float32)),
        (np.array([[1, 2, 3]]), "FP32", np.array([[1, 2, 3]], np.float32)),
        (np.array([[1, 2, 3]], np.uint8), "INT64", np.array([[1, 2, 3]])),
        (np.array([[True, False, True]]), "BOOL", np.array([[True, False, True]])),
        (np.array([["a", "bc", "é"]]), "BYTES", np.array([["a", "bc", "é"]], object)),
    ],
)
def test_npy_of_another_width_becomes_what_the_model_takes(array: np.ndarray, datatype: str, expected: Any) -> None:
    got = decode("npy", npy(array), table_of(datatype, None, 3))
    assert got.dtype == expected.dtype
    np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize(
    ("body", "signature", "error"),
    [
        (b"", TABLE, "no array in NumPy's .npy format"),
        (b"\x93NUMPY\x01\x00\xff\xff{", TABLE, "no array in NumPy's .npy format"),
        (npy(np.zeros((1, 3), np.float32)).replace(b"'<f4'", b"'<q4'"), TABLE, "no array in NumPy's .npy format"),
        (npy(np.zeros((1, 3), np.float32))[:-1], TABLE, "the array has 11 bytes; float32 of shape [1, 3] has 12"),
        (npy(np.zeros((1, 2), np.float32)), TABLE, "input 'x' has shape [1, 2]; the model takes [-1, 3]"),
        (npy(np.array([[{}, {}, {}]], object)), TABLE, "the array holds '|O'; the model takes FP32"),
        (npy(np.zeros((1, 3), np.complex64)), TABLE, "the array holds '<c8'"),
        (npy(np.array([["a", "b", "c"]])), TABLE, "the array holds <U1; input 'x' takes FP32"),
        (npy(np.array([[1e39, 0, 0]])), TABLE, "the array holds values outside of FP32"),
        (npy(np.array([[300, 0, 0]])), table_of("UINT8", None, 3), "values outside of UINT8"),
        (npy(np.array([[0.5, 0, 0]])), table_of("INT64", None, 3), "the array holds float64; input 'x' takes INT64"),
        (npy(np.zeros((1, 3))), TWO, ".npy carries one input; this model takes 2"),
    ],
)
def test_npy_that_does_not_fit(body: bytes, signature: Signature, error: str) -> None:
    with pytest.raises(Refusal) as caught:
        decode("npy", body, signature)
    assert (caught.value.status, error in caught.value.message) == (400, True), caught.value.message


@given(st.binary(max_size=200))
def test_whatever_bytes_come_are_taken_or_refused(body: bytes) -> None:
    for form in ("csv", "npy", "any-json", "raw"):
        for start in (b"", b"\x93NUMPY\x01\x00"):
            try:
                decode(form, start + body, TABLE)
            except Refusal as refusal:
                assert refusal.status == 400


def answer(form: str, accepted: str, outputs: list[np.ndarray], signature: Signature = ONE) -> tuple[bytes, bytes]:
    request = Request([np.zeros((2, 2), np.float32)], list(signature.as_json), form=form)
    body, kind, _ = forms.encode(signature, request, outputs, accepted, None)
    return (body if isinstance(body, bytes) else b"".join(body)), kind


Y = np.array([[1, 2.5, -3], [4, np.nan, 6]], np.float32)


def test_an_answer_has_the_form_of_its_request_or_the_one_that_is_accepted() -> None:
    rows = b'{"predictions":[[1.0,2.5,-3.0],[4.0,null,6.0]]}'
    csv = b"1.0,2.5,-3.0\n4.0,nan,6.0\n"
    for form, accepted, body, kind in (
        ("instances", "", rows, b"application/json"),
        ("csv", "", csv, b"text/csv"),
        ("csv", "json", rows, b"application/json"),
        ("npy", "json", rows, b"application/json"),
        ("oip", "csv", csv, b"text/csv"),
        ("instances", "csv", csv, b"text/csv"),
    ):
        assert answer(form, accepted, [Y]) == (body, kind)
    body, kind = answer("npy", "", [Y])
    assert kind == b"application/x-npy"
    np.testing.assert_array_equal(np.load(io.BytesIO(body)), Y)
    assert answer("oip", "json", [Y])[0].startswith(b'{"model_name":"m"')


def test_strings_and_other_shapes_as_tables() -> None:
    texts = np.array(["a,b", "é"], object)
    assert answer("csv", "", [texts])[0] == '"a,b"\né\n'.encode()
    assert np.load(io.BytesIO(answer("npy", "", [texts])[0])).tolist() == ["a,b", "é"]
    assert answer("csv", "", [np.arange(8).reshape(2, 2, 2)])[0] == b"0,1,2,3\n4,5,6,7\n"
    assert answer("csv", "", [np.arange(2)])[0] == b"0\n1\n"


def test_several_outputs_fit_no_table() -> None:
    outputs = [np.array([0.5, 1], np.float32), np.array(["a", "b"], object)]
    assert answer("csv", "", outputs, TWO)[0].startswith(b'{"predictions":[{"score":0.5,"label":"a"}')
    with pytest.raises(Refusal, match="csv carries one output, and there are 2") as caught:
        answer("csv", "csv", outputs, TWO)
    assert caught.value.status == 406


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        (None, ""),
        ("*/*", ""),
        ("application/json", "json"),
        ("text/csv", "csv"),
        ("text/csv;q=0.5, application/x-npy", "npy"),
        ("text/html, */*;q=0.8", ""),
        ("TEXT/CSV; charset=utf-8", "csv"),
        ("application/vnd.sagemaker-triton.binary+json", ""),
    ],
)
def test_accept_decides_by_quality_then_by_place(accept: str | None, form: str) -> None:
    assert forms.answer_form({} if accept is None else {b"accept": accept.encode()}) == form


@pytest.mark.parametrize("accept", ["image/png", "text/csv;q=0", "", "text/plain, image/*"])
def test_what_no_answer_can_be_is_refused(accept: str) -> None:
    with pytest.raises(Refusal, match="application/json, text/csv or application/x-npy") as caught:
        forms.answer_form({b"accept": accept.encode()})
    assert caught.value.status == 406


def test_every_datatype_is_known_to_csv() -> None:
    for name in DATATYPES:
        assert decode("csv", b"1,0\n", table_of(name, None, 2)).shape == (1, 2)
