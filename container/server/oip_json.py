"""Open Inference Protocol in JSON: bytes to arrays and back.

`orjson` parses (it refuses NaN, Infinity, 1e999, a BOM, lone surrogates and nesting over 1,024); `struct` turns the
numbers into a tensor. `struct` is both the fastest way (0.4 µs for 64 floats, 0.6 ms for 150,528; `numpy.array` needs
2.5 times that) and the strictest: it refuses strings, nulls, fractions where integers are wanted and everything out of
range. Only booleans pass it as numbers, so those are looked for.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from functools import lru_cache
from itertools import chain
from typing import Any

import numpy as np
import orjson

from server.errors import Refusal, quote
from server.oip import Request, Signature, TensorSpec, Wanted, bad, kind, read

CONTENT_TYPE = b"application/json"


def decode(body: bytes | bytearray, signature: Signature, depth: int) -> Request:
    """Reads a whole JSON request.

    `depth` bounds the nesting of everything but tensor data, whose nesting must be its shape's. Raises Refusal (400).
    """
    return take(parse(body, depth), body, signature)


def take(document: Any, body: bytes | bytearray, signature: Signature) -> Request:
    """The request that `document`, parsed from `body`, describes. Raises Refusal (400)."""
    has_booleans = _may_hold_booleans(body)

    def array_of(entry: dict[str, Any], spec: TensorSpec, shape: list[int], count: int) -> np.ndarray:
        if "data" not in entry:
            raise bad(f"input {quote(spec.name)} has no 'data'")
        return tensor(entry["data"], spec, shape, count, has_booleans)

    return read(document, signature, array_of)


def parse(body: bytes | bytearray, depth: int) -> Any:
    """Parses JSON; refuses what is not JSON, nests deeper than `depth` or names a key twice."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise bad(f"the body is not JSON: {error}") from None
    pairs = _pairs_of_request(document, depth)
    if body.count(b":") != pairs:
        _refuse_duplicate_keys(bytes(body))
    return document


def tensor(data: Any, spec: TensorSpec, shape: list[int], count: int, may_hold_booleans: bool = True) -> np.ndarray:
    """An array of `shape` from flat or nested lists. Raises Refusal (400) for ragged lists and for wrong values."""
    if type(data) is not list:
        raise bad(f"'data' of input {quote(spec.name)} is {kind(data)}; a list is wanted")
    if data and type(data[0]) is list:
        data = _flatten(data, spec, shape)
    if len(data) != count:
        raise bad(f"input {quote(spec.name)} has {len(data)} values in 'data'; shape {shape} wants {count}")
    datatype = spec.datatype
    if not datatype.code:
        return _other(data, spec).reshape(shape)
    if may_hold_booleans and bool in set(map(type, data)):
        raise _wrong_value(data, spec)
    try:
        packed = _packer(datatype.code, count).pack(*data)
    except (struct.error, OverflowError):
        raise _wrong_value(data, spec) from None
    return np.frombuffer(packed, datatype.dtype).reshape(shape)


def encode(signature: Signature, request: Request, outputs: Sequence[np.ndarray]) -> bytes:
    """The answer to `request`: `outputs` has one array per wanted output. NaN and infinity become null."""
    answer: dict[str, Any] = {"model_name": signature.name, "model_version": signature.version}
    if request.id is not None:
        answer["id"] = request.id
    answer["outputs"] = [
        output_entry(signature, wanted, array, True) for wanted, array in zip(request.wanted, outputs, strict=True)
    ]
    return orjson.dumps(answer, option=orjson.OPT_SERIALIZE_NUMPY)


def output_entry(signature: Signature, wanted: Wanted, array: np.ndarray, with_data: bool) -> dict[str, Any]:
    """One tensor of an answer, its data flat and row-major."""
    spec = signature.outputs[wanted.place]
    entry: dict[str, Any] = {"name": spec.name, "datatype": spec.datatype.name, "shape": array.shape}
    if with_data:
        flat = array.reshape(-1)
        entry["data"] = flat.tolist() if array.dtype == object else np.ascontiguousarray(flat)
    return entry


