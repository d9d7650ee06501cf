"""Requests with binary tensors: sizes that must add up, strings that must fit, and what comes back."""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from server import oip_binary
from server.errors import Refusal
from server.oip import DATATYPES, Request, Signature, TensorSpec

DEPTH = 16


def one(datatype: str, dims: tuple[int | None, ...] = (None,)) -> Signature:
    spec = TensorSpec("x", DATATYPES[datatype], dims)
    return Signature("m", "1", (spec,), (TensorSpec("y", DATATYPES[datatype], dims),))


def body(signature: Signature, shape: list[int], raw: bytes, size: Any = None, **more: Any) -> tuple[bytes, int]:
    parameters = {"binary_data_size": len(raw) if size is None else size}
    entry = {"name": "x", "shape": shape, "datatype": signature.inputs[0].datatype.name, "parameters": parameters}
    head = orjson.dumps({"inputs": [entry | more], "parameters": {"binary_data_output": True}})
    return head + raw, len(head)


def decode(whole: bytes, head: int, signature: Signature) -> Request:
    return oip_binary.decode(whole, head, signature, DEPTH)


def refusal(whole: bytes, head: int, signature: Signature) -> str:
    with pytest.raises(Refusal) as caught:
        decode(whole, head, signature)
    assert caught.value.status == 400
    return caught.value.message


FIXED_SIZE = sorted(set(DATATYPES) - {"BYTES"})


@given(st.sampled_from(FIXED_SIZE).flatmap(lambda kind: npst.arrays(DATATYPES[kind].dtype, st.integers(0, 9))))
def test_every_bit_of_every_datatype_survives_the_way_in_and_out(array: np.ndarray) -> None:
    kind = next(name for name, entry in DATATYPES.items() if entry.dtype == array.dtype)
    signature = one(kind)
    whole, head = body(signature, list(array.shape), array.tobytes())
    request = decode(whole, head, signature)
    assert request.arrays[0].tobytes() == array.tobytes()
    assert request.arrays[0].flags.aligned
    length, parts = oip_binary.encode(signature, request, request.arrays)
    assert len(parts[0]) == length
    assert parts[1] == array.tobytes()
    assert orjson.loads(parts[0])["outputs"] == [
        {
            "name": "y",
            "datatype": kind,
            "shape": list(array.shape),
            "parameters": {"binary_data_size": array.nbytes},
        }
    ]


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]))))
def test_strings_survive_with_nul_and_empty_ones(texts: list[str]) -> None:
    signature = one("BYTES")
    raw = oip_binary.to_bytes(np.array([*texts, "end"], object)[:-1])
    whole, head = body(signature, [len(texts)], raw)
    assert decode(whole, head, signature).arrays[0].tolist() == texts


@given(st.binary(max_size=200), st.integers(0, 250), st.sampled_from(["FP32", "BYTES", "BOOL"]))
def test_arbitrary_bytes_are_read_or_refused_never_a_crash(data: bytes, head: int, kind: str) -> None:
    try:
        assert len(decode(data, head, one(kind)).arrays) == 1
    except Refusal as error:
        assert error.status == 400


@given(st.binary(max_size=60), st.integers(0, 5))
def test_arbitrary_string_tensors_are_read_or_refused(raw: bytes, count: int) -> None:
    signature = one("BYTES")
    whole, head = body(signature, [count], raw)
    try:
        assert decode(whole, head, signature).arrays[0].shape == (count,)
    except Refusal as error:
        assert error.status == 400


FP32 = one("FP32")
RAW = np.array([1, 2, 3], np.float32).tobytes()


@pytest.mark.parametrize(
    ("whole", "message"),
    [
        (body(FP32, [2], RAW), "input 'x' has 12 bytes of binary data; FP32 of shape [2] has 8"),
        (body(FP32, [3], RAW, size=16), "input 'x' says 16 bytes of binary data; 12 are left in the body"),
        (body(FP32, [2], RAW, size=8), "the body has 4 bytes that belong to no input"),
        (body(FP32, [3], RAW, size=-1), "'binary_data_size' of input 'x' is '-1'"),
        (body(FP32, [3], RAW, size="12"), "'binary_data_size' of input 'x' is '12'"),
        (body(FP32, [3], RAW, size=True), "'binary_data_size' of input 'x' is 'True'"),
        (body(FP32, [3], RAW, data=[1, 2, 3]), "both 'data' and 'binary_data_size'"),
        (body(FP32, [3], RAW, parameters={}), "neither 'data' nor the parameter 'binary_data_size'"),
        (body(FP32, [3], RAW, parameters=[]), "'parameters' of input 'x' is a list"),
        ((RAW, 100), "the JSON part is said to have 100 bytes; the whole body has 12"),
        ((RAW, 5), "not JSON"),
    ],
)
def test_sizes_that_do_not_add_up_are_refused(whole: tuple[bytes, int], message: str) -> None:
    assert message in refusal(*whole, FP32)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"\x05\x00\x00\x00ab", "string 0 of 1 does not fit into its 6 bytes"),
        (b"\xff\xff\xff\xff", "string 0 of 1 does not fit"),
        (b"\x01\x00", "2 bytes of binary data; 1 strings have at least 4"),
        (b"\x01\x00\x00\x00aXY", "2 bytes of binary data after its 1 strings"),
        (b"\x01\x00\x00\x00\xff", "string 0 is not UTF-8"),
    ],
)
def test_strings_that_lie_about_their_length_are_refused(raw: bytes, message: str) -> None:
    signature = one("BYTES")
    assert message in refusal(*body(signature, [1], raw), signature)


