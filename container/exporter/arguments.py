"""Start of the export: what was asked for on the command line, checked in itself, all problems at once."""

import argparse
from dataclasses import dataclass
from pathlib import Path

from optimizer.errors import UserError

LEAST_OPSET, MOST_OPSET, DEFAULT_OPSET = 18, 23, 20
"""torch's exporter has no translation below 18; it ends at 23."""
TWO_OF_FOUR = "2:4"


@dataclass(frozen=True)
class Place:
    """A function of the user's: `FILE:FUNCTION`."""

    file: Path
    function: str

    def __str__(self) -> str:
        return f"{self.file.name}:{self.function}"


@dataclass(frozen=True)
class Dynamic:
    """An axis of an input that may have any size; equal labels are equal sizes."""

    input: str
    axis: int
    label: str


@dataclass(frozen=True)
class Asked:
    build: Place
    example: Path
    out: Path
    scratch: Path | None
    dynamic: tuple[Dynamic, ...]
    output_names: tuple[str, ...] | None
    opset: int
    prune: float | None
    """Share of channels to take from each layer, in (0, 1)."""
    sparsify: float | None
    """Share of weights to set to zero, in (0, 1)."""
    two_of_four: bool
    finetune: Place | None
    no_finetune: bool


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="python -m exporter", description="Export a PyTorch model to ONNX, pruned first where that is asked for."
    )
    made.add_argument("build", metavar="FILE:FUNCTION", help="the function that returns the nn.Module")
    made.add_argument(
        "--example", required=True, type=Path, help=".npz, an array for each input, first axis the sample"
    )
    made.add_argument("--out", required=True, type=Path, help="the ONNX file to write")
    made.add_argument("--scratch", type=Path, help="where to work (default: the system's temporary folder)")
    made.add_argument("--dynamic", action="append", default=[], metavar="NAME=AXIS:LABEL,…")
    made.add_argument("--output-names", metavar="NAME,…")
    made.add_argument("--opset", default=str(DEFAULT_OPSET))
    made.add_argument("--prune", metavar="SHARE")
    made.add_argument("--sparsify", metavar="SHARE")
    made.add_argument("--structured", metavar=TWO_OF_FOUR)
    made.add_argument("--finetune", metavar="FILE:FUNCTION")
    made.add_argument("--no-finetune", action="store_true")
    return made


def parse(arguments: list[str] | None) -> Asked:
    """Raises UserError with all problems; SystemExit 2 for an unknown option, as argparse does."""
    given = parser().parse_args(arguments)
    problems: list[str] = []

    def checked(read, text):
        if text is None:
            return None
        try:
            return read(text)
        except UserError as error:
            problems.extend(error.problems)
            return None

    build = checked(lambda text: place(text, "the model's"), given.build)
    finetune = checked(lambda text: place(text, "--finetune"), given.finetune)
    dynamic = checked(dynamic_axes, given.dynamic)
    names = checked(output_names, given.output_names)
    opset = checked(opset_number, given.opset)
    prune = checked(lambda text: share("--prune", text), given.prune)
    sparsify = checked(lambda text: share("--sparsify", text), given.sparsify)
    problems += together(given)
    if given.structured == TWO_OF_FOUR and sparsify not in (None, 0.5):
        problems.append(
            f"--structured 2:4 sets every second weight to zero, --sparsify says {given.sparsify}. Give 0.5."
        )
    if given.out.suffix != ".onnx":
        problems.append(f"--out {given.out}: the file has to end in .onnx. Name it so.")
    if problems or build is None or dynamic is None or opset is None:
        raise UserError(problems)
    return Asked(
        build=build,
        example=given.example,
        out=given.out,
        scratch=given.scratch,
        dynamic=dynamic,
        output_names=names,
        opset=opset,
        prune=prune,
        sparsify=sparsify,
        two_of_four=given.structured is not None,
        finetune=finetune,
        no_finetune=given.no_finetune,
    )


def together(given: argparse.Namespace) -> list[str]:
    """Options that need or exclude each other."""
    changes = given.prune is not None or given.sparsify is not None
    problems = []
    if given.structured is not None and given.structured != TWO_OF_FOUR:
        problems.append(f"--structured {given.structured} is not known. The one pattern is 2:4.")
    if given.structured is not None and given.sparsify is None:
        problems.append("--structured says how zeros are placed; give --sparsify 0.5, too.")
    if given.finetune is not None and not changes:
        problems.append("--finetune trains on after --prune or --sparsify; give one of them, or leave it out.")
    if given.finetune is not None and given.no_finetune:
        problems.append("--finetune and --no-finetune are given. Give one of them.")
    if given.prune is not None and given.finetune is None and not given.no_finetune:
        problems.append(
            "--prune needs --finetune FILE:FUNCTION: without training on, a pruned model is mostly useless. "
            "To see how bad it is, give --no-finetune."
        )
    return problems


def place(text: str, what: str) -> Place:
    file, colon, function = text.rpartition(":")
    if not colon or not file or not function.isidentifier():
        raise UserError(f"{what} function is given as '{text}'. Give FILE:FUNCTION, such as train.py:build_model.")
    return Place(Path(file), function)


def share(option: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value < 1:
        raise UserError(
            f"{option} {text}: this is the share that goes. Give a number above 0 and below 1, such as 0.4."
        )
    return value


def opset_number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not LEAST_OPSET <= int(text) <= MOST_OPSET:
        raise UserError(f"--opset {text}: torch's exporter writes {LEAST_OPSET} to {MOST_OPSET}. Give one of these.")
    return int(text)


def output_names(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(","))
    if not all(names) or len(set(names)) < len(names):
        raise UserError(f"--output-names {text}: give a different name for each output, with commas between them.")
    return names


def dynamic_axes(texts: list[str]) -> tuple[Dynamic, ...]:
    """`name=axis:label,…`; an input with several axes is named for each."""
    axes = [dynamic_axis(part.strip()) for text in texts for part in text.split(",")]
    twice = next((axis for axis in axes if sum((axis.input, axis.axis) == (o.input, o.axis) for o in axes) > 1), None)
    if twice is not None:
        raise UserError(f"--dynamic names axis {twice.axis} of '{twice.input}' twice. Give it one label.")
    return tuple(axes)


def dynamic_axis(text: str) -> Dynamic:
    name, _, rest = text.rpartition("=")
    axis, _, label = rest.partition(":")
    if not name or not axis.isascii() or not axis.isdigit() or not label.isidentifier():
        raise UserError(f"--dynamic {text}: give NAME=AXIS:LABEL, such as tokens=1:sequence; axes count from 0.")
    if int(axis) == 0:
        raise UserError(f"--dynamic {text}: axis 0 is the batch, which is always dynamic. Leave it out.")
    if label == "batch":
        raise UserError(f"--dynamic {text}: 'batch' is the name of axis 0. Choose another label.")
    return Dynamic(name, int(axis), label)
