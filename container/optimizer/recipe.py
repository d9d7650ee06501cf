"""recipe.json as values: what to try and by which rule to decide."""

import functools
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import fastjsonschema

from .errors import UserError, read

SCHEMA_FOLDER = Path(__file__).resolve().parent.parent / "schema"


@dataclass(frozen=True)
class Static:
    """8 bits with calibrated ranges. See `Static` in recipe.schema.json for each field, as for those below."""

    name: str
    precision: str
    method: str
    activation_type: str
    weight_type: str
    per_channel: bool
    reduce_range: bool
    op_types: tuple[str, ...]
    calibration: str
    placement: str
    exclude_nodes: tuple[str, ...]


@dataclass(frozen=True)
class Dynamic:
    """8 bits with ranges taken at run time."""

    name: str
    precision: str
    method: str
    weight_type: str
    per_channel: bool
    reduce_range: bool
    op_types: tuple[str, ...]
    exclude_nodes: tuple[str, ...]


@dataclass(frozen=True)
class Float16:
    """16-bit floats."""

    name: str
    precision: str
    method: str
    keep_op_types: tuple[str, ...]
    max_abs: float | None
    exclude_nodes: tuple[str, ...]


@dataclass(frozen=True)
class Weights:
    """Weights of MatMul in few bits, activations in floats."""

    name: str
    precision: str
    method: str
    block_size: int
    symmetric: bool
    accuracy_level: int
    head_precision: str
    exclude_nodes: tuple[str, ...]


Candidate = Static | Dynamic | Float16 | Weights
"""One way to make the model smaller or faster."""
_METHODS = {"static": Static, "dynamic": Dynamic, "float16": Float16, "weights": Weights}


@dataclass(frozen=True)
class Metric:
    """The user's own measure of accuracy."""

    function: str
    direction: str
    max_drop: float


@dataclass(frozen=True)
class Gate:
    """What a candidate must reach. See `gate` in recipe.schema.json for each field."""

    min_speedup: float
    min_shrink: float
    max_accuracy_drop: float
    max_error_ratio: float
    min_agreement: float
    min_sqnr_db: float
    warn_sqnr_db: float
    warn_cosine: float
    strict: bool
    metric: Metric | None = None


@dataclass(frozen=True)
class Repair:
    """How far nodes may be left out to rescue a candidate."""

    trials: int
    max_excluded_share: float


@dataclass(frozen=True)
class Replay:
    """What the lock says: one form to make again. See `Replay` in recipe.schema.json for each field."""

    model_sha256: str
    data_sha256: str | None
    labels_sha256: str | None
    metric_sha256: str | None
    tools: Mapping[str, str]
    candidate: Candidate | None
    ranges: Mapping[str, tuple[float, float]] | None
    sha256: str
    measured: Mapping[str, Any]


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
    provider: str
    intra_op_threads: int
    """Threads inside one run, as served."""
    precision: str
    goal: str
    task: str
    candidates: tuple[Candidate, ...]
    notes: tuple[str, ...]
    gate: Gate
    repair: Repair
    on_failure: str
    graph_optimization: str
    limits: Limits
    canaries: int
    synthetic_canaries: bool
    seed: int
    replay: Replay | None


@functools.cache
def validator(name: str) -> Callable[[Any], Any]:
    """The validator of `recipe`, `report`, `build` or `serving`; raises fastjsonschema.JsonSchemaValueException."""
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
        f"There are two candidates named '{name}'. Give each its own name."
        for name in dict.fromkeys(names)
        if names.count(name) > 1
    ]


def from_document(document: Mapping[str, Any]) -> Recipe:
    """A recipe from a document that follows the schema."""
    return Recipe(
        document=document,
        name=document["model"]["name"],
        family=document["model"]["family"],
        dims=document["model"]["dims"],
        instruction_sets=tuple(document["target"]["instructionSets"]),
        provider=document["target"]["provider"],
        intra_op_threads=document["target"]["intraOpThreads"],
        precision=document["precision"],
        goal=document["goal"],
        task=document["task"],
        candidates=tuple(candidate(entry) for entry in document["candidates"]),
        notes=tuple(document["notes"]),
        gate=gate(document["gate"]),
        repair=Repair(document["repair"]["trials"], document["repair"]["maxExcludedShare"]),
        on_failure=document["onFailure"],
        graph_optimization=document["bake"]["graphOptimization"],
        limits=Limits(**{snake(key): value for key, value in document["limits"].items()}),
        canaries=document["canaries"]["count"],
        synthetic_canaries=document["canaries"]["source"] == "synthetic",
        seed=document["seed"],
        replay=None if document["replay"] is None else replay(document["replay"]),
    )


def gate(entry: Mapping[str, Any]) -> Gate:
    metric = entry["metric"]
    fields = {snake(key): value for key, value in entry.items() if key != "metric"}
    own = metric and Metric(metric["function"], metric["direction"], metric["maxDrop"])
    return Gate(**fields, metric=own)


def candidate(entry: Mapping[str, Any]) -> Candidate:
    """A candidate from its entry in recipe.json."""
    fields = {snake(key): tuple(value) if isinstance(value, list) else value for key, value in entry.items()}
    return _METHODS[entry["method"]](**fields)


def entry_of(candidate: Candidate) -> dict[str, Any]:
    """A candidate's entry as it stands in recipe.json: what `candidate` reads."""
    fields = asdict(candidate)
    return {camel(key): list(value) if isinstance(value, tuple) else value for key, value in fields.items()}


def replay(entry: Mapping[str, Any]) -> Replay:
    ranges = entry["ranges"]
    return Replay(
        model_sha256=entry["modelSha256"],
        data_sha256=entry["dataSha256"],
        labels_sha256=entry["labelsSha256"],
        metric_sha256=entry["metricSha256"],
        tools=entry["tools"],
        candidate=None if entry["candidate"] is None else candidate(entry["candidate"]),
        ranges=None if ranges is None else {name: (low, high) for name, (low, high) in ranges.items()},
        sha256=entry["sha256"],
        measured=entry["measured"],
    )


def snake(name: str) -> str:
    """`minSqnrDb` as `min_sqnr_db`."""
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)


def camel(name: str) -> str:
    """`min_sqnr_db` as `minSqnrDb`."""
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)