@lru_cache(maxsize=256)
def _packer(code: str, count: int) -> struct.Struct:
    return struct.Struct(f"<{count}{code}")


def _may_hold_booleans(body: bytes | bytearray) -> bool:
    """Whether a 'true' or 'false' can stand after the first "data"; cheap, and wrong only towards yes.

    A backslash may hide an earlier key, spelled with escapes.
    """
    start = body.find(b'"data"')
    return start < 0 or body.find(b"\\") >= 0 or body.find(b"u", start) >= 0 or body.find(b"s", start) >= 0


def _flatten(data: list[Any], spec: TensorSpec, shape: list[int]) -> list[Any]:
    """Nested lists, laid out row-major, after checking that each level has the size its dim says."""
    level = [data]
    for axis, size in enumerate(shape):
        for part in level:
            if type(part) is not list or len(part) != size:
                given = f"{len(part)} values" if type(part) is list else kind(part)
                name = quote(spec.name)
                raise bad(f"'data' of input {name} is ragged or wrongly nested: {given} where axis {axis} wants {size}")
        level = list(chain.from_iterable(level))
    return level


def _other(data: list[Any], spec: TensorSpec) -> np.ndarray:
    """BOOL and BYTES tensors."""
    wanted = bool if spec.datatype.name == "BOOL" else str
    if not set(map(type, data)) <= {wanted}:
        raise _wrong_value(data, spec)
    array = np.empty(len(data), spec.datatype.dtype)
    array[:] = data
    return array


def _wrong_value(data: list[Any], spec: TensorSpec) -> Refusal:
    """Names the first value that does not fit; slow, for requests that are refused anyway."""
    for index, value in enumerate(data):
        try:
            tensor([value], spec, [1], 1) if type(value) is not list else 0 / 0
        except (Refusal, ZeroDivisionError, RecursionError):
            given = kind(value) if type(value) in (list, dict, type(None), bool) else quote(value)
            name, datatype = quote(spec.name), spec.datatype
            return bad(f"input {name} holds {given} at position {index}; {datatype.name} takes {datatype.range}")
    return bad(f"input {quote(spec.name)} holds values that are not {spec.datatype.range}")


def _pairs_of_request(document: Any, limit: int) -> int:
    """`_pairs`, quicker for what a request looks like. May count too few, never too many: then the slow way decides."""
    if type(document) is not dict:
        return _pairs(document, limit, limit)
    count = len(document)
    for key, value in document.items():
        if key == "inputs" and type(value) is list:
            for entry in value:
                if type(entry) is dict:
                    count += len(entry)
                    if "parameters" in entry:
                        count += _pairs(entry["parameters"], limit - 3, limit)
        elif key == "instances" and type(value) is list:
            # Lists of numbers are not looked into: they may be long.
            count += sum(_pairs(entry, limit - 2, limit) if type(entry) is dict else 0 for entry in value)
        elif type(value) in (dict, list):
            count += _pairs(value, limit - 1, limit)
    return count


def _pairs(value: Any, depth: int, limit: int) -> int:
    """How many key-value pairs a document has, tensor data left out; refuses nesting deeper than `limit`."""
    if depth <= 0:
        raise bad(f"the body nests deeper than {limit} levels, the most that is allowed")
    count = 0
    if type(value) is dict:
        count = len(value)
        for key, inner in value.items():
            if type(inner) in (dict, list) and key != "data":
                count += _pairs(inner, depth - 1, limit)
    else:
        for inner in value if type(value) is list else ():
            if type(inner) in (dict, list):
                count += _pairs(inner, depth - 1, limit)
    return count


def _refuse_duplicate_keys(body: bytes) -> None:
    """Runs only where colons and pairs differ in number: a key twice, or a colon inside a string."""

    def unique(pairs: list[tuple[str, Any]]) -> None:
        keys = [key for key, _ in pairs]
        for key in keys if len(set(keys)) < len(keys) else ():
            if keys.count(key) > 1:
                raise bad(f"the key {quote(key)} is given twice in one object")

    try:
        json.loads(body, object_pairs_hook=unique, parse_float=str, parse_int=str)
    except (ValueError, RecursionError):
        raise bad("the body is not JSON") from None
