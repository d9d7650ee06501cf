"""recipe.json as values: what to try and by which rule to decide."""

import functools
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fastjsonschema

from .errors import UserError, read

SCHEMA_FOLDER = Path(__file__).resolve().parent.parent / "schema"


@dataclass(frozen=True)
class Candidate:
    """One way to make the model smaller. See `Candidate` in recipe.schema.json for each field."""

    name: str
    precision: str
    method: str
    activation_type: str
    weight_type: str
    per_channel: bool
    reduce_range: bool
    op_types: tuple[str, ...]
    calibration: str
    exclude_nodes: tuple[str, ...]


@dataclass(frozen=True)
class Gate:
    """What a candidate must reach. See `gate` in recipe.schema.json for each field."""

    min_speedup: float
    max_accuracy_drop: float
    max_error_ratio: float
    min_agreement: float
    min_sqnr_db: float
    warn_sqnr_db: float
    warn_cosine: float
    strict: bool


@dataclass(frozen=True)
class Limits:
    candidate_seconds: int
    candidate_memory_bytes: int
    model_bytes: int
    nodes: int


@dataclass(frozen=True)
class Recipe:
    document: Mapping[str, Any]
    """The whole recipe.json, repeated in the report."""
    name: str
    family: str
    dims: Mapping[str, int]
    instruction_sets: tuple[str, ...]
    precision: str
    candidates: tuple[Candidate, ...]
    notes: tuple[str, ...]
    gate: Gate
    on_failure: str
    graph_optimization: str
    limits: Limits
    canaries: int
    seed: int


@functools.cache
def validator(name: str) -> Callable[[Any], Any]:
    """The validator of `recipe`, `report` or `serving`; raises fastjsonschema.JsonSchemaValueException."""
    schema = json.loads((SCHEMA_FOLDER / f"{name}.schema.json").read_text())
    return fastjsonschema.compile(schema, use_default=False)


def read_recipe(path: Path) -> Recipe:
    """Read and check recipe.json. Raises UserError when it is missing, no JSON, or does not follow the schema."""
    try:
        document = json.loads(read(path, "The recipe"))
    except ValueError as error:
        raise UserError(f"The recipe {path} is not JSON: {error}. Let `slipway optimize` write it.") from None
    try:
        validator("recipe")(document)
    except fastjsonschema.JsonSchemaValueException as error:
        raise UserError(f"The recipe {path} does not follow its schema: {error.message}.") from None
    problems = candidate_problems(document["candidates"])
    if problems:
        raise UserError(problems)
    return from_document(document)


def candidate_problems(entries: Sequence[Mapping[str, Any]]) -> list[str]:
    """What the schema cannot say."""
    names = [entry["name"] for entry in entries]
    return [
        *(
            f"Candidate '{entry['name']}' is static and has calibration 'none'. Use minmax, percentile or entropy."
            for entry in entries
            if entry["method"] == "static" and entry["calibration"] == "none"
        ),
        *(
            f"There are two candidates named '{name}'. Give each its own name."
            for name in dict.fromkeys(names)
            if names.count(name) > 1
        ),
    ]


def from_document(document: Mapping[str, Any]) -> Recipe:
    """A recipe from a document that follows the schema."""
    return Recipe(
        document=document,
        name=document["model"]["name"],
        family=document["model"]["family"],
        dims=document["model"]["dims"],
        instruction_sets=tuple(document["target"]["instructionSets"]),
        precision=document["precision"],
        candidates=tuple(candidate(entry) for entry in document["candidates"]),
        notes=tuple(document["notes"]),
        gate=Gate(**{snake(key): value for key, value in document["gate"].items()}),
        on_failure=document["onFailure"],
        graph_optimization=document["bake"]["graphOptimization"],
        limits=Limits(**{snake(key): value for key, value in document["limits"].items()}),
        canaries=document["canaries"],
        seed=document["seed"],
    )


def candidate(entry: Mapping[str, Any]) -> Candidate:
    """A candidate from its entry in recipe.json."""
    fields = {snake(key): tuple(value) if isinstance(value, list) else value for key, value in entry.items()}
    return Candidate(**{"exclude_nodes": (), **fields})


def snake(name: str) -> str:
    """`minSqnrDb` as `min_sqnr_db`."""
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
