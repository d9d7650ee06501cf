"""Requests in JSON: what is read, and that everything else is refused with 400 and a reason."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server import oip_json
from server.errors import Refusal
from server.oip import DATATYPES, Request, Signature, TensorSpec

FP32 = DATATYPES["FP32"]
SIGNATURE = Signature("m", "1", (TensorSpec("x", FP32, (None, 4)),), (TensorSpec("y", FP32, (None, 3)),))
DEPTH = 16


def decode(document: Any, signature: Signature = SIGNATURE) -> Request:
    return oip_json.decode(document if isinstance(document, bytes) else orjson.dumps(document), signature, DEPTH)


def x(shape: Any, data: Any, datatype: Any = "FP32", **more: Any) -> dict[str, Any]:
    return {"inputs": [{"name": "x", "shape": shape, "datatype": datatype, "data": data, **more}]}


def refusal(document: Any, signature: Signature = SIGNATURE) -> str:
    with pytest.raises(Refusal) as caught:
        decode(document, signature)
    assert caught.value.status == 400
    return caught.value.message


def one(datatype: str, dims: tuple[int | None, ...] = (None,)) -> Signature:
    spec = TensorSpec("x", DATATYPES[datatype], dims)
    return Signature("m", "1", (spec,), (TensorSpec("y", DATATYPES[datatype], dims),))


def test_flat_and_nested_data_mean_the_same_tensor() -> None:
    flat = decode(x([2, 4], [1, 2, 3, 4, 5, 6, 7, 8.5])).arrays[0]
    nested = decode(x([2, 4], [[1, 2, 3, 4], [5, 6, 7, 8.5]])).arrays[0]
    np.testing.assert_array_equal(flat, np.array([[1, 2, 3, 4], [5, 6, 7, 8.5]], np.float32))
    np.testing.assert_array_equal(nested, flat)
    assert flat.dtype == np.float32


def test_a_batch_of_no_rows_is_a_tensor() -> None:
    assert decode(x([0, 4], [])).arrays[0].shape == (0, 4)


NUMBERS = {
    "FP16": st.floats(width=16, allow_nan=False, allow_infinity=False),
    "FP32": st.floats(width=32, allow_nan=False, allow_infinity=False),
    "FP64": st.floats(allow_nan=False, allow_infinity=False),
    "BOOL": st.booleans(),
    "BYTES": st.text(st.characters(exclude_categories=["Cs"])),
    **{
        kind: st.integers(int(np.iinfo(DATATYPES[kind].dtype).min), int(np.iinfo(DATATYPES[kind].dtype).max))
        for kind in DATATYPES
        if "INT" in kind
    },
}


@given(st.sampled_from(sorted(NUMBERS)).flatmap(lambda kind: st.tuples(st.just(kind), st.lists(NUMBERS[kind]))))
def test_every_value_of_every_datatype_survives_the_way_in_and_out(case: tuple[str, list[Any]]) -> None:
    kind, values = case
    signature = one(kind)
    request = decode(x([len(values)], values, kind), signature)
    answer = json.loads(oip_json.encode(signature, request, request.arrays))
    output = answer["outputs"][0]
    if kind in ("FP16", "FP32"):  # Written with few digits that still tell it from its neighbours: the same float.
        output["data"] = np.array(output["data"], DATATYPES[kind].dtype).tolist()
    assert output == {"name": "y", "datatype": kind, "shape": [len(values)], "data": values}


@given(st.sampled_from([kind for kind in DATATYPES if "INT" in kind]), st.integers())
def test_integers_out_of_range_are_refused_and_all_others_kept(kind: str, value: int) -> None:
    info = np.iinfo(DATATYPES[kind].dtype)
    body = b'{"inputs":[{"name":"x","shape":[1],"datatype":"%b","data":[%d]}]}' % (kind.encode(), value)
    if info.min <= value <= info.max:
        assert decode(body, one(kind)).arrays[0].tolist() == [value]
    else:
        assert f"{kind} takes whole numbers from {info.min} to {info.max}" in refusal(body, one(kind))


@given(st.binary(max_size=300))
def test_arbitrary_bytes_are_refused_never_a_crash(body: bytes) -> None:
    refusal(body)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


@given(st.sampled_from(["name", "shape", "datatype", "data", "parameters"]), JSON_VALUES)
def test_any_value_in_any_field_is_read_or_refused(field: str, value: Any) -> None:
    document = x([1, 4], [1, 2, 3, 4])
    document["inputs"][0][field] = value
    try:
        assert decode(json.dumps(document).encode()).arrays[0].shape[1:] == (4,)
    except Refusal as error:
        assert error.status == 400


@given(st.lists(JSON_VALUES, max_size=4))
def test_any_list_of_inputs_is_refused_unless_it_is_right(inputs: list[Any]) -> None:
    refusal(json.dumps({"inputs": inputs}).encode())


CASES: list[tuple[str, Any, str]] = [
    ("not an object", [], "the body is a list; an object with 'inputs' is wanted"),
    ("no inputs", {}, "'inputs' is missing; a list of tensors is wanted"),
    ("inputs no list", {"inputs": {}}, "'inputs' is an object"),
    ("missing", {"inputs": []}, "missing input 'x'"),
    ("unknown", {"inputs": [{"name": "z"}]}, "unknown input 'z'; the model takes 'x'"),
    ("nameless", {"inputs": [{}]}, "unknown input without a 'name'; the model takes 'x'"),
    ("name a number", {"inputs": [{"name": 3}]}, "unknown input '3'"),
    ("twice", {"inputs": [x([1, 4], [1, 2, 3, 4])["inputs"][0]] * 2}, "input 'x' is given twice"),
    ("datatype", x([1, 4], [1, 2, 3, 4], "FP64"), "input 'x' has datatype 'FP64'; the model takes FP32"),
    ("no datatype", x([1, 4], [1], None), "input 'x' has datatype 'None'"),
    ("shape missing", {"inputs": [{"name": "x", "datatype": "FP32", "data": []}]}, "'shape' of input 'x' is missing"),
    ("shape negative", x([-1, 4], [1, 2, 3, 4]), "'shape' of input 'x' holds '-1'"),
    ("shape float", x([1.0, 4], [1, 2, 3, 4]), "'shape' of input 'x' holds '1.0'"),
    ("shape boolean", x([True, 4], [1, 2, 3, 4]), "'shape' of input 'x' holds 'True'"),
    ("shape string", x("14", [1, 2, 3, 4]), "'shape' of input 'x' is a string"),
    ("rank", x([4], [1, 2, 3, 4]), "shape [4]; the model takes [-1, 4], where -1 is any size"),
    ("dim", x([1, 5], [1, 2, 3, 4, 5]), "shape [1, 5]; the model takes [-1, 4]"),
    ("overflow", x([2**62, 4], []), "too many"),
    ("too few", x([2, 4], [1, 2, 3]), "input 'x' has 3 values in 'data'; shape [2, 4] wants 8"),
    ("no data", {"inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP32"}]}, "input 'x' has no 'data'"),
    ("data null", x([1, 4], None), "'data' of input 'x' is null"),
    ("ragged", x([2, 4], [[1, 2, 3, 4], [1, 2, 3]]), "ragged or wrongly nested: 3 values where axis 1 wants 4"),
    ("mixed nesting", x([2, 4], [[1, 2, 3, 4], 5]), "ragged or wrongly nested"),
    ("too deep", x([1, 4], [[[1, 2, 3, 4]]]), "ragged or wrongly nested"),
    ("list among numbers", x([1, 4], [1, 2, 3, [4]]), "holds a list at position 3"),
    ("string", x([1, 4], [1, "2", 3, 4]), "input 'x' holds '2' at position 1; FP32 takes finite numbers"),
    ("null", x([1, 4], [1, 2, None, 4]), "input 'x' holds null at position 2"),
    ("boolean", x([1, 4], [True, 2, 3, 4]), "input 'x' holds a boolean at position 0"),
    ("beyond fp32", x([1, 4], [1e39, 2, 3, 4]), "input 'x' holds '1e+39' at position 0"),
    ("NaN", b'{"inputs":[{"name":"x","shape":[1,4],"datatype":"FP32","data":[NaN,1,2,3]}]}', "not JSON"),
    ("Infinity", b'{"inputs":[{"name":"x","shape":[1,4],"datatype":"FP32","data":[-Infinity,1,2,3]}]}', "not JSON"),
    ("1e999", b'{"inputs":[{"name":"x","shape":[1,4],"datatype":"FP32","data":[1e999,1,2,3]}]}', "not JSON"),
    ("truncated", b'{"inputs":[{"name":"x","shape":[1,4],"data', "not JSON"),
    ("trailing", orjson.dumps(x([1, 4], [1, 2, 3, 4])) + b"}", "not JSON"),
    ("BOM", b"\xef\xbb\xbf" + orjson.dumps(x([1, 4], [1, 2, 3, 4])), "not JSON"),
    ("bad UTF-8", b'{"inputs":"\xff"}', "not JSON"),
    ("lone surrogate", b'{"id":"\\ud800","inputs":[]}', "not JSON"),
    ("empty", b"", "not JSON"),
    ("duplicate key", b'{"inputs":[],"inputs":[]}', "the key 'inputs' is given twice"),
    ("duplicate, escaped", b'{"inputs":[{"name":"x","n\\u0061me":"x"}]}', "the key 'name' is given twice"),
    ("deep", b'{"parameters":' + b'{"a":' * 20 + b"1" + b"}" * 20 + b',"inputs":[]}', "deeper than 16 levels"),
    ("very deep", b"[" * 100_000, "not JSON"),
    ("deep data", x([1, 4], json.loads("[" * 200 + "]" * 200)), "ragged or wrongly nested"),
    ("id", {"id": 7, **x([1, 4], [1, 2, 3, 4])}, "'id' is a number; a string is wanted"),
    ("long id", {"id": "i" * 2000, **x([1, 4], [1, 2, 3, 4])}, "'id' has 2000 characters; at most 1024"),
    (
        "unknown output",
        {"outputs": [{"name": "z"}], **x([1, 4], [1, 2, 3, 4])},
        "unknown output 'z'; the model gives 'y'",
    ),
    ("output twice", {"outputs": [{"name": "y"}] * 2, **x([1, 4], [1, 2, 3, 4])}, "output 'y' is asked for twice"),
    ("outputs no list", {"outputs": "y", **x([1, 4], [1, 2, 3, 4])}, "'outputs' is a string"),
    ("parameters", {"parameters": [], **x([1, 4], [1, 2, 3, 4])}, "'parameters' of the request is a list"),
    (
        "binary flag",
        {"outputs": [{"name": "y", "parameters": {"binary_data": 1}}], **x([1, 4], [1, 2, 3, 4])},
        "'binary_data' of output 'y' is a number; true or false is wanted",
    ),
]


@pytest.mark.parametrize(("document", "message"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_a_wrong_request_is_told_what_is_wrong(document: Any, message: str) -> None:
    assert message in refusal(document)


def test_fp16_is_rounded_to_nearest_and_bounded() -> None:
    assert decode(x([2], [1.5, 0.1], "FP16"), one("FP16")).arrays[0].tolist() == [1.5, float(np.float16(0.1))]
    assert "FP16 takes finite numbers of at most 65504" in refusal(x([1], [70000], "FP16"), one("FP16"))


def test_a_colon_inside_a_string_is_no_duplicate_key() -> None:
    assert decode(x([1], ["a: b"], "BYTES"), one("BYTES")).arrays[0].tolist() == ["a: b"]


def test_nan_and_infinity_in_an_answer_become_null() -> None:
    request = decode(x([1, 4], [1, 2, 3, 4]))
    answer = orjson.loads(oip_json.encode(SIGNATURE, request, [np.array([[np.nan, np.inf, 1]], np.float32)]))
    assert answer["outputs"][0]["data"] == [None, None, 1.0]


def test_the_id_comes_back_and_only_wanted_outputs_do() -> None:
    two = Signature("m", "3", SIGNATURE.inputs, (TensorSpec("y", FP32, (None, 3)), TensorSpec("z", FP32, (None,))))
    request = decode({"id": "a7", "outputs": [{"name": "z"}], **x([1, 4], [1, 2, 3, 4])}, two)
    assert [wanted.place for wanted in request.wanted] == [1]
    assert orjson.loads(oip_json.encode(two, request, [np.array([2.5], np.float32)])) == {
        "model_name": "m",
        "model_version": "3",
        "id": "a7",
        "outputs": [{"name": "z", "datatype": "FP32", "shape": [1], "data": [2.5]}],
    }


def test_a_boolean_is_found_under_a_key_that_is_spelled_with_escapes() -> None:
    body = b'{"inputs":[{"name":"x","shape":[1,4],"datatype":"FP32","d\\u0061ta":[true,0,0,0]}],"id":{"data":1}}'
    assert refusal(body) == "input 'x' holds a boolean at position 0; FP32 takes finite numbers of at most 3.4e38"
