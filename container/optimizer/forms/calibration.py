"""Stage 4, candidates: the ranges of a model's tensors on samples, in memory that does not grow with the samples.

One pass finds the extremes inside the graph. Percentile and entropy take a second pass that counts values in bins
whose edges the first pass fixed, so that no order of samples changes the counts; ONNX Runtime's own rules then choose
the bounds. NaN counts for nothing, as in ONNX Runtime's own calibration; tensors that reach infinity have no range.
"""

import contextlib
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper
from onnxruntime.quantization.calibrate import HistogramCollector
from onnxruntime.quantization.registry import QDQRegistry, QLinearOpsRegistry

from ..session import open_session, sample
from .form import Calibration
from .graph import around, float_tensors
from .ranges import Ranges, Step, read_ranges, write_convergence, write_ranges

QUANTIZABLE_OPS = frozenset({*QDQRegistry, *QLinearOpsRegistry})
"""What ONNX Runtime's quantizer can quantize at all."""
STEPS = 20
"""Points of the curve of convergence."""
GROUP_BYTES = 256 * 2**20
"""Activations that one run hands out, at most, where a single one is not larger."""
BINS = {"percentile": 2048, "entropy": 512}
PERCENTILE = 99.999
LEVELS = 128
"""Steps of the quantizer that entropy compares with; ONNX Runtime's own number."""


@dataclass(frozen=True)
class Extremes:
    """Of each tensor over all samples; numpy scalars, float32."""

    low: Mapping[str, np.float32]
    high: Mapping[str, np.float32]
    elements: Mapping[str, int]
    """Of the largest sample."""
    steps: tuple[Step, ...]

    @property
    def finite(self) -> list[str]:
        bounded = (name for name in self.low if np.isfinite(self.low[name]) and np.isfinite(self.high[name]))
        return [name for name in bounded if self.low[name] <= self.high[name]]


def shared_ranges(model: onnx.ModelProto, method: str, calibration: Calibration) -> Ranges:
    """The ranges of the calibration's file when it is there; otherwise they are measured and the file is written.

    `method` is minmax, percentile or entropy. Raises ValueError when the file is damaged, and what ONNX Runtime
    raises.
    """
    path = calibration.ranges
    if path is not None and path.exists():
        return read_ranges(path)
    ranges, steps = calibrate(model, method, calibration)
    if path is not None:
        write_convergence(path, steps)
        write_ranges(path, ranges)
    return ranges


def calibrate(model: onnx.ModelProto, method: str, calibration: Calibration) -> tuple[Ranges, tuple[Step, ...]]:
    """Ranges of every float tensor (minmax), or of those that can be quantized (percentile, entropy)."""
    found = extremes(model, list(float_tensors(model)), calibration)
    if method == "minmax":
        return {name: (float(found.low[name]), float(found.high[name])) for name in found.finite}, found.steps
    names = around(model, QUANTIZABLE_OPS, dict.fromkeys(found.finite))
    ranges: dict[str, tuple[float, float]] = {}
    for group in groups(names, found.elements):
        ranges |= bounds(method, counts(model, group, found, method, calibration), found)
    return ranges, found.steps


def extremes(model: onnx.ModelProto, names: Sequence[str], calibration: Calibration) -> Extremes:
    """Least, greatest and number of values of each tensor, found inside the graph."""
    probes = [
        helper.make_node(op, [name], [f"{name}:{op}"]) for name in names for op in ("ReduceMin", "ReduceMax", "Size")
    ]
    types = {"ReduceMin": TensorProto.FLOAT, "ReduceMax": TensorProto.FLOAT, "Size": TensorProto.INT64}
    outputs = [helper.make_tensor_value_info(node.output[0], types[node.op_type], None) for node in probes]
    session = exposing(model, outputs, probes)
    wanted = [value.name for value in outputs]
    low, high = np.full(len(names), np.inf, np.float32), np.full(len(names), -np.inf, np.float32)
    elements = np.zeros(len(names), np.int64)
    rows = calibration.rows
    marks = set(np.unique(np.linspace(1, len(rows), min(STEPS, len(rows))).round().astype(int)).tolist())
    seen: list[tuple[int, np.ndarray]] = []
    for number, row in enumerate(rows, start=1):
        values = [np.asarray(value) for value in session.run(wanted, sample(calibration.inputs, int(row)))]
        low = np.minimum(low, [np.min(value, initial=np.inf) for value in values[0::3]])
        high = np.maximum(high, [np.max(value, initial=-np.inf) for value in values[1::3]])
        elements = np.maximum(elements, [int(value) for value in values[2::3]])
        if number in marks:
            seen.append((number, high.astype(np.float64) - low))
    final = high.astype(np.float64) - low
    wide = np.isfinite(final) & (final > 0)
    steps = [Step(number, round(share(width[wide], final[wide]), 6)) for number, width in seen if wide.any()]
    return Extremes(
        low=dict(zip(names, low, strict=True)),
        high=dict(zip(names, high, strict=True)),
        elements=dict(zip(names, elements.tolist(), strict=True)),
        steps=tuple(steps),
    )


