"""Plays each platform from outside the process: its way to start, its environment, its routes, its way to stop."""

from __future__ import annotations

import http.client
import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
import tritonclient.http as triton

from server.tests import models
from server.tests.process import CONTAINER, Running, serving, tensor, wait_until
from server.tests.storage import storage

X = np.array([[1, 2, 3, 4], [5, 6, 7, 8]], np.float32)
Y = X @ models.WEIGHT + models.BIAS
OIP = {"inputs": [tensor("x", [2, 4], X.reshape(-1).tolist())]}
ROWS = {"instances": X.tolist()}
PREDICTIONS = {"predictions": Y.tolist()}


def model_in(folder: Path) -> Path:
    """A folder as slipway optimize leaves it."""
    folder.mkdir(parents=True, exist_ok=True)
    serving(models.linear(folder / "linear.onnx")).rename(folder / "serving.json")
    return folder


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Container(Running):
    """The process as a container's entry point: with the platform's environment alone, and without HOME."""

    def __init__(
        self,
        *arguments: str,
        restrict: Callable[[], None] | None = None,
        environment: dict[str, str] | None = None,
        **variables: str,
    ) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "server", *arguments],
            env={"PYTHONPATH": str(CONTAINER), "PATH": os.environ["PATH"], **variables, **(environment or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd="/",
            preexec_fn=restrict,
        )
        self._output = b""
        self.listening = self.line()["listening"]
        self.port = self.listening["port"]

    def wait_ready(self) -> None:
        self.ready = self.line()["ready"]
        self.model = self.ready["model"]

    def post(self, path: str, body: Any, **headers: str) -> tuple[int, dict[str, str], bytes]:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.request("POST", path, body if isinstance(body, bytes) else orjson.dumps(body), sent)


def ended(server: Container, seconds: float) -> None:
    """SIGTERM ends it with 0 in time, whatever is open."""
    start = time.monotonic()
    code, errors = server.stop()
    assert code == 0, errors
    assert "Traceback" not in errors
    assert time.monotonic() - start < seconds
    server.process.stdout.close()  # type: ignore[union-attr]


@pytest.fixture(scope="module")
def sagemaker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Container]:
    """`docker run IMAGE serve`. A test may not write to /opt/ml/model: another folder is named."""
    folder = model_in(tmp_path_factory.mktemp("sagemaker"))
    server = Container("serve", SLIPWAY_MODEL_DIR=str(folder), SAGEMAKER_BIND_TO_PORT=str(free_port()))
    server.wait_ready()
    yield server
    ended(server, 10)


def test_sagemaker_listens_everywhere_and_answers_ping(sagemaker: Container) -> None:
    assert sagemaker.listening["host"] == "0.0.0.0"
    start = time.monotonic()
    assert sagemaker.request("GET", "/ping")[0] == 200
    assert time.monotonic() - start < 2
    status, headers, _ = sagemaker.request("GET", "/metrics")
    assert (status, headers["content-type"].split(";")[0]) == (200, "text/plain")


def test_sagemaker_invocations_take_every_content_type(sagemaker: Container) -> None:
    status, _, body = sagemaker.post("/invocations", OIP, Content_Type="application/json")
    assert (status, json.loads(body)["outputs"][0]["data"]) == (200, Y.reshape(-1).tolist())
    status, _, body = sagemaker.post("/invocations", ROWS, Content_Type="application/json")
    assert (status, json.loads(body)) == (200, PREDICTIONS)
    status, headers, body = sagemaker.post("/invocations", b"1,2,3,4\n5,6,7,8\n", Content_Type="text/csv")
    assert (status, headers["content-type"]) == (200, "text/csv")
    np.testing.assert_array_equal(np.loadtxt(body.decode().splitlines(), delimiter=","), Y)
    status, _, body = sagemaker.post(
        "/invocations", b"1,2,3,4\n5,6,7,8\n", Content_Type="text/csv", Accept="application/json"
    )
    assert (status, json.loads(body)) == (200, PREDICTIONS)
    status, headers, body = sagemaker.post("/invocations", X.tobytes(), Content_Type="application/octet-stream")
    assert status == 200
    assert body[int(headers["inference-header-content-length"]) :] == Y.tobytes()
    status, _, body = sagemaker.post("/invocations", ROWS, Accept="image/png")
    assert (status, list(json.loads(body))) == (406, ["error"])


def test_sagemaker_binary_tensors_whose_length_the_content_type_says(sagemaker: Container) -> None:
    head = orjson.dumps(
        {
            "inputs": [{"name": "x", "shape": [2, 4], "datatype": "FP32", "parameters": {"binary_data_size": 32}}],
            "parameters": {"binary_data_output": True},
        }
    )
    kind = "application/vnd.sagemaker-triton.binary+json;json-header-size="
    status, headers, body = sagemaker.post("/invocations", head + X.tobytes(), Content_Type=f"{kind}{len(head)}")
    assert status == 200
    assert headers["content-type"].startswith(kind)
    assert body[int(headers["content-type"].removeprefix(kind)) :] == Y.tobytes()


