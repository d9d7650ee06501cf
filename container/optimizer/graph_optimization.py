"""Writes a model as ONNX Runtime's optimizer leaves it, at a level that holds on every processor."""

from collections.abc import Collection
from pathlib import Path

import onnx
import onnxruntime

from .onnx_file import every_node
from .session import session_options

HIGHEST_IR = 10
"""Written unless the model as given is higher: older runtimes (CUDA 12 images) read it."""


def optimize_offline(source: Path, target: Path, level: str, ir_version: int, without: Collection[str] = ()) -> None:
    """Save `source` optimized at `level`, basic or extended, to `target`; the same input gives the same bytes.

    Never higher: layout passes bind the file to the processor that wrote it. `ir_version` is the given model's;
    `without` names passes of ONNX Runtime that are left out. Raises what ONNX Runtime raises.
    """
    if level not in ("basic", "extended"):
        raise ValueError(f"graph optimization is '{level}', allowed are basic and extended")
    options = session_options(level)
    raw = target.with_suffix(".raw.onnx")
    options.optimized_model_filepath = str(raw)
    onnxruntime.InferenceSession(
        str(source), options, providers=["CPUExecutionProvider"], disabled_optimizers=list(without)
    )
    model = onnx.load(raw)
    raw.unlink()
    save_as_it_is(model, target, ir_version)


def save_as_it_is(model: onnx.ModelProto, target: Path, ir_version: int) -> None:
    """Save a model that ONNX Runtime must not rewrite here; the same input gives the same bytes.

    The CPU provider, which does the rewriting, turns 16-bit graphs into 32-bit ones.
    """
    tidy(model, ir_version)
    target.write_bytes(model.SerializeToString(deterministic=True))


def tidy(model: onnx.ModelProto, ir_version: int) -> None:
    """Stamp the IR version and import only the domains that are used."""
    model.ir_version = max(HIGHEST_IR, ir_version)
    used = {node.domain or "ai.onnx" for node in every_node(model.graph.node)}
    for function in model.functions:
        used |= {function.domain, *(node.domain or "ai.onnx" for node in every_node(function.node))}
    kept = sorted(
        {
            (entry.domain, entry.version)
            for entry in model.opset_import
            if (entry.domain or "ai.onnx") in used | {"ai.onnx"}
        }
    )
    del model.opset_import[:]
    model.opset_import.extend(onnx.helper.make_opsetid(domain, version) for domain, version in kept)
