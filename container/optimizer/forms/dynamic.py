"""Stage 4, candidates: 8 bits with ranges taken at run time; nothing is calibrated."""

import onnx
from onnxruntime.quantization import QuantizationMode, QuantType
from onnxruntime.quantization.onnx_quantizer import ONNXQuantizer

from ..recipe import Dynamic
from .form import Calibration, CannotQuantizeError, Made, Rung
from .static import TYPES


def make(rung: Rung, model: onnx.ModelProto, calibration: Calibration) -> Made:  # noqa: ARG001
    """Raises CannotQuantizeError where Conv would be quantized, and what ONNX Runtime's quantizer raises."""
    candidate = rung.candidate
    assert isinstance(candidate, Dynamic)
    if not candidate.op_types or "Conv" in candidate.op_types:
        raise CannotQuantizeError(
            "dynamic quantization of Conv is several times slower than fp32; name other operators"
        )
    quantizer = ONNXQuantizer(
        model,
        candidate.per_channel,
        candidate.reduce_range,
        QuantizationMode.IntegerOps,
        False,
        TYPES[candidate.weight_type],
        QuantType.QUInt8,
        None,
        [],
        list(candidate.exclude_nodes),
        list(candidate.op_types),
        {"MatMulConstBOnly": True, **rung.options},
    )
    quantizer.quantize_model()
    made = quantizer.model.model
    assert made is not None
    return Made(made)
