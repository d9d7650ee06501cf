"""The model in ONNX Runtime: one session that all workers share, its signature, its warm-up and its batch curve."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort

from server import provider
from server.config import CPU, Provider
from server.errors import StartError, quote
from server.oip import DATATYPES, Signature, TensorSpec

ORT_TYPES = {
    "tensor(bool)": "BOOL",
    "tensor(float16)": "FP16",
    "tensor(float)": "FP32",
    "tensor(double)": "FP64",
    "tensor(string)": "BYTES",
    **{f"tensor({sign}int{bits})": f"{sign.upper()}INT{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)},
}
# A model that needs longer than this for one row never runs on the event loop: /ping would wait for it.
INLINE_SECONDS = 0.0003
LARGEST_BATCH = 256
CURVE_SECONDS = 1.5
# A batch that takes longer is not tried only to say what larger ones would bring.
GAIN_SECONDS = 0.05
# Largest values in the three rows of each probe for a model whose rows look at each other; 1.5: a mix of 0 and 1.
PROBES = ((0, 1, 1.5), (1.5, 3, 7), (3, 20, 120))

Arrays = list[np.ndarray]


class Model:
    """A loaded model. `run` may be called from any thread; `output_names` are the tensors it can give.

    `batchable`: the first axis of every input and output is of any size, so rows of several requests may share a run.
    """

    def __init__(self, session: ort.InferenceSession, signature: Signature, arenas: str = "cpu:0") -> None:
        self.session = session
        self.signature = signature
        # The memory pools that a large run is to give back, as ONNX Runtime names them.
        self.arenas = arenas
        self.input_names = [spec.name for spec in signature.inputs]
        self.output_names = [spec.name for spec in signature.outputs]
        specs = (*signature.inputs, *signature.outputs)
        rows = tuple(spec.dims[1:] for spec in signature.inputs)
        fixed = all(None not in dims for dims in rows)
        self._row_key: Any = rows if fixed else None
        self.batchable = bool(signature.inputs) and all(spec.dims and spec.dims[0] is None for spec in specs)

    def run(self, arrays: Sequence[np.ndarray], options: ort.RunOptions | None = None) -> Arrays:
        """One run. Inputs in the signature's order; outputs likewise."""
        return self.session.run(self.output_names, dict(zip(self.input_names, arrays, strict=True)), options)  # type: ignore[return-value]

    def key(self, arrays: Arrays) -> tuple[int, tuple[tuple[int, ...], ...] | None]:
        """Rows of a request, and what must be equal for two requests to share a run (None: it shares none).

        A model without a free batch axis takes one request at a time: then a request is one row.
        """
        if not self.batchable:
            return 1, tuple(array.shape for array in arrays)
        rows = arrays[0].shape[0]
        for array in arrays:
            if array.shape[0] != rows:
                return rows, None
        return rows, self._row_key or tuple([array.shape[1:] for array in arrays])


def load(
    path: Path,
    name: str,
    version: str,
    intra_op: int,
    settings: dict[str, str] | None = None,
    where: Provider = CPU,
) -> Model:
    """Opens the model with `intra_op` threads per run. Raises StartError where ONNX Runtime refuses it, and where it
    would run it elsewhere than on the provider `where`.
    """
    provider.prepare(where)
    options = ort.SessionOptions()
    options.intra_op_num_threads = intra_op
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    # Fatal only: its error lines would print values of requests. What went wrong comes as an exception too.
    options.log_severity_level = 4
    # Spinning threads take the processor from the event loop and win nothing.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    for key, value in (settings or {}).items():
        options.add_session_config_entry(key, value)
    try:
        session = ort.InferenceSession(
            str(path), options, providers=provider.session_providers(where), enable_fallback=False
        )
    except Exception as error:
        raise StartError(f"ONNX Runtime {ort.__version__} refuses {path}: {_first_line(error)}") from error
    provider.refuse_another(session, where)
    arenas = "cpu:0" if where.name == "cpu" else "cpu:0;gpu:0"
    return Model(session, _signature(session, path, name, version), arenas)


