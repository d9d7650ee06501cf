"""Slow clients are ended in time; the listener's clock is moved instead of waiting."""

from __future__ import annotations

import json
import time

import pytest

from server import http
from server.config import Limits
from server.exchange import Exchange
from server.listener import Listener
from server.tests.test_http import last


class Served:
    """An application that answers a refusal at once and everything else when the test does."""

    def __init__(self) -> None:
        self.served: list[Exchange] = []

    def admit(self, exchange: Exchange, length: int | None) -> None: ...

    def abandoned(self, exchange: Exchange) -> None: ...

    def serve(self, exchange: Exchange) -> None:
        self.served.append(exchange)
        if exchange.refusal is not None:
            exchange.refuse(exchange.refusal)


class Transport:
    """Stands for the socket, so that the listener's clock can be moved instead of waiting."""

    def __init__(self, application: Served) -> None:
        self.application = application
        self.sent: list[bytes] = []
        self.reading = True
        self.aborted = False
        self.unsent = 0

    def write(self, data: bytes) -> None:
        self.sent.append(data)

    def is_closing(self) -> bool:
        return False

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def can_write_eof(self) -> bool:
        return False

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def abort(self) -> None:
        self.aborted = True


Silent = tuple[http.Connection, Transport]


@pytest.fixture
def silent() -> Silent:
    application = Served()
    connection = Listener(application, Limits(1000, 1000, 10, 10, 10, 1.0, 10))()  # type: ignore[arg-type]
    transport = Transport(application)
    connection.connection_made(transport)
    return connection, transport


def feed(connection: http.Connection, data: bytes) -> None:
    connection.listener.scratch[: len(data)] = data
    connection.buffer_updated(len(data))


def test_a_head_that_trickles_is_given_up(silent: Silent) -> None:
    connection, transport = silent
    feed(connection, b"GET /ping HTTP/1.1\r\nX")
    connection.listener.sweep(time.monotonic() + http.HEAD_SECONDS - 1)
    assert transport.sent == []
    connection.listener.sweep(time.monotonic() + http.HEAD_SECONDS + 1)
    assert last(transport.sent[0]) == (408, "the head took longer than 10 s to arrive")


def test_a_client_that_never_reads_is_ended_whatever_is_answered_meanwhile(silent: Silent) -> None:
    connection, transport = silent
    feed(connection, b"GET /first HTTP/1.1\r\nHost: a\r\n\r\n")
    (first,) = transport.application.served
    transport.unsent = 100_000
    connection.pause_writing()
    paused = time.monotonic()
    assert not transport.reading
    first.answer(200, b"{}")
    feed(connection, b"GET /second HTTP/1.1\r\nHost: a\r\n\r\n")
    assert transport.application.served == [first]
    connection.listener.sweep(paused + http.WRITE_SECONDS - 1)
    assert not transport.aborted
    connection.listener.sweep(paused + http.WRITE_SECONDS + 1)
    assert transport.aborted
    connection.resume_writing()
    assert [exchange.path for exchange in transport.application.served] == [b"/first", b"/second"]
    assert transport.reading


@pytest.mark.parametrize("error", [OSError(24, "Too many open files"), MemoryError()])
def test_no_room_for_a_body_is_a_503_and_in_the_log(
    silent: Silent, error: Exception, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    connection, transport = silent

    def admit(*_: object) -> None:
        raise error

    monkeypatch.setattr(transport.application, "admit", admit)
    feed(connection, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 70000\r\n\r\n")
    assert last(transport.sent[0]) == (503, "there is no room for a body of 70000 bytes now; try again later")
    line = json.loads(capfd.readouterr().err)
    assert (line["message"], line["bytes"]) == ("no memory for a body", 70000)
    assert type(error).__name__ in line["error"]
