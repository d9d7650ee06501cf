"""Secrets of Google's Secret Manager: read with the machine's token, refused with reasons, never shown."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from server import google_secrets, secrets

DB = "projects/shop/secrets/db/versions/latest"
KEY = "projects/shop/secrets/key/versions/7"


@dataclass
class Service:
    """Secret Manager and the metadata server in one. `faults` come first; 0 is no JSON."""

    url: str = ""
    values: dict[str, bytes] = field(default_factory=dict)
    faults: list[int] = field(default_factory=list)
    asked: list[tuple[str, str]] = field(default_factory=list)

    def environment(self, **references: str) -> dict[str, str]:
        return {
            "SLIPWAY_SECRETS": json.dumps(references),
            google_secrets.OVERRIDE: f"{self.url}/",
            "GCE_METADATA_HOST": self.url.removeprefix("http://"),
        }


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    monkeypatch.setattr(google_secrets, "PAUSE_SECONDS", 0.001)
    made = Service(values={DB: b"hunter2", KEY: b'{"user": "a"}'})

    class Handler(BaseHTTPRequestHandler):
        def answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Location", f"{made.url}/elsewhere")
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self) -> None:
            made.asked.append((self.path, self.headers.get("Authorization", "")))
            if self.path.startswith("/computeMetadata/"):
                assert self.headers["Metadata-Flavor"] == "Google"
                return self.answer(200, b'{"access_token": "a-token", "expires_in": 3600}')
            if made.faults:
                status = made.faults.pop(0)
                return self.answer(status or 200, b"none")
            if self.headers.get("Authorization") != "Bearer a-token":
                return self.answer(401, b"{}")
            value = made.values.get(self.path.removeprefix("/v1/").removesuffix(":access"))
            if value is None:
                return self.answer(404, b"{}")
            return self.answer(200, json.dumps({"payload": {"data": base64.b64encode(value).decode()}}).encode())

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.url = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()


def test_each_variable_gets_its_value_and_the_token_is_asked_for_once(service: Service) -> None:
    environment = service.environment(PASSWORD=DB, USER_NAME=f"{KEY}#user")
    assert secrets.take(environment) == []
    assert (environment["PASSWORD"], environment["USER_NAME"]) == ("hunter2", "a")
    assert [path for path, _ in service.asked] == [
        "/computeMetadata/v1/instance/service-accounts/default/token",
        f"/v1/{DB}:access",
        f"/v1/{KEY}:access",
    ]


@pytest.mark.parametrize(
    ("fault", "hint"),
    [
        (403, "HTTP 403. Give the endpoint's service account the role roles/secretmanager.secretAccessor on it."),
        (404, "HTTP 404. There is no such secret, or no such version of it."),
        (302, "HTTP 302."),
    ],
)
def test_a_refusal_says_what_to_do_and_nothing_changes(service: Service, fault: int, hint: str) -> None:
    service.faults = [fault]
    environment = service.environment(PASSWORD=DB)
    before = dict(environment)
    (problem,) = secrets.take(environment)
    assert str(problem) == f"The secret {DB} for PASSWORD cannot be read: {hint}"
    assert environment == before
    assert "/elsewhere" not in [path for path, _ in service.asked]


def test_a_fault_that_passes_is_waited_for(service: Service) -> None:
    service.faults = [503, 429, 500]
    environment = service.environment(PASSWORD=DB)
    assert secrets.take(environment) == []
    assert environment["PASSWORD"] == "hunter2"


def test_one_that_stays_ends_the_start(service: Service) -> None:
    service.faults = [503] * 9
    (problem,) = secrets.take(service.environment(PASSWORD=DB))
    assert str(problem) == f"The secret {DB} for PASSWORD cannot be read after 5 tries: HTTP 503."


@pytest.mark.parametrize("value", [b"\xff\xfe", b"hun\0ter2"])
def test_what_no_variable_can_hold_is_refused_without_being_shown(service: Service, value: bytes) -> None:
    service.values[DB] = value
    (problem,) = secrets.take(service.environment(PASSWORD=DB))
    assert str(problem).startswith(f"The secret {DB} for PASSWORD h")
    assert "ter2" not in str(problem)


def test_an_answer_that_is_no_json_is_refused(service: Service) -> None:
    service.faults = [0]
    (problem,) = secrets.take(service.environment(PASSWORD=DB))
    assert "has no text: its value is binary, or the answer is not Secret Manager's" in str(problem)


@pytest.mark.parametrize("name", ["projects/shop/secrets/db", "projects/shop/secrets/db/versions/", "secrets/db"])
def test_what_is_no_version_is_refused(name: str) -> None:
    (problem,) = secrets.take({"SLIPWAY_SECRETS": json.dumps({"A": name})})
    assert "on Google Cloud projects/PROJECT/secrets/NAME/versions/VERSION" in str(problem)
