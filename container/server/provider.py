"""Where a model runs in ONNX Runtime: the providers a session is opened with, and the proof that it got them.

ONNX Runtime goes on with the processor when a GPU's libraries are missing. An endpoint with a GPU must not.
"""

from __future__ import annotations

import ctypes
import os
import tempfile
from pathlib import Path
from typing import Any

import onnxruntime as ort

from server.config import Provider
from server.errors import StartError
from server.log import log

NAMES = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
}
# What TensorRT leaves to others, it leaves to CUDA.
_BEHIND = {"cpu": (), "cuda": ("cpu",), "tensorrt": ("cuda", "cpu")}

Named = tuple[str, dict[str, str]]


def session_providers(provider: Provider) -> list[Named]:
    """ONNX Runtime's names with their options, the wanted one first."""
    first = (NAMES[provider.name], {**_defaults(provider), **provider.options})
    return [first, *[(NAMES[name], {}) for name in _BEHIND[provider.name]]]


def prepare(provider: Provider) -> None:
    """Loads the CUDA libraries of Python packages. Raises StartError where this build has no such provider."""
    if provider.name == "cpu":
        return
    wanted, there = NAMES[provider.name], ort.get_available_providers()
    if wanted not in there:
        raise StartError(
            f"serving.json asks for the provider {provider.name}, and ONNX Runtime {ort.__version__} here has only "
            f"{', '.join(there)}. Use the image made for it (cuda12, cuda13, tensorrt), or serve on the provider cpu."
        )
    preload: Any = getattr(ort, "preload_dlls", None)
    if preload is not None:
        try:
            preload()
        except Exception as error:
            log("warning", "CUDA libraries of Python packages were not loaded", error=str(error)[:300])


def refuse_another(session: ort.InferenceSession, provider: Provider) -> None:
    """Raises StartError where the session runs on something else than what was asked for, and says what is missing."""
    running = session.get_providers()
    if NAMES[provider.name] in running:
        return
    raise StartError(
        f"serving.json asks for the provider {provider.name}, and ONNX Runtime {ort.__version__} would run the model "
        f"on {', '.join(running)} instead: {missing_library(provider.name)}."
    )


def missing_library(name: str, folder: Path | None = None) -> str:
    """Why ONNX Runtime's library for a provider does not load, in the dynamic linker's words."""
    library = (folder or Path(ort.__file__).parent / "capi") / f"libonnxruntime_providers_{name}.so"
    if not library.is_file():
        return f"{library.name} is not part of this ONNX Runtime"
    try:
        ctypes.CDLL(str(library), mode=os.RTLD_LAZY)
    except OSError as error:
        return str(error)
    return "its libraries load, so the GPU or its driver is missing, or too old for them"


def _defaults(provider: Provider) -> dict[str, str]:
    """TensorRT builds engines for minutes: they are kept for the next start, where a folder can be written."""
    if provider.name != "tensorrt" or "trt_engine_cache_path" in provider.options:
        return {}
    folder = _writable(os.environ.get("SLIPWAY_CACHE", ""), tempfile.gettempdir())
    if folder is None:
        return {}
    return {
        "trt_engine_cache_enable": "1",
        "trt_engine_cache_path": folder,
        "trt_timing_cache_enable": "1",
        "trt_timing_cache_path": folder,
    }


def _writable(*parents: str) -> str | None:
    for parent in filter(None, parents):
        folder = Path(parent) / "tensorrt"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                return str(folder)
        except OSError:
            continue
    return None
