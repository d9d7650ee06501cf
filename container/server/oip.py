"""The Open Inference Protocol v2, whatever its encoding: datatypes, tensor specifications, the reading of a request.

Everything here is pure. A request is checked against the model's signature before ONNX Runtime sees it; whatever does
not fit raises Refusal with status 400.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from server.errors import Refusal, quote


class Datatype(NamedTuple):
    """One OIP datatype: its name, numpy's type, `struct`'s code (empty where that does not pack it), its range."""

    name: str
    dtype: np.dtype[Any]
    code: str
    range: str


def _integer(name: str, dtype: str, code: str) -> Datatype:
    info = np.iinfo(dtype)
    return Datatype(name, np.dtype(dtype), code, f"whole numbers from {info.min} to {info.max}")


DATATYPES: dict[str, Datatype] = {
    entry.name: entry
    for entry in (
        Datatype("BOOL", np.dtype("?"), "", "true or false"),
        _integer("UINT8", "<u1", "B"),
        _integer("UINT16", "<u2", "H"),
        _integer("UINT32", "<u4", "I"),
        _integer("UINT64", "<u8", "Q"),
        _integer("INT8", "<i1", "b"),
        _integer("INT16", "<i2", "h"),
        _integer("INT32", "<i4", "i"),
        _integer("INT64", "<i8", "q"),
        Datatype("FP16", np.dtype("<f2"), "e", "finite numbers of at most 65504"),
        Datatype("FP32", np.dtype("<f4"), "f", "finite numbers of at most 3.4e38"),
        Datatype("FP64", np.dtype("<f8"), "d", "finite numbers of at most 1.8e308"),
        Datatype("BYTES", np.dtype("O"), "", "strings"),
    )
}


class TensorSpec(NamedTuple):
    """One input or output of the model; a dim is None where any size is allowed."""

    name: str
    datatype: Datatype
    dims: tuple[int | None, ...]

    def metadata(self) -> dict[str, Any]:
        """As `GET /v2/models/{model}` shows it: -1 where any size is allowed."""
        shape = [-1 if dim is None else dim for dim in self.dims]
        return {"name": self.name, "datatype": self.datatype.name, "shape": shape}


class Wanted(NamedTuple):
    """One output to send back: its place among the model's outputs, and whether as raw bytes."""

    place: int
    binary: bool


@dataclass(slots=True)
class Request:
    """A request that the model can run: one array per input, in the model's order.

    `form`: how it was written, and so how it is answered: 'oip', 'instances', 'csv' or 'npy'.
    """

    arrays: list[np.ndarray]
    wanted: list[Wanted]
    id: str | None = None
    form: str = "oip"


@dataclass(frozen=True)
class Signature:
    """What a model takes and gives, and how it is called in answers."""

    name: str
    version: str
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    input_index: dict[str, int] = field(init=False)
    output_index: dict[str, int] = field(init=False)
    as_json: tuple[Wanted, ...] = field(init=False)
    as_binary: tuple[Wanted, ...] = field(init=False)

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "input_index", {spec.name: index for index, spec in enumerate(self.inputs)})
        put(self, "output_index", {spec.name: index for index, spec in enumerate(self.outputs)})
        put(self, "as_json", tuple(Wanted(index, False) for index in range(len(self.outputs))))
        put(self, "as_binary", tuple(Wanted(index, True) for index in range(len(self.outputs))))

    def to_json(self) -> list[Any]:
        """As a decoder process is told of it."""
        sides = [
            [(spec.name, spec.datatype.name, list(spec.dims)) for spec in side] for side in (self.inputs, self.outputs)
        ]
        return [self.name, self.version, *sides]

    @staticmethod
    def from_json(given: list[Any]) -> Signature:
        """The signature that `to_json` wrote."""
        name, version, *sides = given
        inputs, outputs = (tuple(TensorSpec(n, DATATYPES[t], tuple(dims)) for n, t, dims in side) for side in sides)
        return Signature(name, version, inputs, outputs)


MOST_ID = 1024
MOST_ELEMENTS = 2**40

Entry = dict[str, Any]
Take = Callable[[Entry, TensorSpec, list[int], int], np.ndarray]


def bad(message: str) -> Refusal:
    """A request that is wrong in itself."""
    return Refusal(400, message)


