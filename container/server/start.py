"""The first step of a start: command line and environment become one set of settings, or one list of problems."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from server import config, event_log, place
from server.errors import StartError, together
from server.place import Fetch
from server.platforms import Platform


@dataclass(frozen=True, slots=True)
class Start:
    """What the process was asked to do. `fetch` gets the model's larger files, where a platform has them elsewhere."""

    serving: config.Serving
    fetch: Fetch | None
    platform: Platform
    host: str
    port: int
    ready_fd: int | None
    check: bool
    events: event_log.Settings | None


def start(arguments: list[str] | None, environment: Mapping[str, str] = os.environ) -> Start:
    """Reads everything that says how to start. Raises StartError with every problem of it."""
    given = _parser().parse_args(arguments)
    problems: list[StartError] = []

    def read(step: Any, *values: Any) -> Any:
        try:
            return step(*values)
        except StartError as error:
            problems.append(error)
            return None

    platform = read(Platform.of, environment)
    port = read(config.port, given.port, environment)
    found = place.Place(given.serving) if given.serving else read(place.find, environment)
    events = None if given.check else read(event_log.settings, given.tensorboard, environment)
    serving = read(config.load, found.serving) if found else None
    if serving is not None and found.fetch is None:
        problems += [StartError(sentence) for sentence in config.missing_files(serving)]
    if environment is os.environ and os.environ.get("SLIPWAY_SECRETS"):
        from server import secrets

        problems += secrets.take(os.environ)
    if problems:
        raise together(problems)
    assert serving is not None
    assert found is not None
    host = given.host or ("127.0.0.1" if given.serving else "0.0.0.0")
    return Start(serving, found.fetch, platform, host, port, given.ready_fd, given.check, events)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m server", description="Serves one ONNX model over HTTP.")
    parser.add_argument("command", nargs="?", choices=["serve"], default="serve", help="as SageMaker starts it")
    parser.add_argument(
        "--serving", type=Path, metavar="PATH", help="the model's serving.json (default: where the platform has it)"
    )
    parser.add_argument("--host", help="address to listen on (default 127.0.0.1 with --serving, else 0.0.0.0)")
    names = ", ".join(config.PORT_VARIABLES)
    parser.add_argument("--port", type=_whole, help=f"port to listen on, 0 for any free one (default: {names}, 8080)")
    parser.add_argument("--ready-fd", type=_whole, metavar="N", help="file descriptor that gets the ready line too")
    parser.add_argument(
        "--tensorboard",
        type=Path,
        metavar="FOLDER",
        help=f"write TensorBoard's files there while it runs (default: {event_log.FOLDER_VARIABLE}, or none)",
    )
    parser.add_argument(
        "--check", action="store_true", help="load, replay the canaries, print one line of JSON, and end: 0, 2 or 3"
    )
    return parser


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number")
    return int(text)
