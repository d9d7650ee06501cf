"""Starts a real server process and talks to it."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson

CONTAINER = Path(__file__).resolve().parents[2]
LIMITS = {
    "bodyBytes": 2_000_000,
    "headerBytes": 8192,
    "headers": 50,
    "jsonDepth": 16,
    "queue": 64,
    "requestSeconds": 20,
    "connections": 200,
}


def serving(model: Path, **changes: Any) -> Path:
    """Writes serving.json beside `model`. Changes are merged: `limits={"queue": 1}`, `maxBatch=1`, `workers=2`, …"""
    document = {
        "schemaVersion": 1,
        "model": {
            "name": changes.get("name", model.stem),
            "version": "1",
            "file": model.name,
            "canaries": changes.get("canaries"),
            "report": changes.get("report"),
            "reference": changes.get("reference"),
            "dims": {},
        },
        "provider": changes.get("provider", {"name": "cpu", "options": {}}),
        "hooks": changes.get("hooks"),
        "threads": {
            "workers": changes.get("workers"),
            "intraOp": 1,
            "decoders": changes.get("decoders"),
        },
        "batching": {"maxBatch": changes.get("maxBatch")},
        **({"drift": changes["drift"]} if "drift" in changes else {}),
        "limits": LIMITS | changes.get("limits", {}),
        "warmupRuns": 1,
        "drainSeconds": changes.get("drainSeconds", 10),
    }
    path = model.with_name(f"{model.stem}.serving.json")
    path.write_bytes(orjson.dumps(document))
    return path


class Running:
    """A server process. `ready` is the ready line's content. `path` None: it finds its model by itself."""

    def __init__(
        self,
        path: Path | None,
        *arguments: str,
        environment: dict[str, str] | None = None,
        wait: bool = True,
        pass_fds: Sequence[int] = (),
    ) -> None:
        base = {key: value for key, value in os.environ.items() if key not in ("PORT", "AIP_HTTP_PORT")}
        given = [] if path is None else ["--serving", str(path)]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "server", *given, *(arguments or ("--port", "0"))],
            env={**base, "PYTHONPATH": str(CONTAINER), **(environment or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=pass_fds,
        )
        self._output = b""
        self.port: int = self.line()["listening"]["port"] if wait else 0
        self.ready: dict[str, Any] = self.line()["ready"] if wait else {}
        self.model: str = self.ready.get("model", "")

    def line(self, seconds: float = 30) -> dict[str, Any]:
        """The next line of standard output, which must be JSON."""
        stream, end = self.process.stdout, time.monotonic() + seconds
        assert stream is not None
        while b"\n" not in self._output:
            readable, _, _ = select.select([stream], [], [], max(0, end - time.monotonic()))
            data = os.read(stream.fileno(), 65536) if readable else b""
            if not data:
                self.process.kill()
                raise AssertionError(f"no line from the server: {self.process.communicate()[1].decode()[-2000:]}")
            self._output += data
        line, _, self._output = self._output.partition(b"\n")
        return json.loads(line)

    @property
    def infer_path(self) -> str:
        return f"/v2/models/{self.model}/infer"

    def request(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        """One request on a connection of its own: status, headers (lower case), body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        with contextlib.closing(connection):
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, {key.lower(): value for key, value in answer.getheaders()}, answer.read()

    def infer(self, document: Any, path: str | None = None) -> tuple[int, Any]:
        """An inference request in JSON; `document` may also be raw bytes. Gives the status and the parsed answer."""
        body = document if isinstance(document, bytes) else orjson.dumps(document)
        status, _, answer = self.request("POST", path or self.infer_path, body, {"Content-Type": "application/json"})
        return status, json.loads(answer)

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=30)

    def raw(self, data: bytes) -> bytes:
        """Sends bytes as they are, and reads until the server closes."""
        with self.connect() as connection:
            connection.sendall(data)
            return read_all(connection)

    def metric(self, line: str) -> float | None:
        """The value of one series, spelled as on /metrics."""
        text = self.request("GET", "/metrics")[2].decode()
        values = [entry.rpartition(" ")[2] for entry in text.splitlines() if entry.startswith(f"{line} ")]
        return float(values[0]) if values else None

    def decoders(self) -> list[int]:
        """Process ids of the server's children."""
        text = subprocess.run(
            ["ps", "-o", "pid=", "--ppid", str(self.process.pid)], capture_output=True, check=False
        ).stdout
        return [int(pid) for pid in text.split()]

    def stop(self) -> tuple[int, str]:
        """SIGTERM; gives the exit code and standard error."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.end()

    def end(self, seconds: float = 30) -> tuple[int, str]:
        """Waits for the end; gives the exit code and standard error."""
        try:
            _, errors = self.process.communicate(timeout=seconds)
        finally:
            if self.process.poll() is None:
                self.process.kill()
        return self.process.returncode, errors.decode()


@contextlib.contextmanager
def running(path: Path | None, *arguments: str, **options: Any) -> Iterator[Running]:
    """A server that is stopped in the end; it must then exit with 0, without a traceback."""
    server = Running(path, *arguments, **options)
    try:
        yield server
    finally:
        if server.process.poll() is None:
            code, errors = server.stop()
            assert code == 0, errors
            assert "Traceback" not in errors, errors
        server.process.stdout.close()  # type: ignore[union-attr]


def read_all(connection: socket.socket) -> bytes:
    """Everything until the other side closes (a reset counts as closing)."""
    parts = []
    with contextlib.suppress(ConnectionResetError):
        while data := connection.recv(65536):
            parts.append(data)
    return b"".join(parts)


def read_answer(stream: Any) -> tuple[int, dict[bytes, bytes], bytes]:
    """One HTTP answer from a file made of a socket."""
    status = int(stream.readline().split()[1])
    headers = {}
    while (line := stream.readline().strip()) != b"":
        name, _, value = line.partition(b":")
        headers[name.lower()] = value.strip()
    return status, headers, stream.read(int(headers[b"content-length"]))


def tensor(name: str, shape: list[int], data: Any, datatype: str = "FP32") -> dict[str, Any]:
    """One input of a request."""
    return {"name": name, "shape": shape, "datatype": datatype, "data": data}


def wait_until(condition: Any, seconds: float = 15) -> None:
    """Waits for a condition that another process brings about."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "the condition did not come about"
        time.sleep(0.01)


def gone(pid: int) -> bool:
    """Whether a process has ended (a zombie that nobody has waited for has, too)."""
    try:
        return ") Z " in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return True
