"""Large JSON bodies: decoded elsewhere with the same answers, by processes that crash alone and never stay behind."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import threading
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from server import decoder, decoders
from server.oip import Signature
from server.tests import models
from server.tests.process import Running, gone, running, serving, tensor, wait_until

SIZE = 20_000


def document(rows: int = 1, seed: int = 0, **more: Any) -> tuple[bytes, np.ndarray]:
    values = np.random.default_rng(seed).standard_normal((rows, SIZE)).astype(np.float32)
    body = orjson.dumps(
        {"inputs": [tensor("x", [rows, SIZE], values.reshape(-1))], **more}, option=orjson.OPT_SERIALIZE_NUMPY
    )
    assert len(body) > decoders.LARGE_BYTES
    return body, values.sum(axis=1)


def test_a_large_body_gives_the_same_answer_as_a_binary_one(wide_server: Running) -> None:
    body, sums = document(rows=3, id="big")
    status, answer = wide_server.infer(body)
    assert (status, answer["id"], answer["outputs"][0]["shape"]) == (200, "big", [3, 1])
    np.testing.assert_allclose(answer["outputs"][0]["data"], sums, rtol=1e-4, atol=1e-3)
    raw = np.array(orjson.loads(body)["inputs"][0]["data"], np.float32).tobytes()
    _, headers, binary = wide_server.request(
        "POST", wide_server.infer_path, raw, {"Inference-Header-Content-Length": "0"}
    )
    size = int(headers["inference-header-content-length"])
    assert np.frombuffer(binary[size:], np.float32).tolist() == pytest.approx(answer["outputs"][0]["data"], rel=1e-6)


def test_no_decoder_runs_before_the_first_large_body(tmp_path: Path) -> None:
    with running(serving(models.wide(tmp_path / "wide.onnx", SIZE), decoders=2)) as server:
        small = {"inputs": [tensor("x", [0, SIZE], [])]}
        assert server.infer(small)[0] == 200
        assert server.decoders() == []
        assert server.infer(document()[0])[0] == 200
        assert len(server.decoders()) == 1


def test_large_bodies_that_are_wrong_get_the_same_refusals(wide_server: Running) -> None:
    body, _ = document()
    for wrong, error in (
        (body.replace(b'"x"', b'"z"'), "unknown input 'z'; the model takes 'x'"),
        (
            body.replace(b"[1,20000]", b"[2,20000]"),
            "input 'x' has 20000 values in 'data'; shape [2, 20000] wants 40000",
        ),
        (body.replace(b'"data":[', b'"data":[null,'), "shape [1, 20000] wants 20000"),
        (body[:-100], "the body is not JSON"),
        (re.sub(rb'"data":\[[^,]*', b'"data":[true', body), "input 'x' holds a boolean at position 0"),
        (body.replace(b'"data":[', b'"data":[[') + b" ", "the body is not JSON"),
    ):
        status, answer = wide_server.infer(wrong)
        assert status == 400
        assert error in answer["error"]
    assert wide_server.infer(body)[0] == 200


def test_a_large_chunked_body_is_decoded_too(wide_server: Running) -> None:
    body, sums = document()
    head = (
        f"POST {wide_server.infer_path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (body[:70_000], body[70_000:]))
    answer = wide_server.raw(head.encode() + chunks + b"0\r\n\r\n")
    data = json.loads(answer.partition(b"\r\n\r\n")[2])["outputs"][0]["data"]
    assert data == pytest.approx(sums.tolist(), rel=1e-4, abs=1e-3)


def test_many_clients_at_once_each_get_their_own_answer(wide_server: Running) -> None:
    wrong: list[Any] = []

    def client(number: int) -> None:
        for turn in range(4):
            body, sums = document(seed=number * 10 + turn)
            status, answer = wide_server.infer(body)
            if status != 200 or not np.allclose(answer["outputs"][0]["data"], sums, rtol=1e-4, atol=1e-3):
                wrong.append(answer)

    threads = [threading.Thread(target=client, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert 1 <= len(wide_server.decoders()) <= 2


def test_memory_that_served_one_body_serves_the_next_of_another_size(tmp_path: Path) -> None:
    """One client, so memory is handed on from request to request; a shorter body must not see the longer one's end."""
    with running(serving(models.wide(tmp_path / "wide.onnx", SIZE), decoders=1)) as server:
        for seed, rows in enumerate([3, 2, 1, 2, 3, 1, 1]):
            body, sums = document(rows=rows, seed=seed)
            status, answer = server.infer(body)
            assert status == 200
            np.testing.assert_allclose(answer["outputs"][0]["data"], sums, rtol=1e-4, atol=1e-3)
            assert server.infer(body[:-2])[0] == 400


