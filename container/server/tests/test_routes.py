"""Every route as a user calls it, and the bad requests of a clumsy one."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException, np_to_triton_dtype

from server.tests import models
from server.tests.process import Running, read_answer, running, serving, tensor, wait_until

GOOD = {"inputs": [tensor("x", [2, 4], [1, 2, 3, 4, 5, 6, 7, 8])]}
ROWS = np.array([[1, 2, 3, 4], [5, 6, 7, 8]], np.float32)
ANSWER = (ROWS @ models.WEIGHT + models.BIAS).reshape(-1)


@pytest.mark.parametrize(
    "path",
    [
        "/v2/models/linear/infer",
        "/v2/models/linear/versions/1/infer",
        "/invocations",
        "/v2/models/%6cinear/infer",
        "/v2/models/linear/infer?trace=1",
    ],
)
def test_inference_gives_the_models_answer(linear_server: Running, path: str) -> None:
    status, answer = linear_server.infer(GOOD, path)
    assert status == 200
    assert answer == {
        "model_name": "linear",
        "model_version": "1",
        "outputs": [{"name": "y", "datatype": "FP32", "shape": [2, 3], "data": ANSWER.tolist()}],
    }


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/ping", {"ready": True}),
        ("/v2/health/live", {"live": True}),
        ("/health/live", {"live": True}),
        ("/health", {"ready": True}),
        ("/health/ready", {"ready": True}),
        ("/v2/health/ready", {"ready": True}),
        ("/v2/models/linear/ready", {"ready": True}),
        ("/v2/models/linear/versions/1/ready", {"ready": True}),
        ("/v2", {"name": "slipway", "version": "0.1.0", "extensions": ["binary_tensor_data"]}),
        (
            "/v2/models/linear",
            {
                "name": "linear",
                "versions": ["1"],
                "platform": "onnxruntime_onnx",
                "inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, 4]}],
                "outputs": [{"name": "y", "datatype": "FP32", "shape": [-1, 3]}],
            },
        ),
        (
            "/",
            {
                "name": "slipway",
                "version": "0.1.0",
                "links": {
                    "infer": "/v2/models/linear/infer",
                    "model": "/v2/models/linear",
                    "ready": "/v2/health/ready",
                    "metrics": "/metrics",
                },
            },
        ),
    ],
)
def test_get_and_head(linear_server: Running, path: str, body: Any) -> None:
    status, headers, answer = linear_server.request("GET", path)
    assert (status, headers["content-type"], json.loads(answer)) == (200, "application/json", body)
    status, head, nothing = linear_server.request("HEAD", path)
    assert (status, nothing, head["content-length"]) == (200, b"", headers["content-length"])


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "/ping", "GET, HEAD"),
        ("DELETE", "/v2/models/linear", "GET, HEAD"),
        ("GET", "/v2/models/linear/infer", "POST"),
        ("HEAD", "/invocations", "POST"),
        ("OPTIONS", "/invocations", "POST"),
        ("PUT", "/metrics", "GET, HEAD"),
    ],
)
def test_a_method_that_is_not_allowed(linear_server: Running, method: str, path: str, allowed: str) -> None:
    status, headers, _ = linear_server.request(method, path)
    assert (status, headers["allow"]) == (405, allowed)


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("/v2/models/other/infer", "unknown model 'other'; this server has 'linear'"),
        ("/v2/models/linear/versions/7/infer", "unknown version '7' of 'linear'; this server has '1'"),
        ("/v2/models/a%00b", "unknown model 'a\\x00b'; this server has 'linear'"),
        ("/v2/models/..%2f..%2fetc/infer", "unknown model '..'; this server has 'linear'"),
        ("/nothing", "nothing is served here; GET / lists what is"),
    ],
)
def test_a_path_that_leads_nowhere(linear_server: Running, path: str, error: str) -> None:
    for method in ("GET", "POST"):
        status, _, body = linear_server.request(method, path)
        assert (status, json.loads(body)) == (404, {"error": error})


def x(**changes: Any) -> bytes:
    return orjson.dumps({"inputs": [{**GOOD["inputs"][0], **changes}]})


@pytest.mark.parametrize(
    ("body", "headers", "error"),
    [
        (x(name="nope"), {}, "unknown input 'nope'; the model takes 'x'"),
        (x(datatype="FP64"), {}, "has datatype 'FP64'; the model takes FP32"),
        (x(datatype="INT64"), {}, "has datatype 'INT64'; the model takes FP32"),
        (x(shape=[2, 5]), {}, "has shape [2, 5]; the model takes [-1, 4]"),
        (x(shape=[2**32, 2**32]), {}, "has shape [4294967296, 4294967296]; the model takes"),
        (x(data=[[1, 2, 3, 4], [5, 6, 7]]), {}, "ragged"),
        (orjson.dumps(GOOD).replace(b"8]", b"NaN]"), {}, "not JSON"),
        (orjson.dumps(GOOD)[:-20], {}, "not JSON"),
        (b"", {}, "not JSON"),
        (b'{"rows": [[1, 2, 3, 4]]}', {}, "the body has neither 'inputs' (Open Inference Protocol) nor 'instances'"),
        (b"{}" + ROWS.tobytes(), {"Inference-Header-Content-Length": "2"}, "'inputs' is missing"),
        (ROWS.tobytes(), {"Inference-Header-Content-Length": "-1"}, "a whole number of bytes is wanted"),
        (ROWS.tobytes(), {"Inference-Header-Content-Length": "99999999999"}, "the whole body has 32"),
        (ROWS.tobytes()[:-1], {"Inference-Header-Content-Length": "0"}, "31 bytes of binary data"),
    ],
)
def test_a_bad_request_gets_400_and_the_next_one_is_served(
    linear_server: Running, body: bytes, headers: dict[str, str], error: str
) -> None:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    with linear_server.connect() as connection, connection.makefile("rb") as stream:
        for sent, extra, expected in ((body, lines, 400), (orjson.dumps(GOOD), "", 200)):
            head = f"POST /invocations HTTP/1.1\r\nHost: a\r\nContent-Length: {len(sent)}\r\n{extra}\r\n"
            connection.sendall(head.encode() + sent)
            status, _, answer = read_answer(stream)
            assert status == expected
            if status == 400:
                assert error in json.loads(answer)["error"]


def test_binary_by_the_content_type_of_sagemaker(linear_server: Running) -> None:
    head = orjson.dumps(
        {
            "inputs": [{"name": "x", "shape": [2, 4], "datatype": "FP32", "parameters": {"binary_data_size": 32}}],
            "parameters": {"binary_data_output": True},
        }
    )
    kind = f"application/vnd.sagemaker-triton.binary+json;json-header-size={len(head)}"
    status, headers, body = linear_server.request("POST", "/invocations", head + ROWS.tobytes(), {"Content-Type": kind})
    size = int(headers["inference-header-content-length"])
    assert status == 200
    assert headers["content-type"] == f"application/vnd.sagemaker-triton.binary+json;json-header-size={size}"
    assert np.frombuffer(body[size:], np.float32).tolist() == ANSWER.tolist()


def test_a_raw_tensor_gets_a_raw_tensor(linear_server: Running) -> None:
    headers = {"Inference-Header-Content-Length": "0", "Content-Type": "application/octet-stream"}
    status, answer, body = linear_server.request("POST", linear_server.infer_path, ROWS.tobytes(), headers)
    size = int(answer["inference-header-content-length"])
    assert (status, answer["content-type"]) == (200, "application/octet-stream")
    assert np.frombuffer(body[size:], np.float32).tolist() == ANSWER.tolist()


SAMPLES: dict[str, np.ndarray] = {
    "BOOL": np.array([[True, False]]),
    "FP16": np.array([[1.5, -2]], np.float16),
    "FP32": np.array([[1.1, -2e30]], np.float32),
    "FP64": np.array([[1.1, -2e300]]),
    "BYTES": np.array([["héllo\x00", ""]], object),
    **{
        kind: np.array([[np.iinfo(kind.lower()).min, np.iinfo(kind.lower()).max]], kind.lower())
        for kind in models.ONNX_TYPES
        if "INT" in kind
    },
}


@pytest.mark.parametrize("binary", [True, False])
def test_triton_s_client_gets_every_datatype_back(echo_server: Running, binary: bool) -> None:
    client = triton.InferenceServerClient(f"127.0.0.1:{echo_server.port}")
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("echo")
    assert client.get_server_metadata()["extensions"] == ["binary_tensor_data"]
    described = {entry["name"]: entry["datatype"] for entry in client.get_model_metadata("echo")["inputs"]}
    assert described == {f"in_{kind}": kind for kind in SAMPLES} | described
    inputs, outputs = [], []
    for kind, array in SAMPLES.items():
        assert np_to_triton_dtype(array.dtype) == kind
        tensor_in = triton.InferInput(f"in_{kind}", list(array.shape), kind)
        tensor_in.set_data_from_numpy(array, binary_data=binary or kind == "FP16")
        inputs.append(tensor_in)
        outputs.append(triton.InferRequestedOutput(f"out_{kind}", binary_data=binary or kind == "FP16"))
    result = client.infer("echo", inputs, outputs=outputs, request_id="r1")
    assert result.get_response()["id"] == "r1"
    for kind, array in SAMPLES.items():
        got = result.as_numpy(f"out_{kind}")
        assert got is not None
        if kind == "BYTES" and binary:
            got = np.array([text.decode() for text in got.reshape(-1)], object).reshape(got.shape)
        np.testing.assert_array_equal(got, array)
        assert got.dtype == array.dtype
    client.close()


def test_triton_s_client_sees_our_errors(echo_server: Running) -> None:
    client = triton.InferenceServerClient(f"127.0.0.1:{echo_server.port}")
    wrong = triton.InferInput("in_FP32", [1, 3], "FP32")
    wrong.set_data_from_numpy(np.zeros((1, 3), np.float32))
    with pytest.raises(InferenceServerException, match="the model takes \\[-1, 2\\]"):
        client.infer("echo", [wrong])
    client.close()


def test_fp16_goes_in_and_out_as_json_numbers_too(tmp_path: Path) -> None:
    with running(serving(models.echo(tmp_path / "half.onnx", ["FP16"]))) as server:
        entry = {"name": "in_FP16", "shape": [1, 2], "datatype": "FP16", "data": [1.5, -2]}
        status, answer = server.infer({"inputs": [entry]})
        assert status == 200
        assert answer["outputs"] == [{**entry, "name": "out_FP16"}]


def test_a_failure_inside_onnx_runtime_is_500_without_internals(tmp_path: Path) -> None:
    with running(serving(models.picky(tmp_path / "picky.onnx"))) as server:
        status, answer = server.infer({"inputs": [tensor("x", [1], [99], "INT64")]})
        assert (status, answer) == (500, {"error": "the model could not be run on this input"})
        assert server.infer({"inputs": [tensor("x", [2], [2, 0], "INT64")]})[1]["outputs"][0]["data"] == [30.0, 10.0]


def test_a_full_queue_gives_503_and_health_still_answers_at_once(tmp_path: Path) -> None:
    model = models.slow(tmp_path / "slow.onnx", 60)
    with running(serving(model, limits={"queue": 3}, maxBatch=1)) as server:
        body = {"inputs": [tensor("x", [1, 1], [2])]}
        answers: list[int] = []
        threads = [threading.Thread(target=lambda: answers.append(server.infer(body)[0])) for _ in range(3)]
        for thread in threads:
            thread.start()
        wait_until(lambda: server.metric('onnx_requests_in_flight{model="slow"}') == 3)
        status, headers, answer = server.request("POST", server.infer_path, orjson.dumps(body))
        assert (status, headers["retry-after"]) == (503, "1")
        assert json.loads(answer)["error"].startswith("3 requests are waiting or running")
        times = []
        while any(thread.is_alive() for thread in threads) and len(times) < 50:
            started = time.perf_counter()
            assert server.request("GET", "/ping")[0] == 200
            times.append(time.perf_counter() - started)
        for thread in threads:
            thread.join()
        assert answers == [200, 200, 200]
        run = server.metric('onnx_request_stage_duration_seconds_sum{model="slow",stage="infer"}')
        assert run is not None
        assert sorted(times)[len(times) // 2] < run / 3 / 5
        assert server.metric('onnx_requests_rejected_total{model="slow",reason="queue_full"}') == 1


def test_what_does_not_fit_into_the_time_gets_504(tmp_path: Path) -> None:
    model = models.slow(tmp_path / "slow.onnx", 300)
    with running(serving(model, workers=1, maxBatch=1, limits={"requestSeconds": 0.4})) as server:
        body = {"inputs": [tensor("x", [1, 1], [2])]}
        answers: list[tuple[int, Any]] = []
        threads = [threading.Thread(target=lambda: answers.append(server.infer(body))) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert answers == [(504, {"error": "not answered within 0.4 s"})] * 2
        assert server.metric('onnx_requests_rejected_total{model="slow",reason="timeout"}') == 1
        assert server.metric('onnx_requests_in_flight{model="slow"}') == 0
        assert server.metric('onnx_batch_size_count{model="slow"}') == 0


@pytest.mark.parametrize("workers", [False, True])
def test_no_log_line_holds_a_value_of_a_request(tmp_path: Path, workers: bool) -> None:
    """ONNX Runtime names the index that is out of bounds: on the event loop (one row) and on a worker (many)."""
    count = 1000 if workers else 1
    with running(serving(models.picky(tmp_path / "picky.onnx"))) as server:
        status, answer = server.infer({"inputs": [tensor("x", [count], [777123] * count, "INT64")]})
        assert (status, answer["error"]) == (500, "the model could not be run on this input")
        errors = server.stop()[1]
    assert "777123" not in errors
    assert "idx" not in errors
    (line,) = [json.loads(line) for line in errors.splitlines() if "request failed" in line]
    node = "Non-zero status code returned while running Gather node. Name:''"
    assert line["error"] == f"InvalidArgument: [ONNXRuntimeError] : 2 : INVALID_ARGUMENT : {node}"