def read(document: Any, signature: Signature, take: Take) -> Request:
    """Reads the JSON part of a request; `take(entry, spec, shape, count)` gives each input's array.

    Raises Refusal (400): names every missing or unknown input, or the first wrong shape, datatype or value.
    """
    if type(document) is not dict:
        raise bad(f"the body is {kind(document)}; an object with 'inputs' is wanted")
    entries = document.get("inputs")
    if type(entries) is not list:
        given = "is missing" if "inputs" not in document else f"is {kind(entries)}"
        raise bad(f"'inputs' {given}; a list of tensors is wanted")
    arrays: list[Any] = [None] * len(signature.inputs)
    index_of = signature.input_index
    for entry in entries:
        name: Any = entry.get("name") if type(entry) is dict else None
        index = index_of.get(name) if type(name) is str else None
        if index is None:
            raise _unknown_input(entry, signature)
        if arrays[index] is not None:
            raise bad(f"input {quote(name)} is given twice")
        spec = signature.inputs[index]
        if entry.get("datatype") != spec.datatype.name:
            raise bad(f"input {quote(name)} has {_datatype(entry)}; the model takes {spec.datatype.name}")
        shape: Any = entry.get("shape")
        arrays[index] = take(entry, spec, shape, count_elements(spec, shape))
    if len(entries) != len(arrays):
        missing = [spec.name for spec, array in zip(signature.inputs, arrays, strict=True) if array is None]
        raise bad(f"missing input{'s' * (len(missing) > 1)} {', '.join(map(quote, missing))}")
    identifier = document.get("id")
    if identifier is not None and type(identifier) is not str:
        raise bad(f"'id' is {kind(identifier)}; a string is wanted")
    if identifier is not None and len(identifier) > MOST_ID:
        raise bad(f"'id' has {len(identifier)} characters; at most {MOST_ID} are allowed")
    return Request(arrays, read_wanted(document, signature), identifier)


def read_wanted(document: Entry, signature: Signature, default: bool = False) -> list[Wanted]:
    """The outputs a request asks for, all of them where it names none."""
    parameters = document.get("parameters")
    if parameters is not None:
        default = flag(parameters, "binary_data_output", "the request", default)
    named = document.get("outputs")
    if named is None:
        return list(signature.as_binary if default else signature.as_json)
    return _named_outputs(named, signature, default)


def _named_outputs(named: Any, signature: Signature, default: bool) -> list[Wanted]:
    if type(named) is not list:
        raise bad(f"'outputs' is {kind(named)}; a list of outputs is wanted")
    wanted: list[Wanted] = []
    for entry in named:
        name = entry.get("name") if type(entry) is dict else None
        index = signature.output_index.get(name) if type(name) is str else None
        if index is None:
            allowed = ", ".join(quote(spec.name) for spec in signature.outputs)
            raise bad(f"unknown output {_name(entry)}; the model gives {allowed}")
        if any(index == other.place for other in wanted):
            raise bad(f"output {quote(name)} is asked for twice")
        parameters = entry.get("parameters", {})
        if type(parameters) is dict and parameters.get("classification"):
            raise bad(f"output {quote(name)}: 'classification' is not supported; leave it out")
        wanted.append(Wanted(index, flag(parameters, "binary_data", f"output {quote(name)}", default)))
    return wanted or list(signature.as_binary if default else signature.as_json)


def flag(parameters: Any, key: str, owner: str, default: bool) -> bool:
    """A true-or-false parameter of the request or of one output."""
    if type(parameters) is not dict:
        raise bad(f"'parameters' of {owner} is {kind(parameters)}; an object is wanted")
    value = parameters.get(key, default)
    if type(value) is not bool:
        raise bad(f"'{key}' of {owner} is {kind(value)}; true or false is wanted")
    return value


def count_elements(spec: TensorSpec, shape: Any) -> int:
    """How many elements `shape` means, after checking it against the model's dims. Raises Refusal (400)."""
    if type(shape) is not list:
        given = "is missing" if shape is None else f"is {kind(shape)}"
        raise bad(f"'shape' of input {quote(spec.name)} {given}; a list of whole numbers is wanted")
    count = volume = 1
    fits = len(shape) == len(spec.dims)
    for size, dim in zip(shape, spec.dims, strict=False):
        if type(size) is not int or size < 0:
            raise bad(f"'shape' of input {quote(spec.name)} holds {quote(size)}; whole numbers from 0 are wanted")
        fits = fits and (dim is None or dim == size)
        count *= size
        volume *= size or 1  # A dim of 0 does not make the others small: numpy multiplies them too.
    if not fits:
        allowed = spec.metadata()["shape"]
        note = ", where -1 is any size" if -1 in allowed else ""
        raise bad(f"input {quote(spec.name)} has shape {_short(shape)}; the model takes {allowed}{note}")
    if volume > MOST_ELEMENTS:
        name = quote(spec.name)
        raise bad(f"input {name} has shape {_short(shape)}; too many, its dims multiply to over {MOST_ELEMENTS}")
    return count


def kind(value: object) -> str:
    """A JSON value's type, for an error."""
    names = {dict: "an object", list: "a list", str: "a string", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")


def _unknown_input(entry: Any, signature: Signature) -> Refusal:
    allowed = ", ".join(quote(spec.name) for spec in signature.inputs)
    if type(entry) is not dict:
        return bad(f"'inputs' holds {kind(entry)}; objects with 'name', 'shape', 'datatype' and 'data' are wanted")
    return bad(f"unknown input {_name(entry)}; the model takes {allowed}")


def _name(entry: Any) -> str:
    if type(entry) is not dict or "name" not in entry:
        return "without a 'name'"
    return quote(entry["name"])


def _datatype(entry: Entry) -> str:
    return f"datatype {quote(entry['datatype'])}" if "datatype" in entry else "no 'datatype'"


def _short(shape: list[Any]) -> str:
    text = ", ".join(str(size)[:24] for size in shape[:10])
    return f"[{text}{', …' if len(shape) > 10 else ''}]"