def test_sagemaker_custom_attributes_come_back_and_lead_to_other_routes(sagemaker: Container) -> None:
    attributes = "trace=7, note=a b"
    for body in (ROWS, {"wrong": 1}):
        _, headers, _ = sagemaker.post("/invocations", body, X_Amzn_SageMaker_Custom_Attributes=attributes)
        assert headers["x-amzn-sagemaker-custom-attributes"] == attributes
    status, headers, body = sagemaker.post(
        "/invocations", OIP, X_Amzn_SageMaker_Custom_Attributes="trace=7,route=/v2/models/linear/infer"
    )
    assert (status, json.loads(body)["model_name"]) == (200, "linear")
    status, _, body = sagemaker.post("/invocations", b"", X_Amzn_SageMaker_Custom_Attributes="route=/v2/models/linear")
    assert (status, json.loads(body)["inputs"][0]["name"]) == (200, "x")
    status, _, body = sagemaker.post("/invocations", b"", X_Amzn_SageMaker_Custom_Attributes="route=/nothing")
    assert (status, list(json.loads(body))) == (404, ["error"])
    # To that path as any other: it takes the Open Inference Protocol alone.
    status, _, body = sagemaker.post(
        "/invocations", ROWS, X_Amzn_SageMaker_Custom_Attributes="route=/v2/models/linear/infer"
    )
    assert (status, json.loads(body)["error"]) == (400, "'inputs' is missing; a list of tensors is wanted")


def test_what_cannot_be_echoed_safely_is_not(sagemaker: Container) -> None:
    for attributes in ("a" * 1025, "tab\tin it", "caf\xe9"):
        status, headers, _ = sagemaker.post("/invocations", ROWS, X_Amzn_SageMaker_Custom_Attributes=attributes)
        assert status == 200
        assert "x-amzn-sagemaker-custom-attributes" not in headers


def test_sigterm_while_a_request_runs_finishes_it(tmp_path: Path) -> None:
    folder = tmp_path / "m"
    folder.mkdir()
    serving(models.slow(folder / "slow.onnx", 60), maxBatch=1).rename(folder / "serving.json")
    server = Container("serve", SLIPWAY_MODEL_DIR=str(folder), PORT=str(free_port()))
    server.wait_ready()
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.request("POST", "/invocations", orjson.dumps({"instances": [[2]]}))
    wait_until(lambda: server.metric('onnx_requests_in_flight{model="slow"}') == 1)
    server.process.send_signal(signal.SIGTERM)
    answer = connection.getresponse()
    assert (answer.status, json.loads(answer.read())) == (200, {"predictions": [[2.0]]})
    code, errors = server.end()
    assert code == 0, errors


def test_vertex_routes_are_those_of_its_environment(tmp_path: Path) -> None:
    server = Container(
        SLIPWAY_MODEL_DIR=str(model_in(tmp_path / "m")),
        AIP_HTTP_PORT=str(free_port()),
        AIP_HEALTH_ROUTE="/healthz",
        AIP_PREDICT_ROUTE="/",
        AIP_STORAGE_URI="",
        AIP_MODE="PREDICTION",
    )
    server.wait_ready()
    assert server.request("GET", "/healthz")[0] == 200
    status, _, body = server.post("/", {**ROWS, "parameters": {"threshold": 0.5}})
    assert (status, json.loads(body)) == (200, PREDICTIONS)
    assert server.request("GET", "/")[0] == 200  # It goes on saying what is served.
    # rawPredict: whatever bytes, with their content type.
    status, headers, body = server.post("/", X.tobytes(), Content_Type="application/octet-stream")
    assert body[int(headers["inference-header-content-length"]) :] == Y.tobytes()
    status, _, body = server.post("/", OIP, X_Vertex_Ai_Triton_Redirect="v2/models/linear/infer")
    assert (status, json.loads(body)["model_name"]) == (200, "linear")
    status, _, body = server.post("/", {"instances": [[1, 2, 3]]})
    assert (status, json.loads(body)["error"]) == (
        400,
        "instance 0: 'x' has shape [3]; the model takes a row of shape [4]",
    )
    assert server.metric('http_server_request_duration_seconds_count{http_request_method="POST",http_route="/",http_response_status_code="200"}') == 2  # fmt: skip  # noqa: E501
    ended(server, 10)


