"""What a model shows at its start: canaries in the precise mode where sums saturate, the self-test, speed over fp32."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from server import machine
from server.proof import LOW_SATURATION_DB
from server.tests import models
from server.tests.process import CONTAINER, Running, running, serving
from server.tests.test_canaries import report

X86 = os.uname().machine == "x86_64"


def canaries(folder: Path, x: np.ndarray, y: np.ndarray) -> None:
    arrays: dict[str, Any] = {"input:x": x, "expected:y": y}
    np.savez(folder / "canaries.npz", **arrays)


def quantized(folder: Path, reduce_range: bool, min_sqnr_db: float, **changes: Any) -> Path:
    """serving.json of an 8-bit model whose canaries are fp32's answers."""
    model, x, y = models.quantized(folder / "quantized.onnx", reduce_range)
    canaries(folder, x, y)
    return serving(model, canaries="canaries.npz", report=report(model, min_sqnr_db), **changes)


def logged(errors: str, message: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in errors.splitlines() if line.startswith("{")]
    return [line for line in lines if message in line["message"]]


def test_weights_of_7_bits_saturate_nowhere(tmp_path: Path) -> None:
    with running(quantized(tmp_path, True, 40)) as server:
        saturation = server.metric('onnx_saturation_sqnr_decibels{model="quantized"}')
        assert server.ready["canarySqnrDb"] > 60
        _, errors = server.stop()
    assert (saturation or 0) > 60 if X86 else saturation is None
    assert logged(errors, "saturate") == []


def test_weights_of_8_bits_are_served_precisely_where_their_sums_saturate(tmp_path: Path) -> None:
    with running(quantized(tmp_path, False, 40)) as server:
        assert server.ready["canarySqnrDb"] > 60
        _, errors = server.stop()
    tried = logged(errors, "trying session.x64quantprecision")
    assert len(tried) == int(not machine.has_vnni())


def test_saturation_that_canaries_let_pass_is_shown_and_warned_of(tmp_path: Path) -> None:
    with running(quantized(tmp_path, False, 10)) as server:
        saturation = server.metric('onnx_saturation_sqnr_decibels{model="quantized"}')
        _, errors = server.stop()
    warned = logged(errors, "8-bit sums saturate on this CPU")
    if machine.has_vnni():
        assert warned == []
        assert (saturation or 0) > LOW_SATURATION_DB if X86 else saturation is None
    else:
        assert saturation is not None
        assert saturation == pytest.approx(17.7, abs=0.5)
        assert warned[0]["saturation_sqnr_db"] == round(saturation, 1)


def test_an_fp32_model_has_no_self_test(tmp_path: Path) -> None:
    path = quantized(tmp_path, True, 40)
    report(tmp_path / "quantized.onnx", 40, precision="fp32")
    with running(path) as server:
        assert server.metric('onnx_saturation_sqnr_decibels{model="quantized"}') is None


def timed(tmp_path: Path, products: int, reference: int, speed_judged: bool) -> Running:
    """A model of some matrix products, with fp32's file of others."""
    model = models.slow(tmp_path / "slow.onnx", products, size=128)
    models.slow(tmp_path / "reference.onnx", reference, size=128)
    x = np.ones((4, 1), np.float32)
    canaries(tmp_path, x, x)
    path = serving(
        model,
        canaries="canaries.npz",
        report=report(model, 40, speed_judged=speed_judged),
        reference="reference.onnx",
    )
    return Running(path)


def test_speed_that_the_build_could_not_judge_is_measured_at_the_start(tmp_path: Path) -> None:
    server = timed(tmp_path, 10, 60, speed_judged=False)
    ratio = server.metric('onnx_model_speedup_ratio{model="slow",measured="start"}')
    assert server.metric('onnx_model_speedup_ratio{model="slow",measured="build"}') is None
    _, errors = server.stop()
    assert ratio is not None
    assert ratio > 1.5
    (line,) = logged(errors, "speed over fp32")
    assert (line["level"], line["speedup"]) == ("info", round(ratio, 2))


def test_a_model_that_is_slower_here_is_warned_of(tmp_path: Path) -> None:
    server = timed(tmp_path, 60, 10, speed_judged=False)
    _, errors = server.stop()
    assert logged(errors, "speed over fp32")[0]["level"] == "warning"


def test_speed_that_was_judged_is_the_reports(tmp_path: Path) -> None:
    server = timed(tmp_path, 10, 60, speed_judged=True)
    assert server.metric('onnx_model_speedup_ratio{model="slow",measured="build"}') == 2.5
    assert server.metric('onnx_model_speedup_ratio{model="slow",measured="start"}') is None
    assert server.stop()[0] == 0


def test_a_reference_that_is_not_there_or_broken_keeps_nothing_from_starting(tmp_path: Path) -> None:
    server = timed(tmp_path, 10, 60, speed_judged=False)
    server.stop()
    for content in (None, b"broken"):
        (tmp_path / "reference.onnx").unlink(missing_ok=True)
        if content is not None:
            (tmp_path / "reference.onnx").write_bytes(content)
        with running(tmp_path / "slow.serving.json") as again:
            text = again.request("GET", "/metrics")[2].decode()
            assert "onnx_model_speedup_ratio" not in text
            _, errors = again.stop()
        assert len(logged(errors, "speed over fp32 was not measured")) == int(content is not None)


def checked(path: Path, *before: str) -> tuple[int, dict[str, Any], str]:
    """`python -m server --check`: exit code, its line, standard error."""
    environment = {**os.environ, "PYTHONPATH": str(CONTAINER)}
    result = subprocess.run(
        [*before, sys.executable, "-m", "server", "--serving", str(path), "--check"],
        env=environment,
        capture_output=True,
        check=False,
        timeout=250,
    )
    facts = json.loads(result.stdout)["check"] if result.stdout else {}
    return result.returncode, facts, result.stderr.decode()


def test_check_proves_a_model_without_serving_it(tmp_path: Path) -> None:
    code, facts, _ = checked(quantized(tmp_path, True, 40))
    assert code == 0
    assert facts["canarySqnrDb"] > 60
    assert facts["inputs"] == [{"name": "x", "datatype": "FP32", "shape": [-1, 64]}]
    assert (facts["model"], facts["precision"], facts["provider"], facts["precise"]) == (
        "quantized",
        "int8",
        "cpu",
        False,
    )
    code, facts, errors = checked(quantized(tmp_path, True, 100))
    assert (code, facts) == (3, {})
    assert "The canaries of quantized fail, so it is not served" in errors