def test_a_count_of_strings_costs_nothing_before_their_bytes_are_there() -> None:
    signature = one("BYTES")
    whole, head = body(signature, [2**40], b"")
    message = f"input 'x' has 0 bytes of binary data; {2**40} strings have at least {2**42}"
    assert refusal(whole, head, signature) == message


@pytest.mark.parametrize("shape", [[0, 2**63 - 1], [2**62, 0], [0, 2**40 + 1]])
@pytest.mark.parametrize("kind", ["FP32", "BYTES"])
def test_a_dim_of_0_does_not_hide_a_huge_one(kind: str, shape: list[int]) -> None:
    signature = one(kind, (None, None))
    assert f"too many, its dims multiply to over {2**40}" in refusal(*body(signature, shape, b""), signature)


def test_a_boolean_is_0_or_1() -> None:
    signature = one("BOOL")
    assert decode(*body(signature, [2], b"\x00\x01"), signature).arrays[0].tolist() == [False, True]
    assert "holds a byte over 1; BOOL takes 0 and 1" in refusal(*body(signature, [2], b"\x00\x02"), signature)


def test_data_in_json_may_stand_beside_binary_data() -> None:
    specs = tuple(TensorSpec(name, DATATYPES["FP32"], (None,)) for name in ("a", "b"))
    signature = Signature("m", "1", specs, specs)
    head = orjson.dumps(
        {
            "inputs": [
                {"name": "b", "shape": [3], "datatype": "FP32", "parameters": {"binary_data_size": 12}},
                {"name": "a", "shape": [1], "datatype": "FP32", "data": [9]},
            ]
        }
    )
    request = decode(head + RAW, len(head), signature)
    assert [array.tolist() for array in request.arrays] == [[9.0], [1.0, 2.0, 3.0]]


def test_a_raw_body_is_the_one_input_and_gets_binary_back() -> None:
    request = decode(np.arange(8, dtype=np.float32).tobytes(), 0, one("FP32", (None, 4)))
    assert request.arrays[0].tolist() == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert [wanted.binary for wanted in request.wanted] == [True]


@pytest.mark.parametrize(
    ("signature", "whole", "message"),
    [
        (one("FP32", (None, None)), RAW, "at most one dim of any size; input 'x' has 2"),
        (one("FP32", (None, 4)), RAW, "12 bytes of binary data; FP32 of shape [0, 4] has 0"),
        (one("FP32", (2,)), RAW, "12 bytes of binary data; FP32 of shape [2] has 8"),
    ],
)
def test_a_raw_body_that_cannot_be_understood_is_refused(signature: Signature, whole: bytes, message: str) -> None:
    assert message in refusal(whole, 0, signature)


def test_a_raw_body_of_text_is_one_string() -> None:
    assert decode(b"hello", 0, one("BYTES")).arrays[0].tolist() == ["hello"]


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        ({b"content-type": b"application/json"}, None),
        ({b"inference-header-content-length": b"12"}, (12, None)),
        ({b"content-type": b"application/vnd.sagemaker-triton.binary+json;json-header-size=7"}, (7, b"sagemaker")),
        ({b"content-type": b"application/vnd.vertex-ai-triton.binary+json; json-header-size=0"}, (0, b"vertex-ai")),
    ],
)
def test_the_length_of_the_json_part_is_found(headers: dict[bytes, bytes], expected: Any) -> None:
    assert oip_binary.head_length(headers) == expected


@pytest.mark.parametrize("value", [b"-1", b"1.5", b"abc", b"", b"9" * 20, "²".encode("latin-1")])
def test_a_length_that_is_no_whole_number_is_refused(value: bytes) -> None:
    with pytest.raises(Refusal, match="a whole number of bytes is wanted"):
        oip_binary.head_length({b"inference-header-content-length": value})
