"""Open Inference Protocol with binary tensors: a JSON head of known length, then raw little-endian tensors.

A tensor is a view of the body, not a copy, unless it lies at an address its type does not like. BYTES tensors are
elements of a 4-byte length and UTF-8 text, because ONNX Runtime's strings are text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from mmap import mmap
from typing import Any

import numpy as np
import orjson

from server.errors import quote
from server.oip import Request, Signature, TensorSpec, Wanted, bad, count_elements, kind, read, read_wanted
from server.oip_json import output_entry, parse, tensor

_MIME = re.compile(
    rb"application/vnd\.([a-z-]{1,32})-triton\.binary\+json\s*;\s*json-header-size\s*=\s*([^\s;]*)", re.I
)
Buffer = bytes | bytearray | memoryview | mmap
ALIGNMENT = 64
CONTENT_TYPE = b"application/octet-stream"


def head_length(headers: dict[bytes, bytes]) -> tuple[int, bytes | None] | None:
    """Length of the JSON head, and the platform's name where the content type carries it (its answer then does too).

    None: the body is JSON throughout. Raises Refusal (400) for a length that is not a whole number from 0.
    """
    mime = _MIME.match(headers.get(b"content-type", b""))
    text = headers.get(b"inference-header-content-length")
    if mime is not None:
        text = mime[2]
    if text is None:
        return None
    if not (text.isdigit() and len(text) < 16):
        source = "json-header-size" if mime is not None else "Inference-Header-Content-Length"
        raise bad(f"{source} is {quote(text.decode('latin-1'))}; a whole number of bytes is wanted")
    return int(text), mime[1].lower() if mime is not None else None


def room(length: int, head: int) -> memoryview:
    """A buffer for a body of `length` bytes whose first tensor, after the JSON head, is aligned."""
    memory = np.empty(length + ALIGNMENT, np.uint8)
    start = -(memory.ctypes.data + head) % ALIGNMENT
    return memoryview(memory)[start : start + length]  # type: ignore[arg-type]


def decode(body: bytes | bytearray | memoryview, head: int, signature: Signature, depth: int) -> Request:
    """Reads a request of a JSON head of `head` bytes and the tensors after it; head 0 is one raw tensor.

    Raises Refusal (400), also when the sizes do not add up to the body's.
    """
    if head > len(body):
        raise bad(f"the JSON part is said to have {head} bytes; the whole body has {len(body)}")
    if head == 0:
        return _raw(body, signature)
    position = head
    document = parse(bytes(memoryview(body)[:head]), depth)

    def take(entry: dict[str, Any], spec: TensorSpec, shape: list[int], count: int) -> np.ndarray:
        nonlocal position
        size = _binary_size(entry, spec)
        if size is None:
            if "data" not in entry:
                raise bad(f"input {quote(spec.name)} has neither 'data' nor the parameter 'binary_data_size'")
            return tensor(entry["data"], spec, shape, count)
        if "data" in entry:
            raise bad(f"input {quote(spec.name)} has both 'data' and 'binary_data_size'; give one of them")
        if size > len(body) - position:
            left = len(body) - position
            raise bad(f"input {quote(spec.name)} says {size} bytes of binary data; {left} are left in the body")
        array = from_bytes(body, position, size, spec, shape, count)
        position += size
        return array

    request = read(document, signature, take)
    if position != len(body):
        raise bad(f"the body has {len(body) - position} bytes that belong to no input")
    return request


def from_bytes(body: Buffer, position: int, size: int, spec: TensorSpec, shape: list[int], count: int) -> np.ndarray:
    """A tensor out of `size` bytes of `body`. Raises Refusal (400) when `size` does not fit `shape`."""
    datatype = spec.datatype
    if datatype.name == "BYTES":
        return _strings(memoryview(body)[position : position + size], spec, count).reshape(shape)
    want = count * datatype.dtype.itemsize
    if size != want:
        raise bad(
            f"input {quote(spec.name)} has {size} bytes of binary data; {datatype.name} of shape {shape} has {want}"
        )
    array = np.frombuffer(body, datatype.dtype, count, position) if count else np.empty(0, datatype.dtype)
    if datatype.name == "BOOL" and count and np.frombuffer(body, np.uint8, count, position).max() > 1:
        raise bad(f"input {quote(spec.name)} holds a byte over 1; BOOL takes 0 and 1")
    return (array if array.flags.aligned else array.copy()).reshape(shape)


def encode(signature: Signature, request: Request, outputs: Sequence[np.ndarray]) -> tuple[int, list[bytes]]:
    """The answer as its JSON head's length and the parts of the body: the head, then the raw outputs in order."""
    entries, parts = [], [b""]
    for wanted, array in zip(request.wanted, outputs, strict=True):
        entry = output_entry(signature, wanted, array, not wanted.binary)
        if wanted.binary:
            raw = to_bytes(array)
            entry["parameters"] = {"binary_data_size": len(raw)}
            parts.append(raw)
        entries.append(entry)
    answer: dict[str, Any] = {"model_name": signature.name, "model_version": signature.version}
    if request.id is not None:
        answer["id"] = request.id
    answer["outputs"] = entries
    parts[0] = orjson.dumps(answer, option=orjson.OPT_SERIALIZE_NUMPY)
    return len(parts[0]), parts


