"""Stage 4, candidates: makes one candidate by its method, and asks again in simpler ways when that stumbles."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import onnx
from onnxruntime.quantization.quant_utils import load_model_with_shape_infer

from .forms import dynamic, float16, static, weights
from .forms.form import MOST_BYTES, Calibration, CannotQuantizeError, Made, Rung
from .forms.ranges import Ranges
from .graph_optimization import optimize_offline, save_as_it_is
from .onnx_file import every_node
from .recipe import Candidate, Dynamic, Float16, Static, Weights
from .session import brief, open_session, out_of_memory

__all__ = ["Calibration", "CannotQuantizeError", "Quantized", "Rung", "ladder", "quantize", "raw_file", "reduced_nodes"]

METHODS: Mapping[str, Callable[[Rung, onnx.ModelProto, Calibration], Made]] = {
    "static": static.make,
    "dynamic": dynamic.make,
    "float16": float16.make,
    "weights": weights.make,
}
_REDUCED_OPS = frozenset(
    {"QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear", "MatMulInteger", "ConvInteger", "QLinearConv",
     "QLinearMatMul", "DynamicQuantizeMatMul", "MatMulIntegerToFloat", "QGemm", "QAttention", "DynamicQuantizeLSTM",
     "MatMulNBits"}
)  # fmt: skip


@dataclass(frozen=True)
class Quantized:
    ladder: tuple[str, ...]
    """Rungs that were needed after the first, in order; empty when it worked as asked."""
    reduced_nodes: int
    """Nodes that quantize, dequantize or compute in fewer bits; 0 when there was nothing to quantize."""
    ranges: Ranges | None
    """Those of the tensors it quantizes; None where its method has none."""


def quantize(
    candidate: Candidate, source: Path, target: Path, calibration: Calibration, level: str, ir_version: int
) -> Quantized:
    """Write the candidate, optimized at `level`, to `target`, and as the quantizer left it to `raw_file(target)`.

    Raises CannotQuantizeError with the last failure when no rung of the ladder gives a model that loads.
    """
    logging.disable(logging.WARNING)
    refuse_large(source)
    failures: list[str] = []
    for rung in ladder(candidate):
        raw = raw_file(target)
        try:
            made = METHODS[candidate.method](rung, prepared(rung, source, target), calibration)
            onnx.save_model(made.model, raw)
            if isinstance(candidate, Float16):
                save_as_it_is(made.model, target, ir_version)
            else:
                optimize_offline(raw, target, level, ir_version, passes_left_out(candidate))
            open_session(target)
        except CannotQuantizeError:
            raise
        except (MemoryError, OSError):
            raise
        except Exception as error:
            if out_of_memory(error):
                raise MemoryError from error
            failures.append(f"{rung.name}: {brief(error)}")
            continue
        climbed = [] if not failures else [*(failure.split(":")[0] for failure in failures[1:]), rung.name]
        return Quantized(tuple(climbed), reduced_nodes(made.model), made.ranges)
    raise CannotQuantizeError(f"could not be quantized ({failures[-1]})")


def passes_left_out(candidate: Candidate) -> tuple[str, ...]:
    """Passes of ONNX Runtime that would undo a form: TensorRT wants a pair of Q and DQ on weights, none on biases."""
    tensorrt = isinstance(candidate, Static) and candidate.placement == "tensorrt"
    return ("ConstantFolding", "WeightBiasQuantization") if tensorrt else ()


def raw_file(target: Path) -> Path:
    """The form before graph optimization: QDQ nodes still stand apart from what they surround."""
    return target.with_suffix(".quantized.onnx")


def refuse_large(source: Path) -> None:
    size = source.stat().st_size
    if size > MOST_BYTES:
        raise CannotQuantizeError(
            f"the model has {size} bytes; smaller forms are made of models up to {MOST_BYTES} bytes, since one file of "
            "ONNX ends at 2 GB. Make it smaller where it was trained"
        )


def ladder(candidate: Candidate) -> list[Rung]:
    """As asked first; then each rung gives up something else, the least first."""
    asked = Rung("as asked", candidate)
    bare = Rung("without inferred shapes", candidate, shapes=False)
    if isinstance(candidate, Float16):
        heavy = Rung("only convolutions and matrix products", candidate, options={"heavy_only": True})
        return [asked, bare, heavy]
    if isinstance(candidate, Weights):
        kept = Rung("the head in fp32", replace(candidate, head_precision="fp32"))
        return [asked, bare] if candidate.head_precision == "fp32" else [asked, bare, kept]
    steady = {"QDQDisableWeightAdjustForInt32Bias": True} if isinstance(candidate, Static) else {}
    rungs = [asked, bare]
    if isinstance(candidate, Static):
        rungs.append(Rung("weights not adjusted for biases", candidate, options=steady))
        if candidate.per_channel:
            whole = replace(candidate, per_channel=False)
            rungs.append(Rung("one scale for each weight", whole, options=steady))
    return rungs + [Rung("fewer operators", narrow, options=steady) for narrow in fewer_operators(candidate)]


def fewer_operators(candidate: Static | Dynamic) -> list[Static | Dynamic]:
    """The candidate without Gemm, or with the three that matter where it asked for all; none where nothing is left."""
    fewer = tuple(op for op in candidate.op_types or ("Conv", "MatMul", "Gemm") if op != "Gemm")
    return [replace(candidate, op_types=fewer)] if fewer and fewer != candidate.op_types else []


def prepared(rung: Rung, source: Path, target: Path) -> onnx.ModelProto:
    """The model that a rung starts from, with what ONNX's own inference knows of its shapes."""
    copy = target.with_suffix(".bare.onnx")
    model = onnx.load(source)
    if not rung.shapes:
        del model.graph.value_info[:]
    onnx.save_model(model, copy)
    # It writes a file of its own beside the one it reads.
    inferred = load_model_with_shape_infer(copy)
    copy.unlink()
    return inferred


def reduced_nodes(model: onnx.ModelProto) -> int:
    half = onnx.TensorProto.FLOAT16
    nodes = list(every_node(model.graph.node))
    kinds = {value.name: value.type.tensor_type.elem_type for value in model.graph.value_info}
    kinds |= {entry.name: entry.data_type for entry in model.graph.initializer}
    in_half = sum(node.op_type != "Cast" and any(kinds.get(name) == half for name in node.input) for node in nodes)
    return sum(node.op_type in _REDUCED_OPS for node in nodes) + in_half
