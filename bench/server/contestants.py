"""Starts the servers that are measured, and holds still all but the one that is."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
CONTAINER = HERE.parents[1] / "container"


@dataclass(frozen=True)
class Contestant:
    """A server under test. `command` gets the port and the folder of the models."""

    name: str
    model: str
    command: Callable[[int, Path], list[str]]
    path: str = ""

    @property
    def route(self) -> str:
        return self.path or f"/v2/models/{self.model}/infer"


def slipway(name: str, model: str, prefix: tuple[str, ...] = (), serving: str | None = None) -> Contestant:
    """Our server as shipped, perhaps under `taskset`. `serving`: name of its serving.json, the model's by default."""
    served = serving or model

    def command(port: int, folder: Path) -> list[str]:
        serving = str(folder / f"{served}.serving.json")
        return [*prefix, sys.executable, "-m", "server", "--serving", serving, "--port", str(port)]

    return Contestant(name, model, command)


def uncounted(name: str, model: str) -> Contestant:
    """Our server, counting nothing."""

    def command(port: int, folder: Path) -> list[str]:
        serving = str(folder / f"{model}.serving.json")
        return [sys.executable, str(HERE / "uncounted.py"), "--serving", serving, "--port", str(port)]

    return Contestant(name, model, command)


def fastapi(name: str, model: str, workers: int) -> Contestant:
    def command(port: int, folder: Path) -> list[str]:  # noqa: ARG001
        options = ["--port", str(port), "--workers", str(workers), "--no-access-log", "--log-level", "warning"]
        loop = ["--loop", "uvloop", "--http", "httptools"]
        return [sys.executable, "-m", "uvicorn", "peer_fastapi:app", *options, *loop]

    return Contestant(name, model, command)


def litserve(name: str, model: str, workers: int) -> Contestant:
    def command(port: int, folder: Path) -> list[str]:  # noqa: ARG001
        return [sys.executable, str(HERE / "peer_litserve.py"), str(port), str(workers)]

    return Contestant(name, model, command)


def bare(name: str, model: str, threads: int) -> Contestant:
    def command(port: int, folder: Path) -> list[str]:  # noqa: ARG001
        return [sys.executable, str(HERE / "sink.py"), str(port), str(threads)]

    return Contestant(name, model, command)


class Running:
    """A started contestant, in a process group of its own; stopped (SIGSTOP) whenever it is not measured."""

    def __init__(self, contestant: Contestant, folder: Path, body: bytes, headers: dict[str, str]) -> None:
        self.contestant = contestant
        self.port = _free_port()
        paths = os.pathsep.join([str(CONTAINER), str(HERE)])
        self.process = subprocess.Popen(
            contestant.command(self.port, folder),
            env={
                **os.environ,
                "PYTHONPATH": paths,
                "BENCH_MODEL": contestant.model,
                "BENCH_FOLDER": str(folder),
                "ORT_DISABLE_TELEMETRY": "1",
            },
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=(folder / f"{self.port}.log").open("wb"),
            start_new_session=True,
        )
        self._await_answer(body, headers, folder)
        self.pause()

    def _await_answer(self, body: bytes, headers: dict[str, str], folder: Path) -> None:
        """Waits for the first right answer: the right shape and, from a server that runs the model, ten numbers."""
        end, problem = time.monotonic() + 60, "no answer"
        while time.monotonic() < end and self.process.poll() is None:
            try:
                connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
                connection.request("POST", self.contestant.route, body, headers)
                answer = connection.getresponse()
                text = answer.read()
                connection.close()
                if answer.status == 200:
                    document = json.loads(text)
                    if document and len(document["outputs"][0]["data"]) != 10:
                        raise RuntimeError(f"{self.contestant.name} answers wrongly: {text[:200]!r}")
                    return
                problem = f"{answer.status} {text[:200]!r}"
            except (OSError, http.client.HTTPException) as error:
                problem = str(error)
            time.sleep(0.1)
        log = (folder / f"{self.port}.log").read_text("utf-8", "replace")[-1000:]
        self.end()
        raise RuntimeError(f"{self.contestant.name} does not serve ({problem}): {log}")

    def pause(self) -> None:
        os.killpg(self.process.pid, signal.SIGSTOP)

    def resume(self) -> None:
        os.killpg(self.process.pid, signal.SIGCONT)

    def end(self) -> None:
        """Ends the whole group: some peers leave workers behind when only their first process is told."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
