"""Secrets by reference: read at the start from a stand-in of Secrets Manager, refused with reasons, never shown."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from server import secrets
from server.tests import models
from server.tests.process import Running, serving
from server.tests.process import running as running_server

DB = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop/db-AbCdEf"
KEY = "arn:aws:secretsmanager:us-east-1:123456789012:secret:shop/key-AbCdEf"
KEYS = {"AKIDEXAMPLE": "secret", "ASIA1": "s"}


def signature_of(method: str, path: str, headers: Any, body: bytes) -> str:
    """What the service makes of a request as it came: its own reading of the rules, by the headers that are signed."""
    _, _, parts = headers["Authorization"].partition(" ")
    said = dict(part.split("=", 1) for part in parts.split(", "))
    key_id, *scope = said["Credential"].split("/")
    lines = "".join(f"{name}:{headers[name]}\n" for name in said["SignedHeaders"].split(";"))
    asked = f"{method}\n{path}\n\n{lines}\n{said['SignedHeaders']}\n{hashlib.sha256(body).hexdigest()}"
    text = f"AWS4-HMAC-SHA256\n{headers['X-Amz-Date']}\n{'/'.join(scope)}\n{hashlib.sha256(asked.encode()).hexdigest()}"
    key = f"AWS4{KEYS[key_id]}".encode()
    for part in scope:
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


@dataclass
class Service:
    """What it holds, what it was asked. `faults` and `answers` come first, of the secrets and of the credentials: a
    status (0: no answer) and the kind of a fault, with words after a colon, or a document."""

    url: str = ""
    values: dict[str, dict[str, Any]] = field(default_factory=dict)
    faults: list[tuple[int, str]] = field(default_factory=list)
    answers: list[tuple[int, Any]] = field(default_factory=list)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)

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
            self.send_header("Location", "/elsewhere")
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            service.paths.append(self.path)
            body = self.rfile.read(int(self.headers["Content-Length"]))
            service.asked.append((json.loads(body)["SecretId"], dict(self.headers)))
            if service.faults:
                status, kind = service.faults.pop(0)
                if status == 0:
                    service.ended.wait(30)
                    return None
                kind, _, said = kind.partition(": ")
                return self.answer(status, {"__type": kind, "Message": said})
            sent = self.headers["Authorization"].rpartition("Signature=")[2]
            if sent != signature_of("POST", urlsplit(self.path).path, self.headers, body):
                return self.answer(400, {"__type": "InvalidSignatureException"})
            value = service.values.get(json.loads(body)["SecretId"])
            if value is None:
                return self.answer(400, {"__type": "com.amazonaws#ResourceNotFoundException"})
            return self.answer(200, value)

        def do_GET(self) -> None:
            service.paths.append(self.path)
            service.asked.append((self.path, dict(self.headers)))
            if service.answers:
                status, document = service.answers.pop(0)
                return self.answer(status, document) if status else None
            if self.path.startswith("/latest/") and self.headers["X-aws-ec2-metadata-token"] != "a-token":
                return self.answer(401, "")
            if self.path.endswith("/security-credentials/"):
                return self.answer(200, "EndpointRole\n")
            return self.answer(200, {"AccessKeyId": "ASIA1", "SecretAccessKey": "s", "Token": "t"})

        def do_PUT(self) -> None:
            service.paths.append(self.path)
            self.answer(200 if self.headers["X-aws-ec2-metadata-token-ttl-seconds"] == "300" else 400, "a-token")

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    service.url = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield service
    finally:
        service.ended.set()
        server.shutdown()
        server.server_close()


def told(environment: dict[str, str]) -> list[str]:
    """Every problem, where none may have changed a variable."""
    before = dict(environment)
    problems = [str(problem) for problem in secrets.take(environment)]
    assert problems and environment == before
    return problems


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    monkeypatch.setattr(secrets, "PAUSE_SECONDS", 0.001)
    with running() as made:
        made.values = {DB: {"SecretString": "hunter2"}, KEY: {"SecretString": '{"user": "a", "ports": [1, 2]}'}}
        yield made


def test_each_variable_gets_its_value_and_a_secret_is_read_once(service: Service) -> None:
    binary = DB.replace("db", "binary")
    service.values[binary] = {"SecretBinary": base64.b64encode("tëxt".encode()).decode()}
    environment = service.environment(PASSWORD=DB, USER_NAME=f"{KEY}#user", BINARY=binary, PORTS=f"{KEY}#ports")
    assert secrets.take(environment) == []
    found = [environment[name] for name in ("PASSWORD", "USER_NAME", "BINARY", "PORTS")]
    assert found == ["hunter2", "a", "tëxt", "[1,2]"]
    assert [arn for arn, _ in service.asked] == [DB, KEY, binary]
    sent = service.asked[0][1]
    assert sent["X-Amz-Target"] == "secretsmanager.GetSecretValue"
    assert sent["Content-Type"] == "application/x-amz-json-1.1"
    day = sent["X-Amz-Date"][:8]
    assert f"Credential=AKIDEXAMPLE/{day}/eu-west-1/secretsmanager/aws4_request," in sent["Authorization"]
    assert "/us-east-1/secretsmanager/" in service.asked[1][1]["Authorization"]


@pytest.mark.parametrize("references", [None, "", "{}"])
def test_without_references_nothing_is_asked(service: Service, references: str | None) -> None:
    environment = {} if references is None else {"SLIPWAY_SECRETS": references}
    assert secrets.take(environment | {"AWS_EC2_METADATA_SERVICE_ENDPOINT": service.url}) == []
    assert service.paths == []


def test_the_address_is_of_region_and_partition(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    china = DB.replace("arn:aws:", "arn:aws-cn:").replace("eu-west-1", "cn-north-1")
    asked: list[str] = []
    monkeypatch.setattr(secrets, "_value", lambda _, url, __: asked.append(url) or "v")
    environment = service.environment(A=DB, B=china)
    del environment["AWS_ENDPOINT_URL_SECRETS_MANAGER"]
    assert secrets.take(environment) == []
    assert secrets.take(environment | {"AWS_ENDPOINT_URL": "http://emulator:4566/"}) == []
    assert asked == [
        "https://secretsmanager.eu-west-1.amazonaws.com/",
        "https://secretsmanager.cn-north-1.amazonaws.com.cn/",
        *["http://emulator:4566/"] * 2,
    ]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"SecretBinary": base64.b64encode(b"\xff\xfe").decode()}, "has no text: its value is binary"),
        ({"SecretString": None}, "has no text: its value is binary, or the answer is not Secrets Manager's"),
        ({"SecretString": "hun\0ter2"}, "holds a zero byte, which no environment variable can. Keep it as Base64."),
    ],
)
def test_what_no_variable_can_hold_is_refused(service: Service, value: dict[str, Any], said: str) -> None:
    service.values[DB] = value
    (problem,) = told(service.environment(A=DB, B=f"{KEY}#user"))
    assert problem.startswith(f"The secret {DB} for A {said}")


@pytest.mark.parametrize(
    "faults", [[(503, "")], [(429, "")], [(400, "ThrottlingException")], [(500, "InternalServiceError")] * 3]
)
def test_a_fault_that_passes_is_waited_for(service: Service, faults: list[tuple[int, str]]) -> None:
    service.faults = list(faults)
    environment = service.environment(A=DB)
    assert secrets.take(environment) == []
    assert environment["A"] == "hunter2"
    assert len(service.asked) == len(faults) + 1


@pytest.mark.parametrize(
    ("fault", "tries", "said"), [((500, "A"), 5, " after 5 tries: HTTP 500 A."), ((302, ""), 1, ": HTTP 302.")]
)
def test_a_fault_that_stays_is_told(service: Service, fault: tuple[int, str], tries: int, said: str) -> None:
    service.faults = [fault] * 9
    assert told(service.environment(A=DB)) == [f"The secret {DB} for A cannot be read{said}"]
    assert service.paths == ["/"] * tries


def test_every_problem_is_told_once_and_nothing_is_set(service: Service) -> None:
    missing = DB.replace("db", "none")
    service.values[KEY] = {"SecretString": "no json"}
    references = {"GOOD": DB, "BAD": missing, "WORSE": f"{missing}#user", "FIELD": f"{KEY}#user"}
    assert told(service.environment(**references)) == [
        f"The secret {missing} for BAD, WORSE cannot be read: HTTP 400 ResourceNotFoundException. "
        "There is no such secret, or it has no value. Name one of this account and region.",
        f"The secret {KEY} for FIELD has no field 'user': name one of its JSON.",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", ["SLIPWAY_SECRETS is no JSON"]),
        ("[]", ["SLIPWAY_SECRETS is no object of variable names and ARNs"]),
        ('{"A": 1}', ["SLIPWAY_SECRETS is no object of variable names and ARNs"]),
        (json.dumps({"a-b": DB}), ["SLIPWAY_SECRETS: 'a-b' cannot be a variable of a secret"]),
        (json.dumps({"PYTHONPATH": DB}), ["SLIPWAY_SECRETS: 'PYTHONPATH' cannot be a variable of a secret"]),
        (json.dumps({"SLIPWAY_X": DB}), ["SLIPWAY_SECRETS: 'SLIPWAY_X' cannot be a variable of a secret"]),
        ('{"A": "shop/db"}', ["SLIPWAY_SECRETS: 'A' is 'shop/db', no ARN of a secret of AWS Secrets Manager"]),
        (json.dumps({"A": f"{DB}#"}), [f"SLIPWAY_SECRETS: 'A' is '{DB}#', no ARN of a secret"]),
        (
            json.dumps({"PATH": "a", "B": "b"}),
            ["SLIPWAY_SECRETS: 'PATH' cannot", "SLIPWAY_SECRETS: 'PATH' is 'a'", "SLIPWAY_SECRETS: 'B' is 'b'"],
        ),
    ],
)
def test_bad_references_are_refused(text: str, said: list[str]) -> None:
    problems = told({"SLIPWAY_SECRETS": text})
    assert [problem[: len(begin)] for problem, begin in zip(problems, said, strict=True)] == said


@pytest.mark.parametrize("name", ["AWS_ENDPOINT_URL_SECRETS_MANAGER", "AWS_ENDPOINT_URL"])
@pytest.mark.parametrize("address", ["localhost", "localhost:4566", "ftp://a", "http://", "http://[a", "http://a:b"])
def test_an_address_that_is_none_is_told_with_the_other_problems(name: str, address: str) -> None:
    assert told({"SLIPWAY_SECRETS": "{", name: address}) == [
        "SLIPWAY_SECRETS is no JSON. Give an object of variable names and ARNs.",
        f"{name} is '{address}'; an address is wanted, https://HOST or http://HOST.",
    ]


@pytest.mark.parametrize(
    ("fault", "hint"),
    [
        ("AccessDeniedException: no policy", f"Give the endpoint's role secretsmanager:GetSecretValue on {DB}."),
        ("AccessDeniedException: Access to KMS is not allowed", "Give the endpoint's role kms:Decrypt on the key"),
        ("DecryptionFailure", "Give the endpoint's role kms:Decrypt on the key"),
        ("ExpiredTokenException", "The credentials were refused."),
    ],
)
def test_what_the_role_lacks_is_named(service: Service, fault: str, hint: str) -> None:
    service.faults = [(400, fault)]
    kind = fault.partition(":")[0]
    (problem,) = told(service.environment(A=DB))
    assert problem.startswith(f"The secret {DB} for A cannot be read: HTTP 400 {kind}. {hint}")
    assert len(service.asked) == 1


def test_where_there_is_no_way_only_the_first_secret_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secrets, "PAUSE_SECONDS", 0.001)
    first, second = told(Service(url="http://127.0.0.1:9").environment(A=DB, B=KEY))
    hint = "Give the endpoint a way to http://127.0.0.1:9/, such as a NAT gateway or an interface endpoint."
    assert first.startswith(f"The secret {DB} for A cannot be read after 5 tries: ConnectionRefusedError: ")
    assert second.startswith(f"The secret {KEY} for B cannot be read: ConnectionRefusedError: ")
    assert first.endswith(hint) and second.endswith(hint)


def test_no_answer_is_told(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secrets, "TIMEOUT_SECONDS", 0.1)
    monkeypatch.setattr(secrets, "TRIES", 2)
    service.faults = [(0, "")] * 2
    (problem,) = told(service.environment(A=DB))
    assert problem.startswith(f"The secret {DB} for A cannot be read after 2 tries: TimeoutError: timed out.")


ROLES = "/latest/meta-data/iam/security-credentials/"
OF_MACHINE = ["/latest/api/token", ROLES, f"{ROLES}EndpointRole"]


def of_role(service: Service, where: str, token: Path) -> dict[str, str]:
    """An environment without keys of its own, whose container or machine has some."""
    token.write_text("from a file\n")
    full = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{service.url}/credentials"}
    ways = {
        "relative": {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/credentials"},
        "full": full | {"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(token)},
        "machine": {"AWS_EC2_METADATA_DISABLED": "", "AWS_EC2_METADATA_SERVICE_ENDPOINT": service.url},
    }
    return service.environment(A=DB) | {"AWS_ACCESS_KEY_ID": ""} | ways[where]


@pytest.mark.parametrize("where", ["relative", "full", "machine"])
@pytest.mark.parametrize("faults", [[], [(503, ""), (429, ""), (0, "")]])
def test_credentials_of_the_container_and_of_the_machine(
    service: Service, where: str, faults: list[Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(secrets, "CONTAINER_HOST", service.url)
    # A proxy would see whole addresses in place of paths.
    monkeypatch.setenv("http_proxy", service.url)
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    environment = of_role(service, where, tmp_path / "token")
    # Whether a machine has an address for its role, only an answer tells; a container's is named.
    service.answers = [fault for fault in faults if fault[0] or where != "machine"]
    again = len(service.answers)
    assert secrets.take(environment) == []
    assert environment["A"] == "hunter2"
    before, after = (OF_MACHINE[:1], OF_MACHINE[1:]) if where == "machine" else ([], ["/credentials"])
    assert service.paths == [*before, *after[:1] * again, *after, f"{service.url}/"]
    sent = service.asked[-1][1]
    assert "Credential=ASIA1/" in sent["Authorization"] and sent["X-Amz-Security-Token"] == "t"
    assert service.asked[0][1].get("Authorization") == ("from a file" if where == "full" else None)


NONE = "SLIPWAY_SECRETS names secrets, and there are no credentials to read them with"
INSTEAD = ". On SageMaker the endpoint's role gives them; elsewhere set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."


@pytest.mark.parametrize(
    "answer", [(404, ""), (302, ""), *((200, other) for other in ("", [], {"Code": "Failed"}, {"AccessKeyId": 1}))]
)
def test_an_answer_without_keys_is_told(service: Service, answer: tuple[int, Any], tmp_path: Path) -> None:
    service.answers = [answer]
    reason = "what was answered has no keys" if answer[0] == 200 else f"HTTP {answer[0]}"
    environment = of_role(service, "full", tmp_path / "token")
    assert told(environment) == [f"{NONE} (the container: {reason}){INSTEAD}"]
    assert service.paths == ["/credentials"]


def test_bad_credentials_are_told_once_and_never_shown(service: Service) -> None:
    environment = service.environment(A=DB, B=KEY)
    assert told(environment | {"AWS_SECRET_ACCESS_KEY": ""}) == [f"{NONE} (none found){INSTEAD}"]
    assert told(environment | {"AWS_SESSION_TOKEN": "topsecret\n1"}) == [
        "SLIPWAY_SECRETS names secrets, and the credentials of the environment have spaces, line ends or other "
        "characters that no credentials have. Set them without."
    ]
    container = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": service.url, "AWS_ACCESS_KEY_ID": ""}
    assert told(environment | container | {"AWS_CONTAINER_AUTHORIZATION_TOKEN": "topsecret\n1"}) == [
        f"{NONE} (the container: what was answered has no keys){INSTEAD}"
    ]
    assert service.paths == []
    another = service.environment(A=DB) | {"AWS_SECRET_ACCESS_KEY": "another"}
    assert told(another)[0].startswith(f"The secret {DB} for A cannot be read: HTTP 400 InvalidSignatureException. The")


HOOKS = """
import os, pathlib
PASSWORD = os.environ["PASSWORD"]
pathlib.Path(__file__).with_name("imported").touch()

