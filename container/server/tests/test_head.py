"""Heads that ask for another protocol: answered as plain HTTP/1.1."""

from __future__ import annotations

import json
import time

import pytest

from server.tests.process import Running, read_answer
from server.tests.test_http import BODY, last, post, still_serves


@pytest.fixture(scope="module")
def server(linear_server: Running) -> Running:
    return linear_server


UPGRADE = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"


@pytest.mark.parametrize("cut", [None, 30, -len(BODY), -5])
def test_an_upgrade_is_answered_as_plain_http_with_its_body(server: Running, cut: int | None) -> None:
    """As Java's HttpClient asks; in one piece, cut in the head, after it and in the body."""
    data = post(server, UPGRADE)
    with server.connect() as connection, connection.makefile("rb") as stream:
        for _ in range(3):
            connection.sendall(data[:cut])
            if cut is not None:
                time.sleep(0.05)
                connection.sendall(data[cut:])
            status, _, body = read_answer(stream)
            assert (status, json.loads(body)["outputs"][0]["shape"]) == (200, [1, 3])
        connection.sendall(b"GET /ping HTTP/1.1\r\nHost: a\r\n" + UPGRADE.encode() + b"\r\n" + data + data)
        assert [read_answer(stream)[0] for _ in range(3)] == [200, 200, 200]


def test_an_upgrade_is_answered_as_plain_http_with_a_large_or_chunked_body(server: Running) -> None:
    body = BODY + b" " * 200_000
    head = f"POST {server.infer_path} HTTP/1.1\r\nHost: a\r\n{UPGRADE}Transfer-Encoding: chunked\r\n\r\n".encode()
    chunks = b"%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY)
    with server.connect() as connection, connection.makefile("rb") as stream:
        for data in (post(server, UPGRADE, body=body), head + chunks, post(server, UPGRADE)):
            connection.sendall(data)
            assert read_answer(stream)[0] == 200
    closing = UPGRADE.replace("Connection: ", "Connection: close\r\nConnection: ")
    assert b"Connection: close\r\n" in server.raw(post(server, closing))


def test_very_many_upgrades_in_one_piece_are_each_answered(server: Running) -> None:
    request = b"GET /ping HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: a\r\n\r\n"
    with server.connect() as connection, connection.makefile("rb") as stream:
        connection.sendall(request * 900)
        assert {read_answer(stream)[0] for _ in range(900)} == {200}


@pytest.mark.parametrize("headers", ["Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n", "Host: b\r\n"])
def test_an_upgrade_hides_no_head_that_can_be_read_in_two_ways(server: Running, headers: str) -> None:
    assert last(server.raw(post(server, UPGRADE + headers)))[0] == 400
    still_serves(server)
