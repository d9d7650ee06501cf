"""serving.json and the port: one sentence for everything that cannot be meant."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from server import config
from server.errors import StartError
from server.tests import models
from server.tests.process import serving


def changed(tmp_path: Path, change: Any) -> Path:
    path = serving(models.linear(tmp_path / "linear.onnx"))
    document = orjson.loads(path.read_bytes())
    change(document)
    path.write_bytes(orjson.dumps(document))
    return path


def test_paths_are_relative_to_the_folder_of_the_file(tmp_path: Path) -> None:
    loaded = config.load(serving(models.linear(tmp_path / "linear.onnx"), limits={"queue": 7}))
    assert (loaded.model, loaded.name, loaded.limits.queue) == (tmp_path / "linear.onnx", "linear", 7)


def test_an_absolute_path_is_kept(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    model = models.linear(other / "m.onnx")
    path = changed(tmp_path, lambda document: document["model"].update(file=str(model)))
    assert config.load(path).model == model


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.pop("limits"), "must contain .*limits"),
        (lambda d: d.update(extra=1), "must not contain .*extra"),
        (lambda d: d["model"].update(name="a/b"), "name must match pattern .*but it is 'a/b'"),
        (lambda d: d["limits"].update(queue=0), "queue must be bigger than or equal to 1, but it is '0'"),
        (lambda d: d["limits"].update(queue="9"), "queue must be integer, but it is '9'"),
        (lambda d: d["model"].update(canaries="c.npz"), "model.canaries is given without model.report"),
        (lambda d: d["model"].update(report="r.json"), "r.json cannot be read: No such file or directory"),
    ],
)
def test_what_is_wrong_in_it_is_said(tmp_path: Path, change: Any, message: str) -> None:
    with pytest.raises(StartError, match=message) as caught:
        config.load(changed(tmp_path, change))
    assert caught.value.code == 2
    assert "\n" not in str(caught.value)


def test_every_file_that_is_missing_is_told(tmp_path: Path) -> None:
    hooks = {"file": "gone.py", "seconds": 1}
    path = changed(tmp_path, lambda d: (d["model"].update(file="gone.onnx"), d.update(hooks=hooks)))
    assert config.missing_files(config.load(path)) == [
        f"serving.json has model.file 'gone.onnx', and {tmp_path / 'gone.onnx'} is not a file.",
        f"serving.json has hooks.file 'gone.py', and {tmp_path / 'gone.py'} is not a file.",
    ]


def test_a_file_that_is_missing_or_no_json(tmp_path: Path) -> None:
    with pytest.raises(StartError, match="cannot be read: No such file or directory"):
        config.load(tmp_path / "none.json")
    (tmp_path / "bad.json").write_text("{")
    with pytest.raises(StartError, match="is not JSON"):
        config.load(tmp_path / "bad.json")


@pytest.mark.parametrize(
    ("given", "environment", "port"),
    [
        (None, {}, 8080),
        (None, {"PORT": "9000"}, 9000),
        (None, {"PORT": "9000", "AIP_HTTP_PORT": "9001"}, 9001),
        (None, {"PORT": "9000", "AIP_HTTP_PORT": "9001", "SAGEMAKER_BIND_TO_PORT": "9002"}, 9002),
        (None, {"PORT": ""}, 8080),
        (0, {"PORT": "9000"}, 0),
        (7000, {}, 7000),
    ],
)
def test_the_port_is_the_first_that_is_given(given: int | None, environment: dict[str, str], port: int) -> None:
    assert config.port(given, environment) == port


@pytest.mark.parametrize("text", ["abc", "-1", "65536", "80.0", " 80", "٨٠"])
def test_a_port_that_is_none_is_refused_by_name(text: str) -> None:
    with pytest.raises(StartError, match=r"^AIP_HTTP_PORT is '.*'; a port is a whole number from 0 to 65535"):
        config.port(None, {"AIP_HTTP_PORT": text})
