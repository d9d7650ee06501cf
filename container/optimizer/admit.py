"""Stage 1, admit: from what the user names to a model and samples that are safe to work with."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .errors import UserError, read
from .onnx_file import ONE_FILE_BYTES, ModelFile, admit_model
from .recipe import Candidate, Recipe
from .samples import Samples, make_up, read_samples
from .work import Work

NO_SAMPLES = "no samples were given (--data), so no smaller form could be judged"


@dataclass(frozen=True)
class Request:
    """What the command line names."""

    recipe: Recipe
    model: Path
    data: Path | None
    labels: Path | None
    metric: Path | None = None
    """The user's Python file; the recipe names the function."""


@dataclass(frozen=True)
class Admitted:
    recipe: Recipe
    model: ModelFile
    samples: Samples
    candidates: tuple[Candidate, ...]
    """Those of the recipe, or none where the model or the lack of samples forbids them."""
    why_none: str | None
    """Why there are no candidates, in words; None when there are some."""
    metric: Path | None = None
    """The Python file of the user's metric; None where labels or closeness to fp32 decide."""
    metric_sha256: str | None = None


def admit(request: Request, work: Work) -> Admitted:
    """Check model, samples and labels. Raises UserError with the problems of the first of them that has any."""
    work.progress.step("admit", "reading the model and the samples")
    recipe = request.recipe
    problems = list(contradictions(request))
    if problems:
        raise UserError(problems)
    # A large model names the file of its weights, so it has its final name from the start.
    model = admit_model(request.model, work.scratch / "model.onnx", recipe.limits)
    samples = (
        make_up(model.inputs, recipe.dims, recipe.canaries, recipe.seed)
        if request.data is None
        else read_samples(
            request.data, request.labels, model.inputs, recipe.dims, recipe.seed, own_metric=request.metric is not None
        )
    )
    why_none = reason_for_no_candidates(recipe, model, samples)
    metric = request.metric
    digest = None if metric is None else hashlib.sha256(read(metric, "The metric")).hexdigest()
    return Admitted(recipe, model, samples, () if why_none else recipe.candidates, why_none, metric, digest)


def contradictions(request: Request) -> Iterator[str]:
    """Parts of the request that do not go together, a sentence each."""
    metric = request.recipe.gate.metric
    if request.labels is not None and request.data is None:
        yield f"Labels without samples: {request.labels}. Give the samples with --data."
    if request.metric is not None and request.data is None:
        yield f"A metric without samples: {request.metric}. Give the samples with --data."
    if metric is None and request.metric is not None:
        yield f"The metric {request.metric} is given, but the recipe names no function (gate.metric). Leave it out."
    if metric is not None and request.metric is None:
        yield f"The recipe's gate asks for the function '{metric.function}'. Give its Python file with --metric."
    elif request.metric is not None:
        try:
            read(request.metric, "The metric")
        except UserError as error:
            yield from error.problems


def reason_for_no_candidates(recipe: Recipe, model: ModelFile, samples: Samples) -> str | None:
    if model.quantization is not None:
        return f"the model is already quantized ({model.quantization})"
    if model.large:
        return f"the model has {model.bytes} bytes; smaller forms are made of models up to {ONE_FILE_BYTES} bytes"
    if model.classic:
        return "trees and other classic models are never quantized"
    if recipe.precision == "fp32":
        return "fp32 was asked for"
    if samples.made_up:
        return NO_SAMPLES
    if not recipe.candidates:
        return recipe.notes[0].rstrip(".") if recipe.notes else "the recipe has no candidates"
    return None
