"""Reads serving.json, the file that says how one model is served, and refuses what it cannot mean."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import fastjsonschema
import orjson

from server.errors import StartError, quote

SCHEMAS = Path(__file__).resolve().parent.parent / "schema"
PORT_VARIABLES = ("SAGEMAKER_BIND_TO_PORT", "AIP_HTTP_PORT", "PORT")


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on what a client may send or hold; units as in serving.schema.json."""

    body_bytes: int
    header_bytes: int
    headers: int
    json_depth: int
    queue: int
    request_seconds: float
    connections: int


@dataclass(frozen=True, slots=True)
class Provider:
    """What ONNX Runtime is to run on: 'cpu', 'cuda' or 'tensorrt', and options by ONNX Runtime's names."""

    name: str
    options: dict[str, str]


CPU = Provider("cpu", {})


@dataclass(frozen=True, slots=True)
class HookFile:
    """The user's Python file, and the time one call of it may take, in seconds."""

    file: Path
    seconds: float


@dataclass(frozen=True, slots=True)
class Report:
    """What the server needs from report.json. `settings`: session entries the model is to be opened with."""

    path: Path
    precision: str
    recipe: str
    sha256: str
    speedup: float | None
    speed_judged: bool
    agreement: float | None
    min_sqnr_db: float
    verdict: str
    settings: dict[str, str]
    drift: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Serving:
    """serving.json with absolute paths, and the report it points to. `reference` need not be there."""

    name: str
    version: str
    model: Path
    dims: dict[str, int]
    canaries: Path | None
    report: Report | None
    reference: Path | None
    provider: Provider
    hooks: HookFile | None
    workers: int | None
    intra_op: int | None
    decoders: int | None
    max_batch: int | None
    drift: str
    limits: Limits
    warmup_runs: int
    drain_seconds: float


def load(path: Path) -> Serving:
    """Reads and validates serving.json and its report. Raises StartError.

    The other files may still be on their way: see `missing_files`.
    """
    document = _document(path, "serving.schema.json")
    folder, model, threads = path.resolve().parent, document["model"], document["threads"]
    limits = document["limits"]
    report = _report(folder / model["report"]) if model["report"] else None
    if model["canaries"] and not report:
        raise StartError(
            f"{path}: model.canaries is given without model.report, which holds their tolerance. Give both or neither."
        )
    hooks = document["hooks"]
    return Serving(
        name=model["name"],
        version=model["version"],
        model=folder / model["file"],
        dims=model["dims"],
        canaries=folder / model["canaries"] if model["canaries"] else None,
        report=report,
        reference=folder / model["reference"] if model["reference"] else None,
        provider=Provider(document["provider"]["name"], document["provider"]["options"]),
        hooks=HookFile(folder / hooks["file"], float(hooks["seconds"])) if hooks else None,
        workers=threads["workers"],
        intra_op=threads["intraOp"],
        decoders=threads["decoders"],
        max_batch=document["batching"]["maxBatch"],
        drift=document.get("drift", "all"),
        limits=Limits(
            body_bytes=limits["bodyBytes"],
            header_bytes=limits["headerBytes"],
            headers=limits["headers"],
            json_depth=limits["jsonDepth"],
            queue=limits["queue"],
            request_seconds=float(limits["requestSeconds"]),
            connections=limits["connections"],
        ),
        warmup_runs=document["warmupRuns"],
        drain_seconds=float(document["drainSeconds"]),
    )


def missing_files(serving: Serving) -> list[str]:
    """A sentence for every file of the model that is not there."""
    files = {
        "model.file": serving.model,
        "model.canaries": serving.canaries,
        "hooks.file": serving.hooks.file if serving.hooks else None,
    }
    return [
        f"serving.json has {key} {quote(path.name, 200)}, and {path} is not a file."
        for key, path in files.items()
        if path is not None and not path.is_file()
    ]


def port(given: int | None, environment: Mapping[str, str] = os.environ) -> int:
    """The port to listen on: `given`, else the first of PORT_VARIABLES that is set, else 8080. 0: any free port."""
    if given is not None:
        return _port(str(given), "--port")
    name = next((name for name in PORT_VARIABLES if environment.get(name, "") != ""), None)
    return 8080 if name is None else _port(environment[name], name)


def _port(text: str, source: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= 65535):
        raise StartError(
            f"{source} is {quote(text)}; a port is a whole number from 0 to 65535. Set it to one, or unset it."
        )
    return int(text)


def _report(path: Path) -> Report:
    document = _document(path, "report.schema.json")
    winner = document["winner"]
    return Report(
        path=path,
        precision=winner["precision"],
        recipe=winner["name"],
        sha256=winner["sha256"],
        speedup=winner["speedup"],
        speed_judged=winner["speedJudged"],
        agreement=winner["agreement"],
        min_sqnr_db=document["canaries"]["minSqnrDb"],
        verdict=document["verdict"],
        settings=document["session"]["settings"],
        drift=document.get("drift"),
    )


def _document(path: Path, schema: str) -> dict[str, Any]:
    try:
        document = orjson.loads(path.read_bytes())
    except OSError as error:
        raise StartError(f"{path} cannot be read: {error.strerror}.") from error
    except orjson.JSONDecodeError as error:
        raise StartError(f"{path} is not JSON: {error}.") from error
    try:
        return _validator(schema)(document)
    except fastjsonschema.JsonSchemaValueException as error:
        given = quote(getattr(error, "value", None))
        raise StartError(f"{path} is not valid: {error.message}, but it is {given}. See {SCHEMAS / schema}.") from error


@cache
def _validator(schema: str) -> Any:
    return fastjsonschema.compile(orjson.loads((SCHEMAS / schema).read_bytes()))
