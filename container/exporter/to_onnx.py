"""Step 2: torch's exporters; the second one where the first freezes the batch."""

import contextlib
import io
import logging
import re
import shutil
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx
import torch
from torch import nn

from optimizer.errors import UserError

from .answers import leaves
from .example import Example
from .parity import DisagreesError, Parity, check_parity, probes

MOST_IR = 13
"""The newest IR version that ONNX Runtime 1.30 reads."""
MOST_TORCHSCRIPT_OPSET = 20
ONE_FILE_BYTES = 1_800_000_000
"""Below this all weights are in the model file; protobuf ends at 2 GiB."""


@dataclass(frozen=True)
class Exported:
    file: Path
    exporter: str
    """'dynamo' or 'torchscript'."""
    opset: int
    ir_version: int
    parity: Parity
    note: str | None
    """Why it is not the first exporter's; None otherwise."""

    @property
    def weights(self) -> Path | None:
        """The file of the weights, where they are apart."""
        data = self.file.with_name(f"{self.file.name}.data")
        return data if data.exists() else None

    @property
    def bytes(self) -> int:
        return sum(path.stat().st_size for path in (self.file, self.weights) if path is not None)


@dataclass(frozen=True)
class Wanted:
    outputs: Sequence[str]
    opset: int
    one_file_bytes: int = ONE_FILE_BYTES


def export(model: nn.Module, example: Example, wanted: Wanted, folder: Path) -> Exported:
    """Write `model.onnx` to `folder`, which is made. Raises UserError when none keeps the answers and the axes."""
    probed = probes(model, example)
    why: dict[str, str] = {}
    for exporter, write in (("dynamo", with_dynamo), ("torchscript", with_torchscript)):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        file = folder / "model.onnx"
        try:
            with quiet():
                write(model, example, wanted, file)
            opset, ir_version = finish(file, wanted.one_file_bytes)
            check_axes(file, example)
            parity = check_parity(model, example, file, wanted.outputs, probed)
        except DisagreesError as error:
            why[exporter] = str(error)
            continue
        note = f"Written by torch's TorchScript exporter: torch.export did not do ({why['dynamo']})." if why else None
        return Exported(file, exporter, opset, ir_version, parity, note)
    raise UserError(
        "The model cannot be exported with a batch of any size.\n"
        f"  torch.export: {why['dynamo']}.\n"
        f"  TorchScript: {why['torchscript']}.\n"
        "Look for Python code in forward() that depends on a size or a value: loops and conditions over x.shape[0], "
        "numbers taken out of tensors with int() or .item()."
    )


def with_dynamo(model: nn.Module, example: Example, wanted: Wanted, file: Path) -> None:
    try:
        program = torch.onnx.export(
            model,
            (),
            kwargs=example.tensors(example.batch(example.traced_batch())),
            dynamo=True,
            dynamic_shapes=named_axes(example, dimensions(example)),
            input_names=list(example.arrays),
            output_names=list(wanted.outputs),
            opset_version=wanted.opset,
            verbose=False,
        )
        assert program is not None
        program.save(str(file), external_data=True)
    except Exception as error:
        raise DisagreesError(said(error)) from None


def with_torchscript(model: nn.Module, example: Example, wanted: Wanted, file: Path) -> None:
    axes = {example.parameters[name]: name for name in example.arrays}
    batch = {output: {0: "batch"} for output in wanted.outputs}
    tensors = example.tensors(example.batch(example.traced_batch()))
    try:
        torch.onnx.export(
            Flat(model, list(tensors)),
            tuple(tensors.values()),
            str(file),
            dynamo=False,
            dynamic_axes={axes[p]: named for p, named in named_axes(example, None).items()} | batch,
            input_names=list(example.arrays),
            output_names=list(wanted.outputs),
            opset_version=min(wanted.opset, MOST_TORCHSCRIPT_OPSET),
        )
    except Exception as error:
        raise DisagreesError(said(error)) from None


