"""Tables as bodies: CSV (one input of two dims) and NumPy's .npy (one array)."""

from __future__ import annotations

import ast
import csv
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import orjson

from server.errors import quote
from server.oip import Request, Signature, TensorSpec, bad, count_elements
from server.oip_binary import from_bytes, to_bytes
from server.oip_json import tensor

CSV = b"text/csv"
NPY = b"application/x-npy"


def read_csv(body: bytes | bytearray | memoryview, signature: Signature) -> Request:
    """Comma-separated values without a header, a line for each row. Raises Refusal (400) with row and column."""
    spec = _one_input(signature, "CSV")
    if len(spec.dims) != 2:
        raise bad(f"CSV has rows and columns; input {quote(spec.name)} takes {spec.metadata()['shape']}")
    try:
        text = str(body, "utf-8")
        rows = [row for row in csv.reader(io.StringIO(text), strict=True, skipinitialspace=True) if row]
    except UnicodeDecodeError:
        raise bad("the body is not UTF-8") from None
    except csv.Error as error:
        raise bad(f"the body is not CSV: {error}") from None
    if not rows:
        raise bad("the body has no row")
    width = len(rows[0])
    uneven = next((number for number, row in enumerate(rows, 1) if len(row) != width), None)
    if uneven is not None:
        raise bad(f"row {uneven} has {len(rows[uneven - 1])} values; row 1 has {width}")
    shape = [len(rows), width]
    count = count_elements(spec, shape)
    convert = _CONVERT.get(spec.datatype.dtype.kind, str)
    values = []
    for number, row in enumerate(rows, 1):
        for column, field in enumerate(row, 1):
            try:
                values.append(convert(field))
            except ValueError:
                wanted = f"{spec.datatype.name} takes {spec.datatype.range}"
                raise bad(f"row {number}, column {column} holds {quote(field)}; {wanted}") from None
    return Request([tensor(values, spec, shape, count)], list(signature.as_json), form="csv")


def write_csv(outputs: Sequence[np.ndarray]) -> bytes:
    """The one output of an answer, a line for each row; what has more than two dims is laid flat behind its first."""
    (output,) = outputs
    table = output.reshape(output.shape[0] if output.ndim else 1, -1)
    if output.dtype == object:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(table.tolist())
        return text.getvalue().encode()
    if not table.size:
        return b"\n" * len(table)
    # JSON of a table of numbers is its CSV between brackets.
    lines = orjson.dumps(np.ascontiguousarray(table), option=orjson.OPT_SERIALIZE_NUMPY)
    return lines[2:-2].replace(b"],[", b"\n").replace(b"null", b"nan") + b"\n"


def read_npy(body: bytes | bytearray | memoryview, signature: Signature) -> Request:
    """One array in NumPy's format, rows on its first axis. Numbers may have another width, if they stay what they are.

    Raises Refusal (400), also for arrays of Python objects, which would have to be unpickled.
    """
    spec = _one_input(signature, ".npy")
    try:
        shape, fortran, dtype, start = _npy_head(body)
    except (ValueError, SyntaxError, TypeError, KeyError, RecursionError, MemoryError):
        raise bad("the body is no array in NumPy's .npy format") from None
    if dtype.hasobject or dtype.kind not in "biufU":
        raise bad(f"the array holds {quote(dtype.str)}; the model takes {spec.datatype.name}")
    count = count_elements(spec, list(shape))
    if len(body) - start != count * dtype.itemsize:
        given = len(body) - start
        raise bad(f"the array has {given} bytes; {dtype} of shape {list(shape)} has {count * dtype.itemsize}")
    if dtype == spec.datatype.dtype and not fortran:
        return Request(
            [from_bytes(body, start, len(body) - start, spec, list(shape), count)], list(signature.as_json), form="npy"
        )
    array = np.frombuffer(body, dtype, count, start).reshape(shape, order="F" if fortran else "C")
    return Request([_as_taken(array, spec)], list(signature.as_json), form="npy")


def write_npy(outputs: Sequence[np.ndarray]) -> list[bytes]:
    """The one output of an answer as an .npy file; strings as NumPy's fixed-width text."""
    (output,) = outputs
    array = np.ascontiguousarray(output.astype(np.str_) if output.dtype == object else output)
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(head, np.lib.format.header_data_from_array_1_0(array.reshape(output.shape)))
    return [head.getvalue(), array.tobytes() if output.dtype == object else to_bytes(array)]


def _one_input(signature: Signature, form: str) -> TensorSpec:
    if len(signature.inputs) != 1:
        raise bad(f"{form} carries one input; this model takes {len(signature.inputs)}, so send JSON or binary tensors")
    return signature.inputs[0]


def _number(field: str) -> float:
    value = float(field)
    if "_" in field or not np.isfinite(value):
        raise ValueError
    return value


def _whole(field: str) -> int:
    if "_" in field:
        raise ValueError
    return int(field)


def _truth(field: str) -> bool:
    value = {"true": True, "1": True, "false": False, "0": False}.get(field.strip().lower())
    if value is None:
        raise ValueError
    return value


_CONVERT = {"f": _number, "i": _whole, "u": _whole, "b": _truth}


def _npy_head(body: bytes | bytearray | memoryview) -> tuple[tuple[int, ...], bool, np.dtype[Any], int]:
    """Shape, order, type and where the data begins."""
    view = memoryview(body)
    if bytes(view[:6]) != b"\x93NUMPY" or view[6] not in (1, 2, 3):
        raise ValueError
    width = 2 if view[6] == 1 else 4
    size = int.from_bytes(view[8 : 8 + width], "little")
    start = 8 + width + size
    if size > 10_000 or start > len(view):
        raise ValueError
    head = ast.literal_eval(str(view[8 + width : start], "utf-8" if view[6] == 3 else "latin-1").strip())
    shape, fortran, dtype = head["shape"], head["fortran_order"], np.dtype(head["descr"])
    if type(shape) is not tuple or type(fortran) is not bool or any(type(size) is not int for size in shape):
        raise ValueError
    return shape, fortran, dtype, start


def _as_taken(array: np.ndarray, spec: TensorSpec) -> np.ndarray:
    """The same values in the type that the model takes. Raises Refusal (400) where it cannot hold them."""
    target = spec.datatype.dtype
    wrong = bad(f"the array holds {array.dtype}; input {quote(spec.name)} takes {spec.datatype.name}")
    if target.kind == "O":
        if array.dtype.kind != "U":
            raise wrong
        return np.ascontiguousarray(array).astype(object)
    same = array.dtype.kind == target.kind or (array.dtype.kind in "iu" and target.kind in "iuf")
    if not same:
        raise wrong
    if target.kind in "iu" and array.size:
        info = np.iinfo(target)
        if int(array.min()) < info.min or int(array.max()) > info.max:
            raise bad(f"the array holds values outside of {spec.datatype.name}: it takes {spec.datatype.range}")
    with np.errstate(over="ignore"):
        taken = np.ascontiguousarray(array.astype(target))
    if target.kind == "f" and array.dtype.kind == "f" and np.isinf(taken).sum() != np.isinf(array).sum():
        raise bad(f"the array holds values outside of {spec.datatype.name}: it takes {spec.datatype.range}")
    return taken