def share(widths: np.ndarray, final: np.ndarray) -> float:
    return float(np.mean(np.clip(widths, 0, None) / final))


def groups(names: Sequence[str], elements: Mapping[str, int]) -> Iterator[list[str]]:
    """`names` in portions of at most GROUP_BYTES, so that memory follows the largest tensor, not the model."""
    group: list[str] = []
    size = 0
    for name in names:
        more = 4 * elements[name]
        if group and size + more > GROUP_BYTES:
            yield group
            group, size = [], 0
        group.append(name)
        size += more
    if group:
        yield group


def counts(
    model: onnx.ModelProto, names: Sequence[str], found: Extremes, method: str, calibration: Calibration
) -> dict[str, np.ndarray]:
    """How many values fall in each bin: of magnitudes from 0 (percentile), of values around 0 (entropy)."""
    bins = BINS[method]
    known = float_tensors(model)
    outputs = {value.name for value in model.graph.output}
    session = exposing(model, [known[name] for name in names if name not in outputs], [])
    totals = {name: np.zeros(bins, np.int64) for name in names}
    inputs = {value.name for value in model.graph.input}
    asked = [name for name in names if name not in inputs]
    for row in calibration.rows:
        feed = sample(calibration.inputs, int(row))
        values = dict(zip(asked, session.run(asked, feed), strict=True)) if asked else {}
        for name in names:
            seen = np.asarray(values[name] if name in values else feed[name]).ravel()
            totals[name] += np.bincount(bin_of(seen, edge(found, name), bins, method), minlength=bins)
    return totals


def bin_of(values: np.ndarray, most: float, bins: int, method: str) -> np.ndarray:
    values = values[~np.isnan(values)]
    scaled = np.abs(values) * (bins / most) if method == "percentile" else (values + most) * (bins / 2 / most)
    return np.minimum(scaled.astype(np.int64), bins - 1)


def edge(found: Extremes, name: str) -> float:
    """The largest magnitude; 1 where everything is 0."""
    return float(max(abs(found.low[name]), abs(found.high[name]))) or 1.0


def bounds(method: str, totals: Mapping[str, np.ndarray], found: Extremes) -> dict[str, tuple[float, float]]:
    """ONNX Runtime's choice from the counts."""
    bins = BINS[method]
    symmetric = method == "percentile"
    collector = HistogramCollector(method, symmetric, bins, LEVELS, PERCENTILE, "same")
    for name, total in totals.items():
        most = edge(found, name)
        edges = np.linspace(0 if symmetric else -most, most, bins + 1).astype(np.float32)
        extreme = (np.array(found.low[name]), np.array(found.high[name]))
        collector.histogram_dict[name] = (total, edges, *extreme, *([] if symmetric else [np.float32(most)]))
    with contextlib.redirect_stdout(io.StringIO()):
        chosen = collector.compute_collection_result()
    return {name: (float(np.float32(entry[0])), float(np.float32(entry[1]))) for name, entry in chosen.items()}


def exposing(
    model: onnx.ModelProto, outputs: Sequence[onnx.ValueInfoProto], nodes: Sequence[onnx.NodeProto]
) -> onnxruntime.InferenceSession:
    """A session that also gives `outputs`, after `nodes`; unfused, one thread, so that it gives the same every time."""
    opened = onnx.ModelProto()
    opened.CopyFrom(model)
    inputs = {value.name for value in model.graph.input}
    opened.graph.node.extend(nodes)
    opened.graph.output.extend(value for value in outputs if value.name not in inputs)
    return open_session(opened.SerializeToString(), "none")