def _signature(session: ort.InferenceSession, path: Path, name: str, version: str) -> Signature:
    inputs, outputs = [], []
    for node in session.get_inputs():
        if node.type not in ORT_TYPES:
            raise StartError(f"{path}: input {quote(node.name)} is a {node.type}, which no request can carry.")
        inputs.append(_spec(node))
    for node in session.get_outputs():
        if node.type in ORT_TYPES:
            outputs.append(_spec(node))
    if not outputs:
        given = ", ".join(sorted({node.type for node in session.get_outputs()}))
        raise StartError(f"{path} gives no tensor (only {given}). Export it with tensor outputs (without ZipMap).")
    return Signature(name, version, tuple(inputs), tuple(outputs))


def _spec(node: ort.NodeArg) -> TensorSpec:
    dims = tuple(dim if isinstance(dim, int) and dim >= 0 else None for dim in node.shape or [])
    return TensorSpec(node.name, DATATYPES[ORT_TYPES[node.type]], dims)


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__).removeprefix("[ONNXRuntimeError] : ")[:400]


@dataclass(frozen=True, slots=True)
class Curve:
    """What warm-up learned. `seconds` of one row; `limit` rows per run at most; `note` says why, for the log.

    `gain`: time per row at the limit (of 2 rows, where that is 1) divided by that in batches half as large; under 0.9
    larger ones are likely to help too. None where no batch may be made, or none was tried.
    """

    seconds: float
    limit: int
    note: str
    gain: float | None = None

    @property
    def inline(self) -> bool:
        """Whether a run is so short that the event loop may do it itself."""
        return self.seconds <= INLINE_SECONDS


def example(model: Model, dims: dict[str, int]) -> Arrays:
    """One made-up row of input: random numbers, zeros for integers and booleans, empty strings."""
    random = np.random.default_rng(0)
    symbols = {node.name: node.shape or [] for node in model.session.get_inputs()}
    arrays = []
    for spec in model.signature.inputs:
        shape = []
        for axis, dim in enumerate(spec.dims):
            label = symbols[spec.name][axis]
            free = 1 if axis == 0 else dims.get(label, 1) if isinstance(label, str) else 1
            shape.append(free if dim is None else dim)
        dtype = spec.datatype.dtype
        if dtype.kind == "f":
            arrays.append(random.standard_normal(shape).astype(dtype))
        elif dtype.kind == "O":
            arrays.append(np.full(shape, "", object))
        else:
            arrays.append(np.zeros(shape, dtype))
    return arrays


def learn(model: Model, rows: list[Arrays], warmup_runs: int, max_batch: int | None) -> Curve:
    """Warms the model up and finds the largest batch at which time per row still falls by a tenth per doubling.

    `rows` are single-row inputs, at least one. Batches are allowed only where they give the same answers: a model whose
    activation scale is taken over the whole batch does not, and gets limit 1. `max_batch` replaces the search.
    Raises StartError where the model cannot run at all.
    """
    try:
        for _ in range(max(1, warmup_runs)):
            model.run(rows[0])
        single = _seconds(model, rows[0])
    except Exception as error:
        raise StartError(f"The model loads but does not run: {_first_line(error)}") from error
    tried = single * max(2, max_batch or 2) <= GAIN_SECONDS
    if max_batch == 1:
        agree = tried and model.batchable and _batches_agree(model, rows)
        return Curve(single, 1, "batching is off", _gain(model, rows, 2) if agree else None)
    if not model.batchable:
        return Curve(single, 1, "the model has no batch axis of any size")
    if not _batches_agree(model, rows):
        return Curve(single, 1, "a batch would change the model's answers")
    if max_batch is not None:
        return Curve(single, max_batch, "as configured", _gain(model, rows, max_batch) if tried else None)
    limit, best, end, gain = 1, single, time.perf_counter() + CURVE_SECONDS, None
    while limit < LARGEST_BATCH and time.perf_counter() < end:
        seconds = _seconds(model, tile(rows, limit * 2)) / (limit * 2)
        gain = seconds / best
        if gain > 0.9:
            break
        limit, best = limit * 2, seconds
    return Curve(single, limit, f"{single * 1e6:.0f} us alone, {best * 1e6:.0f} us a row in {limit}", gain)


