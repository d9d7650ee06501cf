"""Stage 4, candidates: the weights of MatMul in few bits, block by block, for decoders that wait for memory."""

import onnx
from onnx import helper, numpy_helper
from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer

from ..recipe import Weights
from .form import Calibration, Made, Rung
from .graph import head, initializers, name_nodes

BITS = {"int4": 4, "int8": 8}


def make(rung: Rung, model: onnx.ModelProto, calibration: Calibration) -> Made:  # noqa: ARG001
    """Raises what ONNX Runtime's quantizer raises."""
    candidate = rung.candidate
    assert isinstance(candidate, Weights)
    name_nodes(model)
    spread_gemm(model, frozenset(candidate.exclude_nodes))
    last = head(model)
    head_name = None if last is None else last.name
    every = {node.name for node in model.graph.node if node.op_type == "MatMul"}
    excluded = set(candidate.exclude_nodes)
    apart = {head_name} if head_name and candidate.head_precision != candidate.precision else set[str]()
    made = in_blocks(model, BITS[candidate.precision], candidate, excluded | apart)
    if apart - excluded and candidate.head_precision != "fp32":
        made = in_blocks(made, BITS[candidate.head_precision], candidate, (every | excluded) - apart)
    return Made(made)


def in_blocks(model: onnx.ModelProto, bits: int, candidate: Weights, excluded: set[str]) -> onnx.ModelProto:
    quantizer = MatMulNBitsQuantizer(
        model,
        bits=bits,
        block_size=candidate.block_size,
        is_symmetric=candidate.symmetric,
        accuracy_level=candidate.accuracy_level,
        nodes_to_exclude=sorted(excluded),
        op_types_to_quantize=("MatMul",),
    )
    quantizer.process()
    made = quantizer.model
    # It holds a wrapper with a model inside; some of its ways leave the model itself.
    return made if isinstance(made, onnx.ModelProto) else made.model


def spread_gemm(model: onnx.ModelProto, excluded: frozenset[str]) -> None:
    """Gemm with constant weights as MatMul and Add, since only MatMul has a kernel for weights in blocks."""
    held = initializers(model)
    nodes: list[onnx.NodeProto] = []
    for node in model.graph.node:
        weight = held.get(node.input[1]) if node.op_type == "Gemm" and node.name not in excluded else None
        given = {entry.name: helper.get_attribute_value(entry) for entry in node.attribute}
        plain = given.get("alpha", 1.0) == given.get("beta", 1.0) == 1.0 and not given.get("transA", 0)
        if weight is None or not plain:
            nodes.append(node)
            continue
        name = node.input[1]
        if given.get("transB", 0):
            name = f"{weight.name}:transposed"
            if name not in held:
                held[name] = numpy_helper.from_array(numpy_helper.to_array(weight).T.copy(), name)
                model.graph.initializer.append(held[name])
        bias = node.input[2] if len(node.input) > 2 and node.input[2] else None
        product = f"{node.output[0]}:product" if bias else node.output[0]
        nodes.append(helper.make_node("MatMul", [node.input[0], name], [product], name=node.name))
        if bias:
            nodes.append(helper.make_node("Add", [product, bias], [node.output[0]], name=f"{node.name}:bias"))
    copied = [onnx.NodeProto.FromString(node.SerializeToString()) for node in nodes]
    del model.graph.node[:]
    model.graph.node.extend(copied)
    drop_unused(model)


def drop_unused(model: onnx.ModelProto) -> None:
    """Initializers that no node reads any more."""
    used = {name for node in model.graph.node for name in node.input} | {value.name for value in model.graph.output}
    if any(attribute.g.node or attribute.graphs for node in model.graph.node for attribute in node.attribute):
        return
    kept = [entry for entry in model.graph.initializer if entry.name in used]
    if len(kept) < len(model.graph.initializer):
        copied = [onnx.TensorProto.FromString(entry.SerializeToString()) for entry in kept]
        del model.graph.initializer[:]
        model.graph.initializer.extend(copied)
