"""A provider that is asked for and is not there refuses the start."""

from __future__ import annotations

import subprocess
from pathlib import Path

import onnxruntime as ort
import pytest

from server import provider, session
from server.config import CPU, Provider
from server.errors import StartError
from server.tests import models
from server.tests.process import Running, serving


@pytest.mark.parametrize("name", ["cuda", "tensorrt"])
def test_a_build_without_the_provider_refuses_to_start(tmp_path: Path, name: str) -> None:
    path = serving(models.linear(tmp_path / "linear.onnx"), provider={"name": name, "options": {}})
    server = Running(path, wait=False)
    code, errors = server.end()
    assert code == 2
    assert errors == (
        f"serving.json asks for the provider {name}, and ONNX Runtime {ort.__version__} here has only "
        f"{', '.join(ort.get_available_providers())}. Use the image made for it (cuda12, cuda13, tensorrt), "
        "or serve on the provider cpu.\n"
    )
    assert b"ready" not in server._output


def test_a_session_on_another_provider_than_asked_for_is_refused(tmp_path: Path) -> None:
    """As ONNX Runtime does it when a library of CUDA is missing: the session opens, on the processor."""
    model = session.load(models.linear(tmp_path / "m.onnx"), "m", "1", 1)
    provider.refuse_another(model.session, CPU)
    with pytest.raises(StartError) as caught:
        provider.refuse_another(model.session, Provider("cuda", {}))
    assert str(caught.value) == (
        f"serving.json asks for the provider cuda, and ONNX Runtime {ort.__version__} would run the model on "
        "CPUExecutionProvider instead: libonnxruntime_providers_cuda.so is not part of this ONNX Runtime."
    )


def test_the_missing_library_is_named(tmp_path: Path) -> None:
    """A library that needs another one which is not there, as the CUDA one needs cuBLAS."""
    needed, library = tmp_path / "libcublasLt.so.99", tmp_path / "libonnxruntime_providers_cuda.so"
    empty = tmp_path / "empty.c"
    empty.write_text("int nothing;\n")
    subprocess.run(["cc", "-shared", "-o", needed, empty, f"-Wl,-soname,{needed.name}"], check=True)
    subprocess.run(
        ["cc", "-shared", "-o", library, empty, "-Wl,--no-as-needed", f"-L{tmp_path}", f"-l:{needed.name}"], check=True
    )
    needed.unlink()
    assert provider.missing_library("cuda", tmp_path) == (
        "libcublasLt.so.99: cannot open shared object file: No such file or directory"
    )
    assert "not part of this ONNX Runtime" in provider.missing_library("tensorrt", tmp_path)


def test_the_session_is_asked_for_the_provider_first_with_its_options(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert provider.session_providers(CPU) == [("CPUExecutionProvider", {})]
    assert provider.session_providers(Provider("cuda", {"device_id": "1"})) == [
        ("CUDAExecutionProvider", {"device_id": "1"}),
        ("CPUExecutionProvider", {}),
    ]
    monkeypatch.setenv("SLIPWAY_CACHE", str(tmp_path / "cache"))
    first, second, third = provider.session_providers(Provider("tensorrt", {"trt_fp16_enable": "1"}))
    folder = str(tmp_path / "cache/tensorrt")
    assert first == (
        "TensorrtExecutionProvider",
        {
            "trt_engine_cache_enable": "1",
            "trt_engine_cache_path": folder,
            "trt_timing_cache_enable": "1",
            "trt_timing_cache_path": folder,
            "trt_fp16_enable": "1",
        },
    )
    assert (second[0], third[0]) == ("CUDAExecutionProvider", "CPUExecutionProvider")
    named = provider.session_providers(Provider("tensorrt", {"trt_engine_cache_path": "/cache"}))
    assert named[0][1] == {"trt_engine_cache_path": "/cache"}


def test_no_writable_folder_means_no_engine_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLIPWAY_CACHE", "/proc/nothing")
    monkeypatch.setattr(provider.tempfile, "gettempdir", lambda: "/proc/nothing-too")
    assert provider.session_providers(Provider("tensorrt", {}))[0] == ("TensorrtExecutionProvider", {})
