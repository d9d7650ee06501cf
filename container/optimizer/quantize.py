"""Makes one candidate with ONNX Runtime's quantizer, trying again in simpler ways when it stumbles."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_dynamic,
    quantize_static,
)

from .graph_optimization import optimize_offline
from .onnx_file import every_node
from .recipe import Candidate
from .session import brief, open_session, sample

STRIDE = 10
"""Calibration samples that are in memory at a time."""

_TYPES = {"uint8": QuantType.QUInt8, "int8": QuantType.QInt8}
_METHODS = {
    "minmax": CalibrationMethod.MinMax,
    "percentile": CalibrationMethod.Percentile,
    "entropy": CalibrationMethod.Entropy,
}
_REDUCED_OPS = frozenset(
    {"QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear", "MatMulInteger", "ConvInteger", "QLinearConv",
     "QLinearMatMul", "DynamicQuantizeMatMul", "MatMulIntegerToFloat", "QGemm", "QAttention", "DynamicQuantizeLSTM"}
)  # fmt: skip


class CannotQuantizeError(Exception):
    """Every rung of the ladder failed."""


@dataclass(frozen=True)
class Calibration:
    inputs: Mapping[str, np.ndarray]
    rows: np.ndarray


@dataclass(frozen=True)
class Rung:
    """One way to ask the quantizer."""

    name: str
    shapes: bool
    """Whether inferred shapes are kept."""
    candidate: Candidate
    options: Mapping[str, Any]


@dataclass(frozen=True)
class Quantized:
    ladder: tuple[str, ...]
    """Rungs that were needed after the first, in order; empty when it worked as asked."""
    reduced_nodes: int
    """Nodes that quantize, dequantize or compute in 8 bits; 0 when there was nothing to quantize."""


class Reader(CalibrationDataReader):
    """Feeds calibration samples one by one, a range of them at a time."""

    def __init__(self, calibration: Calibration) -> None:
        self._calibration = calibration
        self._rows = iter(calibration.rows)

    def __len__(self) -> int:
        return len(self._calibration.rows)

    def set_range(self, start_index: int, end_index: int) -> None:
        self._rows = iter(self._calibration.rows[start_index:end_index])

    def get_next(self) -> dict[str, np.ndarray]:
        """The next sample; an empty dict at the end."""
        row = next(self._rows, None)
        return {} if row is None else sample(self._calibration.inputs, int(row))


def quantize(
    candidate: Candidate, source: Path, target: Path, calibration: Calibration, level: str, ir_version: int
) -> Quantized:
    """Write the candidate, optimized at `level`, to `target`.

    Raises CannotQuantizeError with the last failure when no rung of the ladder gives a model that loads.
    """
    logging.disable(logging.WARNING)
    failures: list[str] = []
    climbed: list[str] = []
    for rung in ladder(candidate):
        raw = target.with_suffix(".quantized.onnx")
        try:
            METHODS[candidate.method](rung, prepared(rung, source, target), raw, calibration)
            optimize_offline(raw, target, level, ir_version)
            open_session(target)
        except (MemoryError, OSError):
            raise
        except Exception as error:
            failures.append(f"{rung.name}: {brief(error)}")
            continue
        climbed = [] if not failures else [*(failure.split(":")[0] for failure in failures[1:]), rung.name]
        return Quantized(tuple(climbed), reduced_nodes(raw))
    raise CannotQuantizeError(f"could not be quantized ({failures[-1]})")


def ladder(candidate: Candidate) -> list[Rung]:
    """As asked first; then each rung keeps what the one before gave up."""
    fewer = tuple(op for op in candidate.op_types or ("Conv", "MatMul", "Gemm") if op != "Gemm")
    steady = {"QDQDisableWeightAdjustForInt32Bias": True}
    rungs = [Rung("as asked", True, candidate, {}), Rung("without inferred shapes", False, candidate, {})]
    if candidate.method == "static":
        rungs.append(Rung("weights not adjusted for biases", True, candidate, steady))
    if fewer and fewer != candidate.op_types:
        narrow = replace(candidate, op_types=fewer)
        rungs.append(Rung("fewer operators", True, narrow, steady if candidate.method == "static" else {}))
    return rungs


def prepared(rung: Rung, source: Path, target: Path) -> Path:
    """The model that a rung starts from."""
    if rung.shapes:
        return source
    model = onnx.load(source)
    del model.graph.value_info[:]
    bare = target.with_suffix(".bare.onnx")
    onnx.save_model(model, bare)
    return bare


def static(rung: Rung, source: Path, target: Path, calibration: Calibration) -> None:
    candidate, count = rung.candidate, len(calibration.rows)
    quantize_static(
        source,
        target,
        Reader(calibration),
        quant_format=QuantFormat.QDQ,
        op_types_to_quantize=list(candidate.op_types),
        per_channel=candidate.per_channel,
        reduce_range=candidate.reduce_range,
        activation_type=_TYPES[candidate.activation_type],
        weight_type=_TYPES[candidate.weight_type],
        nodes_to_exclude=list(candidate.exclude_nodes),
        calibrate_method=_METHODS[candidate.calibration],
        extra_options={"CalibStridedMinMax": STRIDE if count % STRIDE == 0 else count, **rung.options},
    )


def dynamic(rung: Rung, source: Path, target: Path, calibration: Calibration) -> None:  # noqa: ARG001
    candidate = rung.candidate
    quantize_dynamic(
        source,
        target,
        op_types_to_quantize=list(candidate.op_types),
        per_channel=candidate.per_channel,
        reduce_range=candidate.reduce_range,
        weight_type=_TYPES[candidate.weight_type],
        nodes_to_exclude=list(candidate.exclude_nodes),
        extra_options={"MatMulConstBOnly": True, **rung.options},
    )


METHODS: Mapping[str, Callable[[Rung, Path, Path, Calibration], None]] = {"static": static, "dynamic": dynamic}


def reduced_nodes(path: Path) -> int:
    return sum(node.op_type in _REDUCED_OPS for node in every_node(onnx.load(path).graph.node))