def _gain(model: Model, rows: list[Arrays], size: int) -> float | None:
    """Time per row in a batch of `size`, divided by that in one of half the size; None where it does not run."""
    half = size // 2
    try:
        return _seconds(model, tile(rows, size)) / size / (_seconds(model, tile(rows, half)) / half)
    except Exception:
        return None


def tile(rows: list[Arrays], count: int) -> Arrays:
    """A batch of `count` rows, going round `rows`."""
    chosen = [rows[index % len(rows)] for index in range(count)]
    return [np.concatenate([row[place] for row in chosen]) for place in range(len(rows[0]))]


def _seconds(model: Model, arrays: Arrays) -> float:
    """Shortest of at least 5 runs, and of as many as fit into 20 ms: other processes only ever add time."""
    times: list[float] = []
    end = time.perf_counter() + 0.02
    while len(times) < 5 or (time.perf_counter() < end and len(times) < 200):
        start = time.perf_counter()
        model.run(arrays)
        times.append(time.perf_counter() - start)
        if sum(times) > 1:
            break
    return min(times)


def _batches_agree(model: Model, rows: list[Arrays]) -> bool:
    """Whether three rows that differ give together what they give alone.

    Floats are scaled. Inputs in which rows are equal all the same get made-up values: 0, 1 and a mix of both, which
    every model must take here, and then wider ones, which need not be valid (an index into a small table is not).
    """
    given = [
        [
            (array * (0.05 + index)).astype(array.dtype) if array.dtype.kind == "f" else array
            for array in rows[index % len(rows)]
        ]
        for index in range(3)
    ]
    equal = [all(np.array_equal(one[0], other) for other in one[1:]) for one in zip(*given, strict=True)]
    if not any(equal):
        return bool(_agrees(model, given))
    random = np.random.default_rng(0)
    for number, tops in enumerate(PROBES):
        probe = [
            [_made_up(array, top, random) if made_up else array for array, made_up in zip(row, equal, strict=True)]
            for row, top in zip(given, tops, strict=True)
        ]
        agrees = _agrees(model, probe)
        if agrees is False or (agrees is None and number == 0):
            return False
    return True


def _made_up(array: np.ndarray, top: float, random: np.random.Generator) -> np.ndarray:
    """Values from 0 to `top` that every type holds; strings are numbers, which more models take than other text."""
    values = np.full(array.shape, top) if top in (0, 1) else random.integers(0, int(top), array.shape, endpoint=True)
    return values.astype(int).astype(str).astype(object) if array.dtype == object else values.astype(array.dtype)


def _agrees(model: Model, rows: list[Arrays]) -> bool | None:
    """Whether rows give together what they give alone; None where the model does not take them alone."""
    try:
        alone = [model.run(row) for row in rows]
    except Exception:
        return None
    try:
        together = model.run(tile(rows, len(rows)))
    except Exception:
        return False
    for place, batch in enumerate(together):
        singles = [outputs[place] for outputs in alone]
        if any(single.shape[:1] != (1,) for single in singles) or batch.shape != (len(rows), *singles[0].shape[1:]):
            return False
        if any(single.shape != singles[0].shape for single in singles):
            return False
        if not same(np.concatenate(singles), batch):
            return False
    return True


def same(one: np.ndarray, other: np.ndarray) -> bool:
    """Equal up to the rounding of sums taken in another order."""
    if one.dtype.kind != "f":
        return bool((one == other).all())
    tolerance = 1e-2 if one.dtype.itemsize == 2 else 1e-4
    finite = np.abs(one[np.isfinite(one)]).max(initial=0)
    return bool(np.allclose(one, other, rtol=tolerance, atol=tolerance * float(finite), equal_nan=True))
