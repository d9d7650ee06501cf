"""HTTP as a hostile or clumsy client speaks it, over real sockets against a real server."""

from __future__ import annotations

import contextlib
import json
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.tests import models
from server.tests.process import Running, read_all, read_answer, running, serving, tensor, wait_until

BODY = orjson.dumps({"inputs": [tensor("x", [1, 4], [1, 2, 3, 4])]})


@pytest.fixture(scope="module")
def server(linear_server: Running) -> Running:
    return linear_server


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server with tight limits."""
    model = models.linear(tmp_path_factory.mktemp("strict") / "linear.onnx")
    limits = {"bodyBytes": 50_000, "headerBytes": 2048, "headers": 10, "requestSeconds": 1, "connections": 20}
    with running(serving(model, limits=limits)) as running_server:
        yield running_server


def post(server: Running, headers: str = "", body: bytes = BODY, length: object = None) -> bytes:
    given = len(body) if length is None else length
    head = f"POST {server.infer_path} HTTP/1.1\r\nHost: a\r\nContent-Length: {given}\r\n{headers}\r\n"
    return head.encode("latin-1") + body


def last(answer: bytes) -> tuple[int, str]:
    """Status and error text of the only or last answer in `answer`."""
    starts = [match.start() for match in re.finditer(rb"HTTP/1\.1 \d{3} ", answer)]
    head, _, body = answer[starts[-1] :].partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)["error"]


def still_serves(server: Running) -> None:
    status, answer = server.infer(BODY)
    assert (status, answer["outputs"][0]["shape"]) == (200, [1, 3])


def test_a_body_over_the_limit_is_refused_before_it_is_sent(strict: Running) -> None:
    with strict.connect() as connection:
        connection.sendall(post(strict, length=50_001, body=b""))
        status, error = last(read_all(connection))
    assert (status, error) == (413, "a body of 50001 bytes is over the limit of 50000 bytes")
    assert strict.metric('onnx_requests_rejected_total{model="linear",reason="too_large"}') == 1
    still_serves(strict)


def test_heads_that_promise_large_bodies_cost_no_memory(server: Running) -> None:
    before = server.metric("process_resident_memory_bytes")
    assert before is not None
    with contextlib.ExitStack() as stack:
        for _ in range(100):
            connection = stack.enter_context(server.connect())
            connection.sendall(post(server, "Inference-Header-Content-Length: 9\r\n", body=b"{", length=2_000_000))
        wait_until(lambda: server.request("GET", "/ping")[0] == 200)
        after = server.metric("process_resident_memory_bytes")
    assert after is not None
    assert after - before < 40_000_000
    still_serves(server)


def test_a_client_that_goes_on_sending_can_still_read_the_refusal(strict: Running) -> None:
    with strict.connect() as connection:
        connection.sendall(post(strict, length=3_000_000, body=b""))
        with contextlib.suppress(OSError):
            for _ in range(20):
                connection.sendall(b"0" * 10_000)
                time.sleep(0.005)
        assert last(read_all(connection))[0] == 413


def test_chunks_over_the_limit_are_refused(strict: Running) -> None:
    head = f"POST {strict.infer_path} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    chunk = b"2710\r\n" + b" " * 10_000 + b"\r\n"
    status, error = last(strict.raw(head + chunk * 6))
    assert (status, error) == (413, "a body sent in chunks is over the limit of 50000 bytes")
    still_serves(strict)


def test_very_many_tiny_chunks_are_refused(server: Running) -> None:
    head = f"POST {server.infer_path} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    status, error = last(server.raw(head + b"1\r\n \r\n" * 500_000))
    assert status == 400
    assert "too small, send at least 64 a chunk" in error
    still_serves(server)


def test_a_chunked_body_is_served(server: Running) -> None:
    head = f"POST {server.infer_path} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (BODY[:10], BODY[10:50], BODY[50:]))
    answer = server.raw(head.encode() + chunks + b"0\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")


@pytest.mark.parametrize(
    "headers",
    [
        "Transfer-Encoding: chunked\r\n",
        "Content-Length: 5\r\n",
        f"Content-Length: {len(BODY)}\r\n",
        "Transfer-Encoding: gzip\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Bad Header: 1\r\n",
        "X: a\rb\r\n",
        "X: a\x00b\r\n",
        " folded: 1\r\n",
        "Host: b\r\n",
        "Content-Type: application/json\r\nContent-Type: text/plain\r\n",
    ],
)
def test_heads_that_can_be_read_in_two_ways_are_refused(server: Running, headers: str) -> None:
    assert last(server.raw(post(server, headers)))[0] == 400
    still_serves(server)


@pytest.mark.parametrize("length", ["-1", "+5", "1e3", "0x10", "9" * 30, "5 5", "5,5", ""])
def test_a_content_length_that_is_no_number_is_refused(server: Running, length: str) -> None:
    assert last(server.raw(post(server, length=length)))[0] == 400
    still_serves(server)


def test_a_content_length_longer_than_the_body_is_a_truncated_body(server: Running) -> None:
    with server.connect() as connection:
        connection.sendall(post(server, length=len(BODY) + 10))
        connection.shutdown(1)
        status, error = last(read_all(connection))
    assert (status, error) == (400, f"the body ends after {len(BODY)} bytes, before its end")
    still_serves(server)


def test_a_large_body_that_is_cut_off_is_refused(server: Running) -> None:
    with server.connect() as connection:
        connection.sendall(post(server, length=1_000_000, body=b" " * 600_000))
        connection.shutdown(1)
        assert last(read_all(connection)) == (400, "the body ends after 600000 bytes, before its end")
    still_serves(server)


def test_a_content_length_shorter_than_the_body_ends_the_request_there(server: Running) -> None:
    answer = server.raw(post(server, length=len(BODY) - 1))
    assert answer.startswith(b"HTTP/1.1 400")
    assert last(answer)[0] == 400
    still_serves(server)


@pytest.mark.parametrize(
    ("head", "status"),
    [
        ("POST {path} HTTP/1.1\r\nContent-Length: 0\r\n\r\n", 400),
        ("GARBAGE\r\n\r\n", 400),
        ("POST {path} HTTP/9.9\r\nHost: a\r\n\r\n", 400),
        ("GET /ping HTTP/1.1\r\nHost: a\r\nX: " + "y" * 3000 + "\r\n\r\n", 431),
        ("GET /ping HTTP/1.1\r\nHost: a\r\nX: " + "y" * 500_000, 431),
        ("GET /ping HTTP/1.1\r\nHost: a\r\n" + "X: y\r\n" * 20 + "\r\n", 431),
        ("GET /" + "p" * 5000 + " HTTP/1.1\r\nHost: a\r\n\r\n", 414),
        ("POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\nExpect: magic\r\n\r\n", 417),
    ],
)
def test_heads_out_of_bounds_are_refused(strict: Running, head: str, status: int) -> None:
    assert last(strict.raw(head.replace("{path}", strict.infer_path).encode()))[0] == status
    still_serves(strict)


def test_a_body_that_trickles_is_given_up(strict: Running) -> None:
    with strict.connect() as connection:
        connection.sendall(post(strict, length=1000, body=b"{"))
        status, error = last(read_all(connection))
    assert (status, error) == (408, "the body took longer than 1 s to arrive")
    still_serves(strict)


def test_pipelined_requests_are_answered_in_their_order(server: Running) -> None:
    requests = []
    for number in range(40):
        document = {"id": str(number), "inputs": [tensor("x", [1, 4], [number, 0, 0, 0])]}
        requests.append(post(server, body=orjson.dumps(document)))
        requests.append(b"GET /ping HTTP/1.1\r\nHost: a\r\n\r\n")
    with server.connect() as connection, connection.makefile("rb") as stream:
        connection.sendall(b"".join(requests[:60]))
        answers = [read_answer(stream) for _ in range(60)]
        connection.sendall(b"".join(requests[60:]))
        answers += [read_answer(stream) for _ in range(20)]
    assert [json.loads(body)["id"] for _, _, body in answers[::2]] == [str(number) for number in range(40)]
    assert {body for _, _, body in answers[1::2]} == {b'{"ready":true}'}


def test_the_same_head_again_means_the_same_request_and_another_head_another_one(server: Running) -> None:
    """A head that is repeated byte for byte is not parsed again; whatever differs is."""
    with server.connect() as connection, connection.makefile("rb") as stream:

        def ask(data: bytes) -> tuple[int, dict[bytes, bytes], bytes]:
            connection.sendall(data)
            return read_answer(stream)

        for number in range(4):
            document = {"inputs": [tensor("x", [1, 4], [number, 0, 0, 0])]}
            data = json.loads(ask(post(server, body=orjson.dumps(document)))[2])["outputs"][0]["data"]
            assert data == (number * models.WEIGHT[0] + models.BIAS).tolist()
        other = BODY.replace(b'"x"', b'"z"')
        assert ask(post(server, body=other))[0] == 400
        assert ask(post(server))[0] == 200
        binary = b"\0" * len(BODY)
        assert ask(post(server, "Inference-Header-Content-Length: 0\r\n", body=binary))[0] == 400
        assert ask(post(server))[0] == 200
        half = post(server)
        connection.sendall(half[:-7])
        time.sleep(0.05)
        assert ask(half[-7:])[0] == 200
        connection.sendall(half + half)
        assert [read_answer(stream)[0] for _ in range(2)] == [200, 200]
        assert ask(b"GET /ping HTTP/1.1\r\nHost: a\r\n\r\n")[2] == b'{"ready":true}'
        assert ask(post(server))[0] == 200
        assert b"close" in ask(post(server, "Connection: close\r\n"))[1][b"connection"]
        assert stream.read() == b""


def test_a_client_that_reads_no_answers_gets_no_more_of_them_into_memory(server: Running) -> None:
    requests = b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n" * 20_000
    before = server.metric("process_resident_memory_bytes")
    with server.connect() as connection:
        connection.settimeout(1)
        with contextlib.suppress(OSError):
            connection.sendall(requests)
        after = server.metric("process_resident_memory_bytes")
    assert before is not None
    assert after is not None
    assert after - before < 20_000_000
    still_serves(server)


def test_answers_that_wait_for_a_slow_reader_all_come_in_their_order(echo_server: Running) -> None:
    rows = 100_000
    inputs = [
        {"name": f"in_{kind}", "shape": [0, 2], "datatype": kind, "data": []}
        for kind in models.ONNX_TYPES
        if kind != "FP64"
    ]
    inputs.append(
        {
            "name": "in_FP64",
            "shape": [rows, 2],
            "datatype": "FP64",
            "parameters": {"binary_data_size": rows * 16},
        }
    )

    def request(number: int) -> bytes:
        document = {
            "id": str(number),
            "inputs": inputs,
            "outputs": [{"name": "out_FP64", "parameters": {"binary_data": True}}],
        }
        head = orjson.dumps(document)
        extra = f"Inference-Header-Content-Length: {len(head)}\r\n"
        return post(echo_server, extra, body=head + bytes([number]) * rows * 16)

    with echo_server.connect() as connection, connection.makefile("rb") as stream:
        sender = threading.Thread(target=lambda: [connection.sendall(request(number)) for number in range(20)])
        sender.start()
        time.sleep(0.5)
        for number in range(20):
            status, headers, body = read_answer(stream)
            assert status == 200
            size = int(headers[b"inference-header-content-length"])
            assert json.loads(body[:size])["id"] == str(number)
            assert body[size:] == bytes([number]) * rows * 16
        sender.join()
        connection.sendall(b"GET /ping HTTP/1.1\r\nHost: a\r\n\r\n")
        assert read_answer(stream)[0] == 200


def test_far_too_many_pipelined_requests_are_refused(server: Running) -> None:
    status, error = last(server.raw(post(server) * 3000))
    assert (status, error) == (400, "more than 64 requests sent without awaiting answers")
    still_serves(server)


def test_a_refused_body_leaves_its_connection_usable(server: Running) -> None:
    with server.connect() as connection, connection.makefile("rb") as stream:
        for body, status in ((b"{", 400), (BODY, 200), (b"[]", 400), (BODY, 200)):
            connection.sendall(post(server, body=body))
            assert read_answer(stream)[0] == status
        connection.sendall(post(server, "Content-Encoding: gzip\r\n"))
        status, _, answer = read_answer(stream)
        assert (status, json.loads(answer)["error"]) == (
            415,
            "Content-Encoding 'gzip' is not supported; send the body as it is",
        )
        connection.sendall(post(server))
        assert read_answer(stream)[0] == 200


def test_expect_100_continue_is_answered_before_the_body(server: Running) -> None:
    with server.connect() as connection, connection.makefile("rb") as stream:
        connection.sendall(post(server, "Expect: 100-continue\r\n", body=b"", length=len(BODY)))
        assert stream.readline() == b"HTTP/1.1 100 Continue\r\n"
        assert stream.readline() == b"\r\n"
        connection.sendall(BODY)
        assert read_answer(stream)[0] == 200


def test_expect_100_continue_over_the_limit_gets_the_refusal_instead(strict: Running) -> None:
    answer = strict.raw(post(strict, "Expect: 100-continue\r\n", body=b"", length=10**12))
    assert answer.startswith(b"HTTP/1.1 413 ")


def test_connection_close_and_http_1_0_are_honoured(server: Running) -> None:
    for head in ("GET /ping HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "GET /ping HTTP/1.0\r\n\r\n"):
        answer = server.raw(head.encode())
        assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
        assert b"Connection: close\r\n" in answer


def test_an_absolute_url_reaches_the_same_path(server: Running) -> None:
    answer = server.raw(b"GET http://a.example/ping?x=1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")


def test_connections_over_the_limit_are_told_so(strict: Running) -> None:
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(strict.connect()) for _ in range(20)]
        for connection in held:
            connection.sendall(b"GET /ping HTTP/1.1\r\nHost: a\r\n\r\n")
            assert connection.recv(100).startswith(b"HTTP/1.1 200")
        answer = strict.raw(b"")
        assert last(answer) == (503, "all 20 connections are taken; try again later")
        assert b"Retry-After: 1\r\n" in answer

    def free() -> bool:
        return strict.raw(b"GET /ping HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.1 200")

    wait_until(free)


def test_a_disconnect_while_waiting_for_the_answer_frees_the_place(tmp_path: Path) -> None:
    model = models.slow(tmp_path / "slow.onnx", 250)
    with running(serving(model, limits={"queue": 2}, workers=1, maxBatch=1)) as server:
        body = orjson.dumps({"inputs": [tensor("x", [1, 1], [3])]})
        runs = server.metric('onnx_batch_size_count{model="slow"}')
        with server.connect() as first, server.connect() as second:
            first.sendall(post(server, body=body))
            second.sendall(post(server, body=body))
            in_flight = 'onnx_requests_in_flight{model="slow"}'
            wait_until(lambda: server.metric(in_flight) == 2)
            assert server.infer(body)[0] == 503
        wait_until(lambda: server.metric(in_flight) == 0)
        status, answer = server.infer(body)
        assert (status, answer["outputs"][0]["data"]) == (200, [3.0])
        # Of the two that were abandoned, one was stopped and one never begun: only the last run went to its end.
        assert (runs, server.metric('onnx_batch_size_count{model="slow"}')) == (0, 1)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(min_size=1, max_size=400))
def test_arbitrary_bytes_never_stop_the_server(linear_server: Running, data: bytes) -> None:
    with linear_server.connect() as connection:
        connection.sendall(data)
        connection.shutdown(1)
        answer = read_all(connection)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 4")
    assert linear_server.request("GET", "/ping")[0] == 200
