"""What a hook sees of a request, and how what it returns becomes tensors or an answer."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np
import orjson

from server import forms, oip_binary, oip_json
from server.errors import Refusal
from server.exchange import JSON
from server.forms import Answer
from server.oip import DATATYPES, Request, Signature, TensorSpec, Wanted, read_wanted

_TYPES = {(entry.dtype.kind, entry.dtype.itemsize): name for name, entry in DATATYPES.items()}


class HookError(Exception):
    """A hook gave something that cannot be used; the text names types and shapes, never values."""


class HookRequest:
    """One request as `pre(request)` and `post(outputs, request)` see it.

    `body`: bytes, as they came. `content_type`: as sent, '' without one. `headers`: names in lower case. `path`: where
    it was sent to. `state`: a dict for what `pre` wants to tell `post`.
    """

    def __init__(
        self, body: bytes, headers: Mapping[bytes, bytes], path: bytes, form: str, signature: Signature, depth: int
    ):
        self.body = body
        self.headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in headers.items()}
        self.content_type = self.headers.get("content-type", "")
        self.path = path.decode("latin-1")
        self.state: dict[str, Any] = {}
        self._head = oip_binary.head_length(dict(headers))
        self._form = form
        self._signature = signature
        self._depth = depth

    def json(self) -> Any:
        """The body, or the JSON part of a binary one, parsed. What is not JSON is answered with 400."""
        return oip_json.parse(self.body[: self._head[0]] if self._head else self.body, self._depth)

    def tensors(self) -> dict[str, np.ndarray]:
        """The model's inputs by name, read as without hooks; may be changed. What does not fit is answered with 400."""
        decoded = self.decoded
        return {spec.name: array.copy() for spec, array in zip(self._signature.inputs, decoded.arrays, strict=True)}

    @cached_property
    def decoded(self) -> Request:
        """The request as the server reads it. Raises Refusal (400)."""
        if self._head is not None:
            return oip_binary.decode(self.body, self._head[0], self._signature, self._depth)
        return forms.decode(self._form, self.body, self._signature, self._depth)

    def with_inputs(self, given: Any) -> Request:
        """The request that the model runs after `pre` gave `given`, a dict of arrays. Raises HookError."""
        arrays = arrays_of(given, self._signature)
        if "decoded" in self.__dict__:
            return Request(arrays, self.decoded.wanted, self.decoded.id, self.decoded.form)
        if self._form in ("csv", "npy"):
            return Request(arrays, list(self._signature.as_json), form=self._form)
        raw = self._form == "raw" or (self._head is not None and self._head[0] == 0)
        document = None if raw else self._oip_document()
        if document is None:
            wanted = list(self._signature.as_binary if raw else self._signature.as_json)
            return Request(arrays, wanted, form="instances" if self._form == "any-json" else "oip")
        identifier = document.get("id")
        return Request(arrays, read_wanted(document, self._signature), identifier if type(identifier) is str else None)

    def _oip_document(self) -> dict[str, Any] | None:
        """The body, where it is a request of the Open Inference Protocol, whatever the tensors in it."""
        if self._form == "any-json" and b'"inputs"' not in self.body:
            return None
        try:
            document = self.json()
        except Refusal:
            return None
        return document if type(document) is dict and "inputs" in document else None


def arrays_of(given: Any, signature: Signature) -> list[np.ndarray]:
    """What `pre` returned, as the model takes it. Raises HookError."""
    names = [spec.name for spec in signature.inputs]
    if type(given) is not dict or sorted(map(str, given)) != sorted(names):
        what = f"a dict of {sorted(map(str, given))}" if type(given) is dict else type(given).__name__
        raise HookError(f"pre returned {what}; a dict with an array for each of {names} is wanted")
    return [_array(given[spec.name], spec) for spec in signature.inputs]


def _array(value: Any, spec: TensorSpec) -> np.ndarray:
    wanted = f"{spec.datatype.name} of shape {spec.metadata()['shape']}"
    try:
        array = np.asarray(value)
    except ValueError:
        raise HookError(f"pre returned ragged lists for '{spec.name}'; the model takes {wanted}") from None
    target = spec.datatype.dtype
    given = f"pre returned {array.dtype} of shape {list(array.shape)} for '{spec.name}'"
    if len(array.shape) != len(spec.dims) or any(
        dim is not None and dim != size for size, dim in zip(array.shape, spec.dims, strict=True)
    ):
        raise HookError(f"{given}; the model takes {wanted}")
    if target.kind == "O":
        if array.dtype.kind not in "UO" or not all(isinstance(text, str) for text in array.reshape(-1)):
            raise HookError(f"{given}; the model takes {wanted}, which is Python strings")
        return array.astype(object)
    if not np.can_cast(array.dtype, target, "same_kind") and not (target.kind == "f" and array.dtype.kind in "iub"):
        raise HookError(f"{given}; the model takes {wanted}, and its values cannot become that")
    with np.errstate(over="ignore"):
        return np.ascontiguousarray(array, target).reshape(array.shape)


def answer_of(given: Any, request: Request, signature: Signature, accepted: str, platform: bytes | None) -> Answer:
    """What `post` returned, as an answer. A dict of arrays takes the place of the model's outputs, in the form that the
    request asks for; bytes go as they are; anything else goes as JSON. Raises HookError, Refusal.
    """
    if type(given) is dict and given and all(isinstance(value, np.ndarray) for value in given.values()):
        arrays = {str(name): value for name, value in given.items()}
        specs = tuple(TensorSpec(name, DATATYPES[_type(name, array)], array.shape) for name, array in arrays.items())
        told = Signature(signature.name, signature.version, signature.inputs, specs)
        binary = bool(request.wanted) and all(wanted.binary for wanted in request.wanted)
        wanted = [Wanted(place, binary) for place in range(len(specs))]
        outputs = [array.astype(object) if array.dtype.kind == "U" else array for array in arrays.values()]
        return forms.encode(
            told, Request(request.arrays, wanted, request.id, request.form), outputs, accepted, platform
        )
    if isinstance(given, bytes | bytearray):
        return bytes(given), oip_binary.CONTENT_TYPE, b""
    try:
        return orjson.dumps(given, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS), JSON, b""
    except TypeError as error:
        raise HookError(f"post returned {type(given).__name__}, which is no JSON: {str(error)[:100]}") from None


def _type(name: str, array: np.ndarray) -> str:
    kind = array.dtype.kind
    if kind == "U" or (kind == "O" and all(isinstance(text, str) for text in array.reshape(-1))):
        return "BYTES"
    found = None if kind == "O" else _TYPES.get((kind, array.dtype.itemsize))
    if found is None:
        raise HookError(f"post returned {array.dtype} for '{name}', which no answer can carry")
    return found
