"""Stage 4, candidates: 8 bits with calibrated ranges, as QDQ nodes that ONNX Runtime or TensorRT fuses."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from onnxruntime.quantization import CalibrationMethod, QuantType
from onnxruntime.quantization.calibrate import TensorData, TensorsData
from onnxruntime.quantization.qdq_quantizer import QDQQuantizer

from ..recipe import Static
from .calibration import QUANTIZABLE_OPS, shared_ranges
from .form import Calibration, Made, Rung
from .graph import around, fed_by, float_tensors, initializers, touching
from .ranges import Ranges

TYPES = {"uint8": QuantType.QUInt8, "int8": QuantType.QInt8}
PLACEMENT: Mapping[str, Mapping[str, Any]] = {
    "cpu": {},
    # TensorRT wants zero points of 0, a pair of nodes for each consumer and weight, and biases and sums in floats.
    "tensorrt": {
        "ActivationSymmetric": True,
        "WeightSymmetric": True,
        "AddQDQPairToWeight": True,
        "DedicatedQDQPair": True,
        "QuantizeBias": False,
        "OpTypesToExcludeOutputQuantization": ["Conv", "MatMul", "Gemm"],
    },
}
LEAST_TENSORRT = 16
"""Rows and columns below which TensorRT's 8-bit matrix kernels do not pay."""


def make(rung: Rung, model: onnx.ModelProto, calibration: Calibration) -> Made:
    """Raises what ONNX Runtime's quantizer raises."""
    candidate = rung.candidate
    assert isinstance(candidate, Static)
    ranges = shared_ranges(model, candidate.calibration, calibration)
    op_types = frozenset(candidate.op_types) or QUANTIZABLE_OPS
    quantizer = QDQQuantizer(
        model,
        candidate.per_channel,
        candidate.reduce_range,
        TYPES[candidate.weight_type],
        TYPES[candidate.activation_type],
        tensors_data(ranges),
        [],
        sorted({*candidate.exclude_nodes, *kept(model, candidate, ranges, op_types)}),
        sorted(op_types),
        {**PLACEMENT[candidate.placement], **rung.options},
    )
    used = around(model, op_types, ranges)
    quantizer.quantize_model()
    made = quantizer.model.model
    assert made is not None
    return Made(made, {name: ranges[name] for name in used})


def tensors_data(ranges: Ranges) -> TensorsData:
    return TensorsData(
        CalibrationMethod.MinMax,
        {
            name: TensorData(lowest=np.array(low, np.float32), highest=np.array(high, np.float32))
            for name, (low, high) in ranges.items()
        },
    )


def kept(model: onnx.ModelProto, candidate: Static, ranges: Ranges, op_types: frozenset[str]) -> frozenset[str]:
    """Nodes that stay in floats whatever the recipe says.

    Those with a tensor that has no range (not finite on the samples), those that read a distribution (the box edges
    of a detector), and for TensorRT small matrices.
    """
    without_range = float_tensors(model).keys() - ranges.keys()
    small = small_matrices(model) if candidate.placement == "tensorrt" else frozenset()
    return touching(model, without_range, op_types) | fed_by(model, "Softmax") | small


def small_matrices(model: onnx.ModelProto) -> frozenset[str]:
    held = initializers(model)
    return frozenset(
        node.name
        for node in model.graph.node
        if node.op_type in ("MatMul", "Gemm")
        and node.input[1] in held
        and min(held[node.input[1]].dims, default=0) < LEAST_TENSORRT
    )
