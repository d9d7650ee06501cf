"""Secrets by reference: read at the start from a stand-in of Secrets Manager, refused with reasons, never shown."""

from __future__ import annotations

import base64
import contextlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from server import secrets
from server.errors import StartError
from server.tests import models
from server.tests.process import Running, serving
from server.tests.process import running as running_server

DB = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop/db-AbCdEf"
KEY = "arn:aws:secretsmanager:us-east-1:123456789012:secret:shop/key-AbCdEf"


@dataclass
class Service:
    """What it holds, the faults it answers first, what it was asked."""

    url: str = ""
    values: dict[str, dict[str, str]] = field(default_factory=dict)
    faults: list[tuple[int, str]] = field(default_factory=list)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def environment(self, **references: str) -> dict[str, str]:
        return {
            "SLIPWAY_SECRETS": json.dumps(references),
            "AWS_ENDPOINT_URL_SECRETS_MANAGER": self.url,
            "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_EC2_METADATA_DISABLED": "true",
        }


@contextlib.contextmanager
def running() -> Iterator[Service]:
    service = Service()

    class Handler(BaseHTTPRequestHandler):
        def answer(self, status: int, document: Any) -> None:
            body = document.encode() if isinstance(document, str) else json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            service.asked.append((json.loads(body)["SecretId"], dict(self.headers)))
            if service.faults:
                status, kind = service.faults.pop(0)
                return self.answer(status, {"__type": kind})
            value = service.values.get(json.loads(body)["SecretId"])
            if value is None:
                return self.answer(400, {"__type": "com.amazonaws#ResourceNotFoundException"})
            return self.answer(200, value)

        def do_GET(self) -> None:
            service.asked.append((self.path, dict(self.headers)))
            if self.path.endswith("/security-credentials/"):
                return self.answer(200, "EndpointRole\n")
            return self.answer(200, {"AccessKeyId": "ASIA1", "SecretAccessKey": "s", "Token": "t"})

        def do_PUT(self) -> None:
            self.answer(200, "a-token")

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""
            del format, args

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    service.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield service
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    monkeypatch.setattr(secrets, "PAUSE_SECONDS", 0.001)
    with running() as made:
        made.values = {DB: {"SecretString": "hunter2"}, KEY: {"SecretString": '{"user": "a", "ports": [1, 2]}'}}
        yield made


def test_each_variable_gets_its_value_and_a_secret_is_read_once(service: Service) -> None:
    environment = service.environment(PASSWORD=DB, USER_NAME=f"{KEY}#user", PORTS=f"{KEY}#ports")
    secrets.take(environment)
    assert {name: environment[name] for name in ("PASSWORD", "USER_NAME", "PORTS")} == {
        "PASSWORD": "hunter2",
        "USER_NAME": "a",
        "PORTS": "[1,2]",
    }
    assert [arn for arn, _ in service.asked] == [DB, KEY]
    sent = service.asked[0][1]
    assert sent["X-Amz-Target"] == "secretsmanager.GetSecretValue"
    assert "Credential=AKIDEXAMPLE/" in sent["Authorization"]
    assert "/eu-west-1/secretsmanager/aws4_request" in sent["Authorization"]
    assert "/us-east-1/secretsmanager/" in service.asked[1][1]["Authorization"]


def test_without_references_nothing_is_asked(service: Service) -> None:
    secrets.take({})
    assert service.asked == []


def test_binary_text_is_text(service: Service) -> None:
    service.values[DB] = {"SecretBinary": base64.b64encode(b"text").decode()}
    environment = service.environment(A=DB)
    secrets.take(environment)
    assert environment["A"] == "text"


@pytest.mark.parametrize("faults", [[(503, "")], [(400, "ThrottlingException")], [(500, "InternalServiceError")] * 3])
def test_a_fault_that_passes_is_waited_for(service: Service, faults: list[tuple[int, str]]) -> None:
    service.faults = list(faults)
    environment = service.environment(A=DB)
    secrets.take(environment)
    assert environment["A"] == "hunter2"
    assert len(service.asked) == len(faults) + 1


