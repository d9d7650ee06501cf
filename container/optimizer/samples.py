"""Stage 1, admit: the user's samples and labels: hold them against the model, split them in two."""

import difflib
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .errors import UserError, read
from .onnx_file import Tensor, words
from .sample_files import native, open_labels, open_npz

MOST_CALIBRATED = 200
MOST_JUDGED = 2000
"""Samples that are used, most; more would only take longer."""
FEW = 30
"""Below this, samples without labels are not split."""


@dataclass(frozen=True)
class Samples:
    """What the candidates are measured with."""

    inputs: Mapping[str, np.ndarray]
    """By input; the first axis is the sample."""
    labels: np.ndarray | None
    """Class ids, int64, one for each sample; as given, samples first, where a metric of the user's own reads them."""
    calibration: np.ndarray
    evaluation: np.ndarray
    """Rows, int64, ascending; disjoint unless `notes` says otherwise."""
    sha256: str | None
    """Of the file; None when the inputs were made up."""
    labels_sha256: str | None
    notes: tuple[str, ...]

    @property
    def made_up(self) -> bool:
        return self.sha256 is None

    @property
    def count(self) -> int:
        return len(next(iter(self.inputs.values())))


def read_samples(
    data: Path,
    labels: Path | None,
    inputs: Sequence[Tensor],
    dims: Mapping[str, int],
    seed: int,
    *,
    own_metric: bool = False,
) -> Samples:
    """Read and check samples and labels. Raises UserError with every problem found.

    `own_metric`: labels are for the user's own metric and may be anything, samples first; calibration and judging share
    no samples, as with labels.
    """
    content = read(data, "The samples")
    arrays = open_npz(content, data)
    problems = sample_problems(arrays, inputs, dims)
    classes, label_bytes = None, None
    if labels is not None:
        label_bytes = read(labels, "The labels")
        classes = open_labels(label_bytes, labels)
        counts = {len(values) for values in arrays.values() if values.ndim}
        problems += label_problems(classes, min(counts) if len(counts) == 1 else None, own_metric=own_metric)
    if problems:
        raise UserError(problems)
    chosen = {entry.name: native(arrays[entry.name]) for entry in inputs}
    count = len(next(iter(chosen.values())))
    calibration, evaluation, notes = split(count, classes is not None or own_metric, seed)
    return Samples(
        inputs=chosen,
        labels=None if classes is None else native(classes) if own_metric else classes.astype(np.int64),
        calibration=calibration,
        evaluation=evaluation,
        sha256=hashlib.sha256(content).hexdigest(),
        labels_sha256=None if label_bytes is None else hashlib.sha256(label_bytes).hexdigest(),
        notes=notes,
    )


def sample_problems(arrays: Mapping[str, np.ndarray], inputs: Sequence[Tensor], dims: Mapping[str, int]) -> list[str]:
    """Everything that keeps `arrays` from being fed to the model, a sentence each."""
    names = [entry.name for entry in inputs]
    problems = [unknown_name(name, names) for name in arrays if name not in names]
    problems += [
        f"The samples lack input '{entry.name}', {entry.dtype} {words(entry.shape)}. Add an array of that name."
        for entry in inputs
        if entry.name not in arrays
    ]
    bound: dict[str, tuple[int, str]] = {name: (size, "--dim") for name, size in dims.items()}
    for entry in inputs:
        if entry.name in arrays:
            problems += array_problems(entry, arrays[entry.name], bound)
    counts = {name: len(arrays[name]) for name in names if name in arrays and arrays[name].ndim}
    if len(set(counts.values())) > 1:
        listed = ", ".join(f"'{name}' {count}" for name, count in counts.items())
        problems.append(f"The arrays differ in how many samples they hold: {listed}. Give the same number in each.")
    return problems


def unknown_name(name: str, names: Sequence[str]) -> str:
    close = difflib.get_close_matches(name, names, n=1)
    hint = f"Did you mean '{close[0]}'?" if close else "Rename or leave it out."
    return f"The samples hold '{name}', which is no input of the model. Inputs: {', '.join(names)}. {hint}"


def array_problems(entry: Tensor, values: np.ndarray, bound: dict[str, tuple[int, str]]) -> list[str]:
    """Problems of one array; symbolic dimensions it fixes are added to `bound`, after the batch."""
    dtype = "string" if values.dtype.kind in "US" else values.dtype.name
    problems = []
    if dtype != entry.dtype:
        wanted = "str_" if entry.dtype == "string" else entry.dtype
        problems.append(
            f"Input '{entry.name}' has dtype {dtype} in the samples, the model wants {entry.dtype}. "
            f"Convert it with .astype('{wanted}')."
        )
    if values.ndim != len(entry.shape):
        problems.append(
            f"Input '{entry.name}' has shape {words(values.shape)} in the samples, the model wants "
            f"{words(entry.shape)}, the first axis being the sample."
        )
        return problems
    if values.size == 0:
        problems.append(f"Input '{entry.name}' is empty, shape {words(values.shape)}. Give at least one sample.")
    for axis, (size, wanted) in enumerate(zip(values.shape, entry.shape, strict=True)):
        if axis == 0 or wanted is None:
            continue
        expected, source = (
            bound.setdefault(wanted, (size, f"'{entry.name}'")) if isinstance(wanted, str) else (wanted, "")
        )
        if size != expected:
            said = f"{expected} by {source}" if source else str(expected)
            problems.append(
                f"Input '{entry.name}' has shape {words(values.shape)} in the samples, the model wants "
                f"{words(entry.shape)}: axis {axis} is {size}, not {said}."
            )
    if values.dtype.kind == "S":
        unreadable = next((row for row, text in enumerate(values.reshape(len(values), -1)) if not is_utf8(text)), None)
        if unreadable is not None:
            problems.append(
                f"Input '{entry.name}' holds bytes that are not UTF-8, first in sample {unreadable}. Save text as str_."
            )
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        row = int(np.argwhere(~np.isfinite(values))[0][0])
        problems.append(
            f"Input '{entry.name}' holds NaN or infinity, first in sample {row}. Remove or repair these samples."
        )
    return problems


