"""Rows in JSON, as Vertex AI and TensorFlow Serving write them: `{"instances": [row]}` gives `{"predictions": [row]}`.

A row is an object with a value for each input, or, where the model has one input, that value alone. Values lack the
batch axis: it counts the rows. Predictions are objects where the model gives several outputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import orjson

from server.errors import Refusal, quote
from server.oip import Request, Signature, TensorSpec, bad, count_elements, kind
from server.oip_json import tensor


def take(document: dict[str, Any], signature: Signature) -> Request:
    """The request of a parsed body that has 'instances'. Raises Refusal (400) that names the first row at fault."""
    instances = document["instances"]
    if type(instances) is not list:
        raise bad(f"'instances' is {kind(instances)}; a list of rows is wanted")
    if not instances:
        raise bad("'instances' is empty; at least one row is wanted")
    for spec in signature.inputs:
        _check_rows(spec, len(instances))
    columns = _columns(instances, signature)
    arrays = [_stack(column, spec) for column, spec in zip(columns, signature.inputs, strict=True)]
    return Request(arrays, list(signature.as_json), form="instances")


def predictions(signature: Signature, request: Request, outputs: Sequence[np.ndarray]) -> bytes:
    """The answer: one entry for each row. NaN and infinity become null. Raises Refusal (400) where rows do not show."""
    rows = request.arrays[0].shape[0] if request.arrays and request.arrays[0].ndim else 1
    named = {}
    for wanted, output in zip(request.wanted, outputs, strict=True):
        name = signature.outputs[wanted.place].name
        if output.shape[:1] != (rows,):
            if rows != 1:
                raise bad(
                    f"output {quote(name)} has shape {list(output.shape)}, which is not one row for each of {rows} "
                    "instances; send them one by one, or in the Open Inference Protocol"
                )
            output = output[np.newaxis]
        named[name] = output.tolist() if output.dtype == object else np.ascontiguousarray(output)
    if len(named) == 1:
        entries: Any = next(iter(named.values()))
    else:
        entries = [{name: _json(column[row]) for name, column in named.items()} for row in range(rows)]
    return orjson.dumps({"predictions": entries}, option=orjson.OPT_SERIALIZE_NUMPY)


def _json(value: Any) -> Any:
    return value if isinstance(value, np.ndarray | list | str) else value.item()


def _check_rows(spec: TensorSpec, rows: int) -> None:
    if not spec.dims:
        raise bad(f"input {quote(spec.name)} is a single value without rows; send it in the Open Inference Protocol")
    if spec.dims[0] is not None and spec.dims[0] != rows:
        raise bad(f"{rows} instances are given; the model takes {spec.dims[0]} at a time")


def _columns(instances: list[Any], signature: Signature) -> list[list[Any]]:
    """Of each input, its value in every row."""
    names = [spec.name for spec in signature.inputs]
    if not any(type(row) is dict for row in instances):
        if len(names) == 1:
            return [instances]
        wanted = ", ".join(map(quote, names))
        raise bad(
            f"instance 0 is {kind(instances[0])}; the model takes {len(names)} inputs: give an object of {wanted}"
        )
    wanted = set(names)
    for index, row in enumerate(instances):
        if type(row) is not dict:
            raise bad(f"instance {index} is {kind(row)} where others are objects")
        if row.keys() != wanted:
            raise bad(f"instance {index} {_names_at_fault(row, names)}")
    return [[row[name] for row in instances] for name in names]


def _names_at_fault(row: dict[str, Any], names: list[str]) -> str:
    missing = [quote(name) for name in names if name not in row]
    unknown = [quote(name) for name in row if name not in names]
    faults = []
    if missing:
        faults.append(f"lacks {', '.join(missing)}")
    if unknown:
        faults.append(f"has {', '.join(unknown[:8])}, unknown to the model, which takes {', '.join(map(quote, names))}")
    return " and ".join(faults)


def _stack(column: list[Any], spec: TensorSpec) -> np.ndarray:
    shape = [len(column), *_shape(column[0])]
    if len(shape) != len(spec.dims) or any(
        dim is not None and dim != size for size, dim in zip(shape, spec.dims, strict=True)
    ):
        raise _wrong_shape(0, column[0], spec)
    try:
        return tensor(column, spec, shape, count_elements(spec, shape))
    except Refusal:
        raise _first_at_fault(column, spec, shape) from None


def _shape(value: Any) -> list[int]:
    """Sizes of nested lists, as their first entries have them."""
    shape = []
    while type(value) is list:
        shape.append(len(value))
        value = value[0] if value else None
    return shape


def _first_at_fault(column: list[Any], spec: TensorSpec, shape: list[int]) -> Refusal:
    """Looks at rows one by one; slow, for requests that are refused anyway."""
    one = TensorSpec(spec.name, spec.datatype, (None, *spec.dims[1:]))
    for index, value in enumerate(column):
        given = _shape(value)
        if given != shape[1:]:
            if len(given) == len(shape) - 1 and all(
                dim is None or dim == size for size, dim in zip(given, spec.dims[1:], strict=True)
            ):
                return bad(
                    f"instance {index}: {quote(spec.name)} has shape {given}, and instance 0 has {shape[1:]}; "
                    "rows of one request have one shape"
                )
            return _wrong_shape(index, value, spec)
        try:
            tensor([value], one, [1, *given], count_elements(one, [1, *given]))
        except Refusal as refusal:
            return bad(f"instance {index}: {refusal.message}")
    return bad(f"the values of {quote(spec.name)} do not fit the model")


def _wrong_shape(index: int, value: Any, spec: TensorSpec) -> Refusal:
    given = f"has shape {_shape(value)}" if type(value) is list else f"is {kind(value)}"
    wanted = [-1 if dim is None else dim for dim in spec.dims[1:]]
    of = f"a row of shape {wanted}" if wanted else "one value"
    return bad(f"instance {index}: {quote(spec.name)} {given}; the model takes {of}")