def to_bytes(array: np.ndarray) -> bytes:
    """A tensor as raw little-endian bytes; strings as 4-byte lengths and UTF-8."""
    if array.dtype != object:
        return array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()
    encoded = [str(text).encode("utf-8", "surrogateescape") for text in array.reshape(-1)]
    return b"".join(len(text).to_bytes(4, "little") + text for text in encoded)


def _binary_size(entry: dict[str, Any], spec: TensorSpec) -> int | None:
    parameters = entry.get("parameters")
    if parameters is None:
        return None
    if type(parameters) is not dict:
        raise bad(f"'parameters' of input {quote(spec.name)} is {kind(parameters)}; an object is wanted")
    size = parameters.get("binary_data_size")
    if size is not None and (type(size) is not int or size < 0):
        raise bad(f"'binary_data_size' of input {quote(spec.name)} is {quote(size)}; a whole number from 0 is wanted")
    return size


def _strings(view: memoryview, spec: TensorSpec, count: int) -> np.ndarray:
    position, name = 0, quote(spec.name)
    if 4 * count > len(view):  # Before memory is taken for them.
        raise bad(f"input {name} has {len(view)} bytes of binary data; {count} strings have at least {4 * count}")
    array = np.empty(count, object)
    for index in range(count):
        start = position + 4
        length = int.from_bytes(view[position:start], "little")
        if start > len(view) or length > len(view) - start:
            raise bad(f"input {name}: string {index} of {count} does not fit into its {len(view)} bytes of binary data")
        position = start + length
        try:
            array[index] = str(view[start:position], "utf-8")
        except UnicodeDecodeError:
            raise bad(f"input {name}: string {index} is not UTF-8") from None
    if position != len(view):
        raise bad(f"input {name} has {len(view) - position} bytes of binary data after its {count} strings")
    return array


def _raw(body: bytes | bytearray | memoryview, signature: Signature) -> Request:
    """A body that is one tensor and nothing else; its one free dim follows from the size. Outputs are binary too."""
    if len(signature.inputs) != 1:
        raise bad(f"a raw request has one input; this model takes {len(signature.inputs)}, so send a JSON head too")
    spec = signature.inputs[0]
    free = [axis for axis, dim in enumerate(spec.dims) if dim is None]
    if len(free) > 1:
        raise bad(
            f"a raw request wants a model with at most one dim of any size; input {quote(spec.name)} has {len(free)}"
        )
    shape = [1 if dim is None else dim for dim in spec.dims]
    wanted = read_wanted({}, signature, default=True)
    if spec.datatype.name == "BYTES":
        if count_elements(spec, shape) != 1:
            raise bad(f"a raw request carries one string; input {quote(spec.name)} has shape {shape}")
        body = len(body).to_bytes(4, "little") + bytes(body)
    row = count_elements(spec, shape) * spec.datatype.dtype.itemsize
    if free and row and spec.datatype.name != "BYTES":
        shape[free[0]] = len(body) // row
    return Request([from_bytes(body, 0, len(body), spec, shape, count_elements(spec, shape))], wanted)


def wants_binary(wanted: Sequence[Wanted]) -> bool:
    """Whether any output of an answer goes as raw bytes."""
    return any(entry.binary for entry in wanted)