class Flat(nn.Module):
    """The model with positional inputs and a flat tuple of outputs, all that TorchScript takes."""

    def __init__(self, model: nn.Module, parameters: Sequence[str]) -> None:
        super().__init__()
        self.model = model
        self.names = list(parameters)
        self.eval()

    def forward(self, *tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return tuple(tensor for _, tensor in leaves(self.model(**dict(zip(self.names, tensors, strict=True)))))


def dimensions(example: Example) -> dict[str, Any]:
    return {label: torch.export.Dim(label) for label in ("batch", *example.labels())}


def named_axes(example: Example, dimensions: Mapping[str, Any] | None) -> dict[str, dict[int, Any]]:
    """Axes that may have any size, by forward's parameter; as labels, or as torch's dimensions of these labels."""
    axes: dict[str, dict[int, Any]] = {parameter: {0: "batch"} for parameter in example.parameters.values()}
    for axis in example.dynamic:
        axes[example.parameters[axis.input]][axis.axis] = axis.label
    if dimensions is None:
        return axes
    return {name: {axis: dimensions[label] for axis, label in own.items()} for name, own in axes.items()}


def finish(file: Path, one_file_bytes: int) -> tuple[int, int]:
    """Make one file of it where it is small enough, without traces of where it was made; its opset and IR version.

    Raises DisagreesError when it is no valid model.
    """
    data = file.with_name(f"{file.name}.data")
    apart = data.exists() and file.stat().st_size + data.stat().st_size >= one_file_bytes
    model = onnx.load(file, load_external_data=not apart)
    strip(model)
    model.ir_version = min(model.ir_version, MOST_IR)
    onnx.save(model, file)
    if data.exists() and not apart:
        data.unlink()
    try:
        onnx.checker.check_model(str(file))
    except onnx.checker.ValidationError as error:
        raise DisagreesError(f"it is not valid: {str(error).strip().splitlines()[0]}") from None
    opset = next(entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx"))
    return opset, model.ir_version


def strip(model: onnx.ModelProto) -> None:
    """Take out what the exporters note for themselves: stack traces with paths of this machine."""
    graphs = [model.graph, *model.functions]
    for graph in graphs:
        graph.doc_string = ""
        del graph.metadata_props[:]
        tensors = [*graph.value_info]
        if isinstance(graph, onnx.GraphProto):
            tensors += [*graph.input, *graph.output, *graph.initializer]
        for part in [*graph.node, *tensors]:
            part.doc_string = ""
            del part.metadata_props[:]
        for node in graph.node:
            graphs += [attribute.g for attribute in node.attribute if attribute.type == onnx.AttributeProto.GRAPH]


def check_axes(file: Path, example: Example) -> None:
    """Raises DisagreesError when an axis that may have any size has become a number."""
    model = onnx.load(file, load_external_data=False)
    labels = {name: {0: "batch"} for name in example.arrays}
    for axis in example.dynamic:
        labels[axis.input][axis.axis] = axis.label
    there = {entry.name: entry.type.tensor_type.shape.dim for entry in model.graph.input}
    for name, axes in labels.items():
        if name not in there:
            raise DisagreesError(f"input '{name}' is gone: the model does not use it")
        for axis, label in axes.items():
            if there[name][axis].HasField("dim_value"):
                raise DisagreesError(f"it froze the axis '{label}' of '{name}' at {there[name][axis].dim_value}")


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """The exporters' own warnings and logs are for their makers; what matters is checked afterwards."""
    nowhere = io.StringIO()
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(nowhere), contextlib.redirect_stderr(nowhere):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def said(error: BaseException) -> str:
    """The heart of an exporter's long message in one line, without a full stop."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", str(error)).strip() or type(error).__name__
    _, _, summary = text.partition("## Exception summary")
    lines = [line.strip() for line in (summary or text).splitlines() if line.strip()]
    line = re.sub(r"^<class '(?:[\w.]+\.)?(\w+)'>: ", r"\1: ", lines[0] if lines else text)
    return line[:300].rstrip(". ")