def test_vertex_default_routes_and_a_model_from_its_bucket(tmp_path: Path) -> None:
    """Nothing is mounted: the folder comes from Cloud Storage, with the identity that the metadata server gives."""
    folder = model_in(tmp_path / "m")
    with storage() as bucket:
        bucket.wants_token = True
        bucket.objects = {f"models/linear/{path.name}": path.read_bytes() for path in folder.iterdir()}
        bucket.faults = [503]
        scratch = tmp_path / "scratch"
        scratch.mkdir()
        server = Container(
            AIP_HTTP_PORT=str(free_port()),
            AIP_STORAGE_URI="gs://models/models/linear",
            AIP_ENDPOINT_ID="17",
            AIP_DEPLOYED_MODEL_ID="23",
            TMPDIR=str(scratch),
            environment=bucket.environment(),
        )
        server.wait_ready()
        base = "/v1/endpoints/17/deployedModels/23"
        assert server.request("GET", base)[0] == 200
        status, _, body = server.post(f"{base}:predict", ROWS)
        assert (status, json.loads(body)) == (200, PREDICTIONS)
        ended(server, 10)


def test_azure_ml_finds_its_folder_and_gets_its_ids_back(tmp_path: Path) -> None:
    model_in(tmp_path / "azureml" / "linear")
    server = Container(AZUREML_MODEL_DIR=str(tmp_path / "azureml"), PORT=str(free_port()))
    assert server.request("GET", "/v2/health/live")[0] == 200
    server.wait_ready()
    assert server.request("GET", "/v2/health/ready")[0] == 200
    ids = {"x-request-id": "a1", "x-ms-request-id": "b2", "x-ms-client-request-id": "c3"}
    for body, expected in ((ROWS, 200), ({}, 400)):
        for _ in range(2):  # The second is a repeat of a head that is known.
            status, headers, _ = server.request("POST", "/invocations", orjson.dumps(body), ids)
            assert (status, {name: headers[name] for name in ids}) == (expected, ids)
    _, headers, _ = server.post("/invocations", ROWS)
    assert not ids.keys() & headers.keys()
    ended(server, 10)


def test_cloud_run_and_container_apps_say_a_port(tmp_path: Path) -> None:
    port = free_port()
    server = Container(SLIPWAY_MODEL_DIR=str(model_in(tmp_path / "m")), PORT=str(port), K_SERVICE="linear")
    assert server.listening == {"host": "0.0.0.0", "port": port}
    server.wait_ready()
    status, _, body = server.post("/v2/models/linear/infer", OIP)
    assert (status, json.loads(body)["outputs"][0]["shape"]) == (200, [2, 3])
    ended(server, 10)


def test_open_inference_protocol_with_its_own_client(tmp_path: Path) -> None:
    server = Container(SLIPWAY_MODEL_DIR=str(model_in(tmp_path / "m")), PORT=str(free_port()))
    server.wait_ready()
    client = triton.InferenceServerClient(f"127.0.0.1:{server.port}")
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("linear", "1")
    assert client.get_server_metadata()["extensions"] == ["binary_tensor_data"]
    assert client.get_model_metadata("linear")["inputs"] == [{"name": "x", "datatype": "FP32", "shape": [-1, 4]}]
    for binary in (True, False):
        sent = triton.InferInput("x", [2, 4], "FP32")
        sent.set_data_from_numpy(X, binary_data=binary)
        wanted = triton.InferRequestedOutput("y", binary_data=binary)
        answer = client.infer("linear", [sent], outputs=[wanted], request_id="9")
        np.testing.assert_array_equal(answer.as_numpy("y"), Y)
        assert answer.get_response()["id"] == "9"
    client.close()
    ended(server, 10)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user may go into."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def test_any_user_without_a_home_and_without_a_folder_to_write(open_folder: Path) -> None:
    """Every write to a file fails, as on a read-only file system; where Python itself lets it, as an unknown user."""
    folder = model_in(open_folder / "m")
    for part in ("server", "watch"):
        shutil.copytree(CONTAINER / part, open_folder / "code" / part, ignore=shutil.ignore_patterns("tests"))
    shutil.copytree(CONTAINER / "schema", open_folder / "code/schema")
    for path in open_folder.rglob("*"):
        path.chmod(0o755)
    another = os.getuid() == 0 and _open_to_others(Path(sys.executable))

    def restrict() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
        if another:
            os.setgid(0)
            os.setuid(12345)

    server = Container(
        "serve",
        restrict=restrict,
        PYTHONPATH=str(open_folder / "code"),
        SLIPWAY_MODEL_DIR=str(folder),
        PORT=str(free_port()),
        TMPDIR="/proc",
    )
    server.wait_ready()
    status, _, body = server.post("/invocations", ROWS)
    assert (status, json.loads(body)) == (200, PREDICTIONS)
    ended(server, 10)


def _open_to_others(path: Path) -> bool:
    """Whether an unknown user may go to `path`: an environment in root's home is closed to them."""
    places = {path, *path.parents, path.resolve(), *path.resolve().parents}
    return all(place.stat().st_mode & 0o005 == 0o005 for place in places)
