"""One request and the way back: what HTTP gives to the application, and what it wants from it."""

from __future__ import annotations

from typing import Any, Protocol

import orjson

from server.errors import Refusal

REASONS = {
    200: b"OK", 400: b"Bad Request", 404: b"Not Found", 405: b"Method Not Allowed", 406: b"Not Acceptable",
    408: b"Request Timeout", 413: b"Content Too Large", 414: b"URI Too Long", 415: b"Unsupported Media Type",
    417: b"Expectation Failed", 422: b"Unprocessable Content", 431: b"Request Header Fields Too Large",
    500: b"Internal Server Error", 501: b"Not Implemented", 503: b"Service Unavailable", 504: b"Gateway Timeout",
}  # fmt: skip
STATUS_LINES = {status: b"HTTP/1.1 %d %s\r\nContent-Type: " % (status, reason) for status, reason in REASONS.items()}
JSON = b"application/json"


class Sender(Protocol):
    """The connection an answer goes to."""

    def send(
        self, exchange: Exchange, status: int, body: bytes | list[bytes], content_type: bytes, headers: bytes
    ) -> None: ...


class Exchange:
    """One request and the way back. `body` is complete when the application sees the exchange.

    `started` is the time of the first byte (`time.monotonic`). `echo` holds header lines that go back with any answer.
    `target` and `state` belong to the application.
    `refusal` is what HTTP itself found wrong; the application answers it, so that it can count it.
    """

    __slots__ = (
        "answered",
        "body",
        "connection",
        "echo",
        "headers",
        "keep_alive",
        "method",
        "path",
        "refusal",
        "started",
        "state",
        "target",
    )

    def __init__(self, connection: Sender, method: bytes, path: bytes, headers: dict[bytes, bytes], started: float):
        self.connection = connection
        self.method = method
        self.path = path
        self.headers = headers
        self.started = started
        self.echo = b""
        self.body: bytes | bytearray | memoryview = b""
        self.keep_alive = True
        self.answered = False
        self.refusal: Refusal | None = None
        self.target: Any = None
        self.state: Any = None

    def answer(self, status: int, body: bytes | list[bytes], content_type: bytes = JSON, headers: bytes = b"") -> None:
        """Sends the answer; `headers` are whole lines. Only the first answer counts, and none after a disconnect."""
        if not self.answered:
            self.answered = True
            # What the request held goes now: together these would be cycles that wait for a collection.
            self.body, self.state, self.refusal = b"", None, None
            self.connection.send(self, status, body, content_type, headers)

    def refuse(self, refusal: Refusal) -> None:
        """Answers with an error object, and closes the connection if the refusal says so."""
        self.keep_alive = self.keep_alive and not refusal.close
        self.answer(refusal.status, orjson.dumps({"error": refusal.message}), JSON, refusal.headers)


class Application(Protocol):
    """What HTTP needs from the application. All three are called on the event loop."""

    def admit(self, exchange: Exchange, length: int | None) -> memoryview | None:
        """The head is read (`length` None: chunked). May raise Refusal, may give the buffer for the body."""
        ...

    def serve(self, exchange: Exchange) -> None:
        """The request is complete or refused: answers now or later."""
        ...

    def abandoned(self, exchange: Exchange) -> None:
        """The client is gone; called for every admitted exchange that was not answered."""
        ...
