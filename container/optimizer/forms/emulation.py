"""Stage 4, candidates: a form's answers on a machine without its accelerator, with the accelerator's arithmetic.

ONNX Runtime's CPU provider computes 16-bit graphs in 32 bits and drops the rounding between nodes, so an overflow
would never show. And it turns TensorRT's signed QDQ pairs into 8-bit kernels of its own, which saturate on some
processors; left unfused they compute what TensorRT does.
"""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper

from ..host import this_host
from ..recipe import Candidate, Float16, Static
from ..session import open_session, provider_of, session_options

HALF = onnx.TensorProto.FLOAT16


def judged_session(
    model: Path, candidate: Candidate, provider: str, *, exact: bool = False
) -> onnxruntime.InferenceSession:
    """A session of a candidate's file that answers as the target will: to judge accuracy, never speed.

    On the provider itself where this machine has it; otherwise on the CPU with the provider's arithmetic. `exact`: no
    processor of the target saturates, so where this one does its slower exact 8-bit products are used. Raises what
    ONNX Runtime raises.
    """
    if provider != "cpu":
        session = open_session(model, provider=provider)
        if provider_of(session) == provider:
            return session
    if isinstance(candidate, Float16):
        typed = onnx.shape_inference.infer_shapes(onnx.load(model))
        return open_session(in_rounded_floats(typed).SerializeToString(), "none")
    if isinstance(candidate, Static) and candidate.placement == "tensorrt":
        return open_session(model, "none")
    if exact and this_host().instruction_set == "x86-64":
        options = session_options()
        options.add_session_config_entry("session.x64quantprecision", "1")
        return onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    return open_session(model)


def in_rounded_floats(model: onnx.ModelProto) -> onnx.ModelProto:
    """A 16-bit graph in 32 bits, every value that was 16-bit rounded to 16 bits by Casts of its own.

    Sums inside a node stay in 32 bits, as in an accelerator's matrix units. `model` tells the types of its values and
    is changed.
    """
    half = {value.name for value in model.graph.value_info if value.type.tensor_type.elem_type == HALF}
    for entry in model.graph.initializer:
        if entry.data_type == HALF:
            half.add(entry.name)
            entry.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(entry).astype(np.float32), entry.name))
    nodes: list[onnx.NodeProto] = []
    for given in model.graph.node:
        node = onnx.NodeProto.FromString(given.SerializeToString())
        rounded = [name for name in node.output if name in half]
        node.output[:] = [f"{name}:computed" if name in half else name for name in node.output]
        nodes.append(node)
        for name in rounded:
            nodes.append(helper.make_node("Cast", [f"{name}:computed"], [f"{name}:half"], to=HALF))
            nodes.append(helper.make_node("Cast", [f"{name}:half"], [name], to=onnx.TensorProto.FLOAT))
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    del model.graph.value_info[:]
    return model
