"""Canaries: what passes, what is refused, and that a server that fails them never becomes ready."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import helper

from server import canaries, session
from server.errors import StartError
from server.tests import models
from server.tests.process import Running, running, serving

X = np.random.default_rng(1).standard_normal((6, 4)).astype(np.float32)
Y = X @ models.WEIGHT + models.BIAS


def report(
    model: Path,
    min_sqnr_db: float,
    speed_judged: bool = True,
    precision: str = "int8",
    drift: dict[str, Any] | None = None,
) -> str:
    """A report.json of `model` with this tolerance, and nothing in it that the server does not need."""
    sha256 = hashlib.sha256(model.read_bytes()).hexdigest()
    latency = {"p50": 1.0, "p95": 1.0}
    document: dict[str, Any] = {
        "schemaVersion": 1,
        "mode": "search",
        "verdict": "int8, 2.0x faster",
        "task": "regression",
        "model": {
            "name": "linear", "family": "classic", "sha256": sha256, "bytes": 1, "opset": 17, "irVersion": 10,
            "nodes": 1, "inputs": [], "outputs": [],
        },
        "data": None,
        "recipe": {},
        "tools": {},
        "host": {
            "architecture": "x86_64", "cpu": "c", "instructionSet": "x86-64-vnni", "processors": 2, "threads": 1,
            "judgesSpeed": speed_judged, "emulated": False,
        },
        "reference": {"bytes": 1, "latencyMs": latency, "accuracy": None, "task": None},
        "candidates": [],
        "winner": {
            "name": "static-u8s8", "precision": precision, "recipe": None, "speedup": 2.5, "speedupInterval": None,
            "agreement": 0.996, "accuracy": None, "sqnrDb": None, "bytes": 1, "sha256": sha256,
            "speedJudged": speed_judged,
        },
        "canaries": {"count": len(X), "minSqnrDb": min_sqnr_db, "synthetic": False},
        "session": {"provider": "cpu", "intraOpThreads": 1, "graphOptimization": "extended", "settings": {}},
        "recheck": None, "sensitivity": [], "ranges": None, "tensors": [], "convergence": [],
        "warnings": [], "notes": [],
    }  # fmt: skip
    if drift is not None:
        document["drift"] = drift
    (model.parent / "report.json").write_bytes(orjson.dumps(document))
    return "report.json"


def folder_with(
    tmp_path: Path, expected: np.ndarray, min_sqnr_db: float = 40, drift: dict[str, Any] | None = None
) -> Path:
    np.savez(tmp_path / "canaries.npz", **{"input:x": X, "expected:y": expected})
    model = models.linear(tmp_path / "linear.onnx")
    return serving(model, canaries="canaries.npz", report=report(model, min_sqnr_db, drift=drift))


def noisy(decibels: float) -> np.ndarray:
    noise = np.random.default_rng(2).standard_normal(Y.shape)
    return (Y + noise * np.sqrt(np.square(Y).sum() / np.square(noise).sum() / 10 ** (decibels / 10))).astype(np.float32)


def test_canaries_that_pass_are_shown_with_their_signal_to_noise(tmp_path: Path) -> None:
    with running(folder_with(tmp_path, noisy(50))) as server:
        assert server.ready["canarySqnrDb"] == pytest.approx(50, abs=0.1)
        assert server.ready["precision"] == "int8"
        assert server.metric('onnx_canary_sqnr_decibels{model="linear"}') == pytest.approx(50, abs=0.1)
        assert server.metric('onnx_model_speedup_ratio{model="linear",measured="build"}') == 2.5
        assert server.metric('onnx_model_agreement_ratio{model="linear"}') == 0.996


def test_a_server_that_fails_its_canaries_ends_with_3_and_was_never_ready(tmp_path: Path) -> None:
    server = Running(folder_with(tmp_path, noisy(30)), wait=False)
    code, errors = server.end()
    assert code == 3
    assert "The canaries of linear fail, so it is not served: output 'y' has 30.0 dB signal to noise" in errors
    assert "at least 40.0 is wanted" in errors
    assert "Traceback" not in errors
    assert b"ready" not in server._output


def test_the_report_is_served_as_it_is_and_missed_clearly(tmp_path: Path, linear_server: Running) -> None:
    with running(folder_with(tmp_path, Y)) as server:
        status, headers, body = server.request("GET", "/report")
        assert (status, body) == (200, (tmp_path / "report.json").read_bytes())
        assert headers["content-type"] == "application/json"
        (tmp_path / "report.json").unlink()
        status, _, body = server.request("GET", "/report")
        assert (status, b"cannot be read any more" in body) == (404, True)
    status, _, body = linear_server.request("GET", "/report")
    assert (status, b"served as it was given" in body) == (404, True)


def test_a_file_that_is_not_the_reports_winner_ends_the_server_with_2(tmp_path: Path) -> None:
    path = folder_with(tmp_path, Y)
    model = tmp_path / "linear.onnx"
    was = hashlib.sha256(model.read_bytes()).hexdigest()
    node = helper.make_node("Gemm", ["x", "w", "b"], ["y"])
    weights = {"w": models.WEIGHT, "b": models.BIAS + np.float32(1e-6)}  # So close that the canaries pass.
    models.save(model, [node], [("x", "FP32", ["N", 4])], [("y", "FP32", ["N", 3])], weights)
    server = Running(path, wait=False)
    code, errors = server.end()
    assert code == 2
    assert "linear.onnx is not the model of its report" in errors
    assert f"the report's winner has {was}" in errors
    assert "Traceback" not in errors
    assert b"ready" not in server._output


@given(st.floats(-60, 120))
def test_signal_to_noise_is_measured_in_decibels(decibels: float) -> None:
    signal = np.sin(np.arange(1000))
    noise = np.cos(np.arange(1000) * 3.7) * np.sqrt(10 ** (-decibels / 10))
    assert canaries.sqnr_db(signal, signal + noise) == pytest.approx(decibels, abs=0.2)


@pytest.mark.parametrize(
    ("expected", "got", "decibels"),
    [
        ([1, 2], [1, 2], 200),
        ([0, 0], [0, 0], 200),
        ([1, np.nan], [1, np.nan], 200),
        ([1, np.inf], [1, -np.inf], -200),
        ([1, 2], [1, np.nan], -200),
        ([1, np.nan], [1, 2], -200),
        ([0, 0], [1, 0], -200),
    ],
)
def test_the_ends_of_the_scale(expected: list[float], got: list[float], decibels: float) -> None:
    assert canaries.sqnr_db(np.array(expected), np.array(got)) == decibels


def echo(tmp_path: Path, kind: str) -> session.Model:
    return session.load(models.echo(tmp_path / "echo.onnx", [kind]), "m", "1", 1)


@pytest.mark.parametrize(("wrong", "passes"), [(0, True), (1, True), (2, False)])
def test_integers_may_differ_in_one_of_a_hundred(tmp_path: Path, wrong: int, passes: bool) -> None:
    model = echo(tmp_path, "INT64")
    rows = [[np.full((1, 2), place)] for place in range(50)]
    expected = np.concatenate([row[0] for row in rows])
    expected.reshape(-1)[:wrong] += 1
    replay = canaries.replay(model, canaries.Canaries(rows, {"out_INT64": expected}), 40)
    assert (replay.problems == [], replay.sqnr_db) == (passes, None)


def test_strings_and_fixed_batches_are_replayed_too(tmp_path: Path) -> None:
    model = session.load(models.echo(tmp_path / "echo.onnx", ["BYTES"], [2, 2]), "m", "1", 1)
    texts = np.array([["a", "b"], ["c", "d"], ["e", "f"], ["g", "h"]])
    arrays: dict[str, Any] = {"input:in_BYTES": texts, "expected:out_BYTES": texts}
    np.savez(tmp_path / "c.npz", **arrays)
    loaded = canaries.load(tmp_path / "c.npz", model)
    assert [row[0].shape for row in loaded.rows] == [(2, 2), (2, 2)]
    assert canaries.replay(model, loaded, 40).problems == []


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"expected:y": Y}, "lacks input:x"),
        ({"input:x": X}, "expects no output; the model gives y"),
        ({"input:x": X, "expected:z": Y}, "expects z; the model gives y"),
        ({"input:x": X.astype(np.float64), "expected:y": Y}, "input:x is float64 of shape"),
        ({"input:x": X[:, :, None, None], "expected:y": Y}, "input:x is float32 of shape"),
        ({"input:x": X[:0], "expected:y": Y[:0]}, "has \\[0\\] samples"),
    ],
)
def test_a_file_that_does_not_fit_the_model_is_refused(tmp_path: Path, arrays: dict[str, Any], message: str) -> None:
    np.savez(tmp_path / "c.npz", **arrays)  # type: ignore[arg-type]
    model = session.load(models.linear(tmp_path / "m.onnx"), "m", "1", 1)
    with pytest.raises(StartError, match=message):
        canaries.load(tmp_path / "c.npz", model)


def test_a_file_with_python_objects_is_refused_not_unpickled(tmp_path: Path) -> None:
    arrays: dict[str, Any] = {"input:x": np.array([{"a": 1}], object), "expected:y": Y}
    np.savez(tmp_path / "c.npz", **arrays)  # type: ignore[arg-type]
    model = session.load(models.linear(tmp_path / "m.onnx"), "m", "1", 1)
    with pytest.raises(StartError, match="cannot be read as canaries"):
        canaries.load(tmp_path / "c.npz", model)
    (tmp_path / "c.npz").write_bytes(b"no zip")
    with pytest.raises(StartError, match="cannot be read as canaries"):
        canaries.load(tmp_path / "c.npz", model)
