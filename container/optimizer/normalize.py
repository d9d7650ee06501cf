"""Stage 2, normalize: the form of the graph that the quantizer understands, step by step, each checked by answers."""

import contextlib
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from onnxruntime.tools.symbolic_shape_infer import SymbolicShapeInference

from .admit import Admitted
from .errors import UserError
from .forms.graph import name_nodes
from .graph_optimization import optimize_offline
from .parity import answers_to, difference, probes
from .session import Answers, brief
from .work import Work

LEAST_OPSET = 13
"""Weights with a scale for each channel need it."""
RAISED_OPSET = 17

Step = Callable[[Path, Path], None]
"""Reads a model, writes another that answers the same."""


@dataclass(frozen=True)
class Normalized:
    admitted: Admitted
    path: Path
    """What candidates start from: the model as given where there are none."""
    notes: tuple[str, ...]


def normalize(admitted: Admitted, work: Work) -> Normalized:
    """Apply each step that keeps the answers; a step that fails or changes them is left out, and a note says so."""
    work.progress.step("normalize", "preparing the graph")
    path, notes = admitted.model.path, []
    if not admitted.candidates:
        return Normalized(admitted, path, ())
    feeds = probes(admitted.samples.inputs, admitted.model.inputs, admitted.samples.evaluation.tolist())
    feeds, expected = answers_of_original(path, feeds)
    for number, (name, alternatives) in enumerate(STEPS):
        failures = []
        for attempt, step in enumerate(alternatives):
            target = work.scratch / f"normalized-{number}-{attempt}.onnx"
            failure = try_step(step, path, target, feeds, expected)
            if failure is None:
                path = target
                break
            failures.append(failure)
        else:
            notes.append(f"Not done while preparing the graph: {name} ({'; '.join(failures)}).")
    return Normalized(admitted, path, tuple(notes))


def answers_of_original(
    path: Path, feeds: Sequence[Mapping[str, np.ndarray]]
) -> tuple[Sequence[Mapping[str, np.ndarray]], list[Answers]]:
    """The yardstick; larger batches are left out where the model as given cannot run them."""
    try:
        return feeds, answers_to(path, feeds)
    except Exception:
        singles = [feed for feed in feeds if all(len(values) == 1 for values in feed.values())]
    try:
        return singles, answers_to(path, singles)
    except Exception as error:
        raise UserError(
            f"ONNX Runtime cannot run the model on the samples: {brief(error)}. "
            "Check that they are what the model expects."
        ) from None


def try_step(
    step: Step, source: Path, target: Path, feeds: Sequence[Mapping[str, np.ndarray]], expected: Sequence[Answers]
) -> str | None:
    """Why the step cannot be used; None when `target` now answers as before."""
    try:
        step(source, target)
        got = answers_to(target, feeds)
    except MemoryError:
        raise
    except Exception as error:
        return brief(error)
    return next(filter(None, map(difference, expected, got)), None)


def raise_opset(source: Path, target: Path) -> None:
    model = onnx.load(source)
    version = next((entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")), None)
    if version is not None and version < LEAST_OPSET:
        model = onnx.version_converter.convert_version(model, RAISED_OPSET)
    model.ir_version = max(model.ir_version, 8)
    onnx.save_model(model, target)


def strip_initializer_shapes(source: Path, target: Path) -> None:
    """Exporters write the shape of weights twice; the second copy goes stale when weights are transposed."""
    model = onnx.load(source)
    held = {entry.name for entry in model.graph.initializer}
    kept = [value for value in model.graph.value_info if value.name not in held]
    del model.graph.value_info[:]
    model.graph.value_info.extend(kept)
    onnx.save_model(model, target)


def fold(source: Path, target: Path) -> None:
    optimize_offline(source, target, "basic", 0)


def infer_symbolic(source: Path, target: Path) -> None:
    model = onnx.load(source)
    # Where it gives up, it leaves the whole model in the working folder.
    with tempfile.TemporaryDirectory(dir=target.parent) as folder, contextlib.chdir(folder):
        inferred = SymbolicShapeInference.infer_shapes(model, 2**31 - 1, False, False, 0)
    if inferred is None:
        raise ValueError("symbolic shape inference gave nothing")
    onnx.save_model(inferred, target)


def infer_plain(source: Path, target: Path) -> None:
    onnx.save_model(onnx.shape_inference.infer_shapes(onnx.load(source)), target)


def name_every_node(source: Path, target: Path) -> None:
    """Recipes and locks leave nodes out by name, so each has one of its own."""
    model = onnx.load(source)
    name_nodes(model)
    onnx.save_model(model, target)


STEPS: tuple[tuple[str, tuple[Step, ...]], ...] = (
    ("raising the opset", (raise_opset,)),
    ("dropping the shapes of weights", (strip_initializer_shapes,)),
    ("folding constants and batch norms", (fold,)),
    ("inferring shapes", (infer_symbolic, infer_plain)),
    ("dropping the shapes of weights again", (strip_initializer_shapes,)),
    ("naming every node", (name_every_node,)),
)
"""Each with its alternatives, the best first."""