def test_every_problem_is_told_and_nothing_is_set(service: Service) -> None:
    missing = DB.replace("db", "none")
    service.values[KEY] = {"SecretString": "no json"}
    environment = service.environment(GOOD=DB, BAD=missing, FIELD=f"{KEY}#user")
    with pytest.raises(StartError) as caught:
        secrets.take(environment)
    said = str(caught.value)
    assert "for 2 reasons" in said
    assert f"The secret {missing} for BAD cannot be read: HTTP 400 ResourceNotFoundException. There is no such" in said
    assert f"The secret {KEY} for FIELD has no field 'user'" in said
    assert "hunter2" not in said and "no json" not in said
    assert "GOOD" not in environment


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "SLIPWAY_SECRETS is no JSON"),
        ("[]", "SLIPWAY_SECRETS is no object of variable names and ARNs"),
        ('{"A": 1}', "SLIPWAY_SECRETS is no object of variable names and ARNs"),
        (json.dumps({"a-b": DB}), "'a-b' cannot be a variable of a secret"),
        (json.dumps({"PYTHONPATH": DB}), "'PYTHONPATH' cannot be a variable of a secret"),
        (json.dumps({"SLIPWAY_X": DB}), "'SLIPWAY_X' cannot be a variable of a secret"),
        ('{"A": "shop/db"}', "A is 'shop/db', no ARN of a secret of AWS Secrets Manager"),
    ],
)
def test_bad_references_are_refused(text: str, said: str) -> None:
    with pytest.raises(StartError, match=said):
        secrets.take({"SLIPWAY_SECRETS": text})


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("AccessDeniedException", "secretsmanager:GetSecretValue"),
        ("DecryptionFailure", "kms:Decrypt"),
    ],
)
def test_what_the_role_lacks_is_named(service: Service, kind: str, said: str) -> None:
    service.faults = [(400, kind)]
    with pytest.raises(StartError, match=said):
        secrets.take(service.environment(A=DB))


def test_a_service_that_is_not_there_is_told() -> None:
    environment = Service(url="http://127.0.0.1:9").environment(A=DB)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(secrets, "PAUSE_SECONDS", 0.001)
        with pytest.raises(StartError, match=r"after 5 tries: ConnectionRefusedError.*Is there a way to Secrets"):
            secrets.take(environment)


@pytest.mark.parametrize("where", ["relative", "full", "machine"])
def test_credentials_of_the_container_and_of_the_machine(
    service: Service, where: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    environment = service.environment(A=DB)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_EC2_METADATA_DISABLED"):
        del environment[name]
    monkeypatch.setattr(secrets, "CONTAINER_HOST", service.url)
    if where == "relative":
        environment["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] = "/credentials"
    elif where == "full":
        (tmp_path / "token").write_text("from a file\n")
        environment["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = f"{service.url}/credentials"
        environment["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] = str(tmp_path / "token")
    else:
        environment["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = service.url
    secrets.take(environment)
    assert environment["A"] == "hunter2"
    sent = service.asked[-1][1]
    assert "Credential=ASIA1/" in sent["Authorization"]
    assert sent["X-Amz-Security-Token"] == "t"
    if where == "full":
        assert service.asked[0][1]["Authorization"] == "from a file"
    if where == "machine":
        assert [path for path, _ in service.asked[:-1]] == [
            "/latest/meta-data/iam/security-credentials/",
            "/latest/meta-data/iam/security-credentials/EndpointRole",
        ]


def test_no_credentials_are_told() -> None:
    with pytest.raises(StartError, match="there are no credentials to read them with"):
        secrets.take({"SLIPWAY_SECRETS": json.dumps({"A": DB}), "AWS_EC2_METADATA_DISABLED": "true"})


HOOKS = """
import os
PASSWORD = os.environ["PASSWORD"]

def post(outputs, request):
    return {"length": len(PASSWORD)}
"""


def test_a_hook_finds_its_secret_in_the_environment(service: Service, tmp_path: Path) -> None:
    (tmp_path / "hooks.py").write_text(HOOKS)
    path = serving(models.linear(tmp_path / "linear.onnx"), hooks={"file": "hooks.py", "seconds": 5})
    with running_server(path, environment=service.environment(PASSWORD=DB)) as server:
        inputs = [{"name": "x", "shape": [1, 4], "datatype": "FP32", "data": [1, 2, 3, 4]}]
        assert server.infer({"inputs": inputs}, "/invocations") == (200, {"length": len("hunter2")})
        assert b"hunter2" not in server.request("GET", "/metrics")[2]
        _, said = server.stop()
        assert "hunter2" not in said
        assert '"variables":["PASSWORD"]' in said


def test_a_server_without_its_secret_does_not_start(service: Service, tmp_path: Path) -> None:
    path = serving(models.linear(tmp_path / "linear.onnx"))
    server = Running(path, environment=service.environment(PASSWORD=DB.replace("db", "none")), wait=False)
    assert server.process.wait(30) == 2
    assert server.process.stderr is not None
    assert b"for PASSWORD cannot be read: HTTP 400 ResourceNotFoundException" in server.process.stderr.read()
