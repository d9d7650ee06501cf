"""The life of a server process: start, refusal to start, readiness, drain, the second signal."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import orjson
import pytest

from server.tests import models
from server.tests.process import CONTAINER, Running, read_all, running, serving, tensor, wait_until

SLOW_BODY = {"inputs": [tensor("x", [1, 1], [2])]}


def in_background(server: Running, body: Any) -> tuple[threading.Thread, list[Any]]:
    answers: list[Any] = []
    thread = threading.Thread(target=lambda: answers.append(server.infer(body)))
    thread.start()
    wait_until(lambda: server.metric(f'onnx_requests_in_flight{{model="{server.model}"}}') == 1)
    return thread, answers


def test_standard_output_is_two_lines_for_the_parent(tmp_path: Path) -> None:
    read, write = os.pipe()
    path = serving(models.linear(tmp_path / "linear.onnx"), workers=1, maxBatch=4)
    facts = {
        "model": "linear",
        "version": "1",
        "precision": "fp32",
        "workers": 1,
        "maxBatch": 4,
        "canarySqnrDb": None,
    }
    server = Running(path, "--port", "0", "--ready-fd", str(write), wait=False, pass_fds=[write])
    os.close(write)
    try:
        listening = server.line()["listening"]
        assert listening["host"] == "127.0.0.1"
        server.port = listening["port"]
        ready = server.line()
        assert ready == {"ready": facts}
        assert server.request("GET", "/ping")[0] == 200
        with os.fdopen(read, "rb") as stream:
            assert json.loads(stream.read()) == ready
    finally:
        code, errors = server.stop()
    assert code == 0
    assert [json.loads(line)["message"] for line in errors.splitlines()] == ["ready", "shutting down"]
    assert server._output == b""


@pytest.mark.parametrize(
    ("arguments", "environment", "message"),
    [
        ((), {"PORT": "abc"}, "PORT is 'abc'; a port is a whole number from 0 to 65535"),
        (("--port", "70000"), {}, "--port is '70000'"),
        (("--port", "0", "--host", "no.such.host.invalid"), {}, "Cannot listen on no.such.host.invalid:0"),
    ],
)
def test_a_bad_set_up_is_one_sentence_and_exit_code_2(
    tmp_path: Path, arguments: tuple[str, ...], environment: dict[str, str], message: str
) -> None:
    path = serving(models.linear(tmp_path / "linear.onnx"))
    base = {key: value for key, value in os.environ.items() if key not in ("PORT", "AIP_HTTP_PORT")}
    result = subprocess.run(
        [sys.executable, "-m", "server", "--serving", str(path), *arguments],
        env={**base, "PYTHONPATH": str(CONTAINER), **environment},
        capture_output=True,
        check=False,
        timeout=30,
    )
    assert (result.returncode, result.stdout) == (2, b"")
    assert message in result.stderr.decode()
    assert len(result.stderr.decode().strip().splitlines()) == 1


def test_a_port_in_use_is_one_sentence(tmp_path: Path, linear_server: Running) -> None:
    path = serving(models.linear(tmp_path / "linear.onnx"))
    server = Running(path, "--port", str(linear_server.port), wait=False)
    code, errors = server.end()
    assert code == 2
    assert errors == (
        f"Cannot listen on 127.0.0.1:{linear_server.port}: Address already in use. "
        "Choose another port (--port), or 0 for any free one.\n"
    )


def test_a_model_that_cannot_be_loaded_is_one_sentence(tmp_path: Path) -> None:
    model = tmp_path / "bad.onnx"
    model.write_bytes(b"not a model")
    for debug in ("", "1"):
        server = Running(serving(model), "--port", "0", environment={"SLIPWAY_DEBUG": debug}, wait=False)
        code, errors = server.end()
        assert code == 2
        assert f"refuses {model}" in errors
        assert ("Traceback" in errors) == (debug == "1")


def test_health_answers_before_the_model_is_ready(tmp_path: Path) -> None:
    """Warm-up of this model takes seconds; the port answers all the while."""
    server = Running(serving(models.slow(tmp_path / "slow.onnx", 500)), "--port", "0", wait=False)
    try:
        server.port = server.line()["listening"]["port"]
        assert server.request("GET", "/v2/health/live")[0] == 200
        for path in ("/ping", "/v2/health/ready", "/v2/models/slow/ready"):
            status, headers, body = server.request("GET", path)
            assert (status, headers["retry-after"]) == (503, "1")
            assert json.loads(body) == {"ready": False, "error": "the model is being loaded; try again soon"}
        assert server.infer(SLOW_BODY, "/invocations")[0] == 503
        assert server.metric('onnx_model_ready{model="slow"}') == 0
    finally:
        code, _ = server.stop()
    assert code == 0


def test_sigterm_finishes_what_is_in_flight_and_takes_nothing_new(tmp_path: Path) -> None:
    with running(serving(models.slow(tmp_path / "slow.onnx", 150), maxBatch=1)) as server:
        idle = server.connect()
        idle.sendall(b"GET /ping HTTP/1.1\r\nHost: a\r\n\r\n")
        assert idle.recv(1000).startswith(b"HTTP/1.1 200")
        thread, answers = in_background(server, SLOW_BODY)
        server.process.send_signal(signal.SIGTERM)
        wait_until(lambda: server.request("GET", "/ping")[0] == 503)
        status, answer = server.infer(SLOW_BODY)
        assert (status, answer) == (503, {"error": "the server is shutting down"})
        assert server.request("GET", "/v2/health/live")[0] == 200
        assert server.metric('onnx_requests_rejected_total{model="slow",reason="shutdown"}') == 1
        assert read_all(idle) == b""
        idle.close()
        thread.join()
        assert answers[0][0] == 200
        assert answers[0][1]["outputs"][0]["data"] == [2.0]
        assert server.end()[0] == 0
        with pytest.raises(ConnectionRefusedError):
            server.connect()


def test_a_request_whose_body_is_still_coming_is_finished_too(tmp_path: Path) -> None:
    with running(serving(models.linear(tmp_path / "linear.onnx"))) as server:
        body = orjson.dumps({"inputs": [tensor("x", [1, 4], [1, 2, 3, 4])]})
        head = f"POST {server.infer_path} HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        with server.connect() as connection:
            connection.sendall(head + body[:20])
            wait_until(lambda: server.request("GET", "/ping")[0] == 200)
            server.process.send_signal(signal.SIGTERM)
            wait_until(lambda: server.request("GET", "/ping")[0] == 503)
            connection.sendall(body[20:])
            answer = read_all(connection)
        assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
        assert b"Connection: close\r\n" in answer
        assert server.end()[0] == 0


def test_the_drain_has_an_end(tmp_path: Path) -> None:
    path = serving(models.slow(tmp_path / "slow.onnx", 400), maxBatch=1, drainSeconds=0.2)
    with running(path) as server, server.connect() as connection:
        body = orjson.dumps(SLOW_BODY)
        head = f"POST {server.infer_path} HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        connection.sendall(head + body)
        wait_until(lambda: server.metric('onnx_requests_in_flight{model="slow"}') == 1)
        server.process.send_signal(signal.SIGTERM)
        assert server.end()[0] == 0
        assert read_all(connection) == b""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_at_once(tmp_path: Path, number: signal.Signals) -> None:
    with running(serving(models.slow(tmp_path / "slow.onnx", 400), maxBatch=1, drainSeconds=60)) as server:
        body = orjson.dumps(SLOW_BODY)
        head = f"POST {server.infer_path} HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        with server.connect() as connection:
            connection.sendall(head + body)
            wait_until(lambda: server.metric('onnx_requests_in_flight{model="slow"}') == 1)
            server.process.send_signal(number)
            wait_until(lambda: server.request("GET", "/ping")[0] == 503)
            server.process.send_signal(number)
            assert server.end()[0] == 128 + number
            assert read_all(connection) == b""


def test_ctrl_c_with_decoders_in_the_same_process_group_ends_cleanly(tmp_path: Path) -> None:
    with running(serving(models.wide(tmp_path / "wide.onnx", 20_000), decoders=1)) as server:
        assert server.infer({"inputs": [tensor("x", [1, 20_000], [1.25] * 20_000)]})[0] == 200
        (decoder,) = server.decoders()
        os.kill(decoder, signal.SIGINT)
        time.sleep(0.1)
        assert server.infer({"inputs": [tensor("x", [1, 20_000], [1.25] * 20_000)]})[0] == 200
        assert server.decoders() == [decoder]
        server.process.send_signal(signal.SIGINT)
        assert server.end()[0] == 0


def test_another_host_is_bound_when_asked_for(tmp_path: Path) -> None:
    path = serving(models.linear(tmp_path / "linear.onnx"))
    with (
        running(path, "--port", "0", "--host", "::1") as server,
        socket.create_connection(("::1", server.port)) as connection,
    ):
        connection.sendall(b"GET /ping HTTP/1.0\r\n\r\n")
        assert read_all(connection).startswith(b"HTTP/1.1 200 OK\r\n")


def test_telemetry_is_off_before_onnxruntime_loads() -> None:
    """An import hook looks at the environment at the moment onnxruntime is first asked for."""
    environment = {key: value for key, value in os.environ.items() if key not in ("ORT_DISABLE_TELEMETRY", "CI")}
    script = (
        "import os, sys\n"
        "class Spy:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'onnxruntime': print(os.environ.get('ORT_DISABLE_TELEMETRY'))\n"
        "sys.meta_path.insert(0, Spy())\n"
        "import server.__main__, server.preparation\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", script],
        env={**environment, "PYTHONPATH": str(CONTAINER)},
        capture_output=True,
        check=True,
        timeout=30,
    )
    assert result.stdout == b"1\n"