def post(outputs, request):
    return {"length": len(PASSWORD)}
"""


def hooked(folder: Path) -> Path:
    (folder / "hooks.py").write_text(HOOKS)
    return serving(models.linear(folder / "linear.onnx"), hooks={"file": "hooks.py", "seconds": 5})


def test_a_hook_finds_its_secret_in_the_environment(service: Service, tmp_path: Path) -> None:
    with running_server(hooked(tmp_path), environment=service.environment(PASSWORD=DB)) as server:
        inputs = [{"name": "x", "shape": [1, 4], "datatype": "FP32", "data": [1, 2, 3, 4]}]
        assert server.infer({"inputs": inputs}, "/invocations") == (200, {"length": len("hunter2")})
        for path in ("/metrics", "/report", "/ping", f"/v2/models/{server.model}"):
            assert b"hunter2" not in server.request("GET", path)[2]
        _, said = server.stop()
        assert "hunter2" not in said
        assert '"variables":["PASSWORD"]' in said


def test_a_server_without_its_secret_opens_no_port_and_imports_no_hooks(service: Service, tmp_path: Path) -> None:
    environment = service.environment(PASSWORD=DB.replace("db", "none"), USER_NAME=f"{KEY}#no")
    environment["SLIPWAY_DEBUG"] = "1"
    server = Running(hooked(tmp_path), environment=environment, wait=False)
    output, errors = server.process.communicate(timeout=30)
    assert server.process.returncode == 2
    assert output == b""
    assert not (tmp_path / "imported").exists()
    assert b"The server cannot start, for 2 reasons:\n- The secret" in errors
    assert b"for PASSWORD cannot be read: HTTP 400 ResourceNotFoundException" in errors
    assert b"for USER_NAME has no field 'no'" in errors
    assert b"ports" not in errors