def is_utf8(texts: np.ndarray) -> bool:
    try:
        np.char.decode(texts, "utf-8")
    except UnicodeDecodeError:
        return False
    return True


def label_problems(labels: np.ndarray, count: int | None, *, own_metric: bool = False) -> list[str]:
    """Problems of the labels alone and against `count` samples; classes are checked once the outputs are known.

    `own_metric`: they may be anything, samples first.
    """
    if own_metric:
        fits = labels.ndim > 0 and (count is None or len(labels) == count)
        return [] if fits else [f"The labels have shape {words(labels.shape)} for {count} samples. Give one for each."]
    problems = []
    if labels.dtype.kind not in "iu":
        problems.append(f"The labels have dtype {labels.dtype.name}. Give class ids as integers, for example int64.")
    if labels.ndim != 1:
        problems.append(f"The labels have shape {words(labels.shape)}. Give one class id for each sample: [samples].")
    elif count is not None and len(labels) != count:
        problems.append(f"There are {len(labels)} labels for {count} samples. Give one for each.")
    if labels.dtype.kind in "iu" and labels.size and labels.min() < 0:
        problems.append(f"The labels hold {labels.min()}. Class ids start at 0; leave samples without a class out.")
    elif labels.dtype.kind in "iu" and labels.size and labels.max() > np.iinfo(np.int64).max:
        problems.append(f"The labels hold {labels.max()}, which is no class id. Give ids from 0 on.")
    return problems


def split(count: int, labelled: bool, seed: int) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Rows to calibrate with and rows to judge by, chosen by `seed`.

    A third calibrates, at most MOST_CALIBRATED; the rest judges, at most MOST_JUDGED. One sample, or fewer than FEW
    without labels, serve both; the notes say so.
    """
    order = np.random.default_rng(seed).permutation(count)
    if count == 1 or (not labelled and count < FEW):
        rows = np.sort(order)
        return rows, rows, (f"Only {count} samples: the same ones calibrate and judge. Give {FEW} or more.",)
    size = max(1, min(MOST_CALIBRATED, count // 3))
    # Calibration runs in strides of ten, which have to come out even.
    size = size - size % 10 if size >= 10 else size
    judging = order[size:]
    notes = (f"{len(judging)} samples could judge; {MOST_JUDGED} of them do.",) if len(judging) > MOST_JUDGED else ()
    return np.sort(order[:size]), np.sort(judging[:MOST_JUDGED]), notes


def make_up(inputs: Sequence[Tensor], dims: Mapping[str, int], count: int, seed: int) -> Samples:
    """Inputs made from shapes alone: they tell how fast a model is, never how right.

    Floats are normal with deviation 1, integers 0 or 1, text empty. Raises UserError naming every dimension without
    a size.
    """
    missing = list(dict.fromkeys(problem for entry in inputs for problem in unknown_sizes(entry, dims)))
    if missing:
        raise UserError(missing)
    random = np.random.default_rng(seed)
    made = {entry.name: values_for(entry, dims, count, random) for entry in inputs}
    rows = np.arange(count)
    return Samples(made, None, rows[:0], rows, None, None, ())


def unknown_sizes(entry: Tensor, dims: Mapping[str, int]) -> list[str]:
    open_axes = [(axis, size) for axis, size in enumerate(entry.shape) if axis > 0 and not isinstance(size, int)]
    return [
        f"Dimension {axis} of input '{entry.name}', which has no name, has no size. Give samples with --data, or "
        "export the model with a name or a size there."
        if size is None
        else f"Dimension '{size}' of input '{entry.name}' has no size. Give one with --dim, for example "
        f"--dim {size}=128, or samples with --data."
        for axis, size in open_axes
        if size not in dims
    ]


def values_for(entry: Tensor, dims: Mapping[str, int], count: int, random: np.random.Generator) -> np.ndarray:
    shape = [count, *(size if isinstance(size, int) else dims[str(size)] for size in entry.shape[1:])]
    if entry.dtype == "string":
        return np.full(shape, "", dtype=np.str_)
    if entry.dtype.startswith("float"):
        return random.standard_normal(shape).astype(entry.dtype)
    return random.integers(0, 2, shape).astype(entry.dtype)