def test_a_decoder_that_crashes_fails_its_request_only_and_is_replaced(tmp_path: Path) -> None:
    with running(serving(models.wide(tmp_path / "wide.onnx", SIZE), decoders=1)) as server:
        body, _ = document()
        assert server.infer(body)[0] == 200
        (decoder,) = server.decoders()
        os.kill(decoder, signal.SIGSTOP)
        answers: list[Any] = []
        thread = threading.Thread(target=lambda: answers.append(server.infer(body)))
        thread.start()
        wait_until(lambda: server.metric('onnx_requests_in_flight{model="wide"}') == 1)
        os.kill(decoder, signal.SIGKILL)
        thread.join()
        assert answers == [(500, {"error": "the body could not be decoded: its decoder ended"})]
        assert server.infer(body)[0] == 200
        wait_until(lambda: gone(decoder))
        assert [pid for pid in server.decoders() if not gone(pid)] != [decoder]


def bodies(server: Running) -> int:
    """How many large bodies the server holds in memory."""
    found = set()
    for link in Path(f"/proc/{server.process.pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            if "memfd:body" in str(link.readlink()):
                found.add(link.stat().st_ino)
    return len(found)


@pytest.mark.parametrize("leave", [True, False])
def test_bodies_that_wait_for_a_decoder_go_with_their_clients_or_their_time(tmp_path: Path, leave: bool) -> None:
    path = serving(models.wide(tmp_path / "wide.onnx", SIZE), decoders=1, limits={"requestSeconds": 20 if leave else 1})
    with running(path) as server, contextlib.ExitStack() as stack:
        body, _ = document()
        assert server.infer(body)[0] == 200
        (decoder,) = server.decoders()
        os.kill(decoder, signal.SIGSTOP)
        stack.callback(os.kill, decoder, signal.SIGCONT)
        head = f"POST {server.infer_path} HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        clients = [server.connect() for _ in range(6)]
        for client in clients:
            stack.callback(client.close)
            client.sendall(head + body)
        wait_until(lambda: bodies(server) == 6)
        for client in clients:
            if leave:
                client.close()
            else:
                assert client.recv(100).startswith(b"HTTP/1.1 504")
        wait_until(lambda: bodies(server) == 1)  # The one that the stopped decoder has.
        os.kill(decoder, signal.SIGCONT)
        assert server.infer(body)[0] == 200


def test_the_memory_kept_for_the_next_bodies_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    signature = Signature("m", "1", (), ())
    pool = decoders.Pool(signature, 1, 16, asyncio.new_event_loop())
    monkeypatch.setattr(decoders, "SPARE_BYTES", 1_000_000)
    lent = [pool.room(300_000) for _ in range(5)]
    before = {shared.descriptor for shared in lent}
    for body in [shared.body for shared in lent]:
        body[:] = b"1" * 300_000
    while lent:
        pool.give_back(lent.pop())
    assert len([descriptor for descriptor in before if open_file(descriptor)]) == 3
    large = pool.room(1_500_000)
    large.body[:] = b"1" * 1_500_000
    descriptor = large.descriptor
    pool.give_back(large)
    del large
    assert not open_file(descriptor)


def open_file(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def test_no_decoder_outlives_a_server_that_is_killed(tmp_path: Path) -> None:
    server = Running(serving(models.wide(tmp_path / "wide.onnx", SIZE), decoders=2))
    assert server.infer(document()[0])[0] == 200
    children = server.decoders()
    assert len(children) == 1
    server.process.kill()
    server.end()
    wait_until(lambda: all(gone(pid) for pid in children))


def test_with_no_decoders_the_server_decodes_itself(tmp_path: Path) -> None:
    with running(serving(models.wide(tmp_path / "wide.onnx", SIZE), decoders=0)) as server:
        body, sums = document()
        status, answer = server.infer(body)
        assert status == 200
        assert answer["outputs"][0]["data"] == pytest.approx(sums.tolist(), rel=1e-4, abs=1e-3)
        assert server.decoders() == []


def test_large_strings_travel_through_the_decoder(tmp_path: Path) -> None:
    with running(serving(models.echo(tmp_path / "text.onnx", ["BYTES"]))) as server:
        texts = [f"é: {number}\u0000" * 40 for number in range(400)]
        status, answer = server.infer({"inputs": [tensor("in_BYTES", [200, 2], texts, "BYTES")]})
        assert (status, answer["outputs"][0]["data"]) == (200, texts)
        assert len(server.decoders()) == 1


def test_what_fails_inside_a_decoder_is_logged_without_values(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def fail(_: str, body: bytes, *others: object) -> None:  # noqa: ARG001
        raise ValueError(body)

    monkeypatch.setattr(decoder.forms, "decode", fail)
    shared = decoders.Shared(6)
    shared.body[:] = b"secret"
    order = {"length": 6, "depth": 16, "form": "json"}
    answer = decoder.answer(order, os.dup(shared.descriptor), Signature("m", "1", (), ()))
    assert answer == {"status": 500, "error": "the body could not be decoded"}
    line = json.loads(capfd.readouterr().err)
    assert (line["level"], line["message"], line["error"]) == ("error", "a decoder failed", "ValueError")


def test_the_time_of_decoders_counts_as_the_servers(wide_server: Running) -> None:
    body, _ = document(rows=4)
    before = wide_server.metric("process_cpu_seconds_total")
    for _ in range(10):
        assert wide_server.infer(body)[0] == 200
    after = wide_server.metric("process_cpu_seconds_total")
    assert before is not None
    assert after is not None
    assert after > before
