"""Versions of what decides the bytes of an optimized model, for the report, the lock and the cache."""

import platform
from collections.abc import Mapping
from functools import cache

import numpy
import onnx
import onnxruntime


@cache
def tool_versions() -> Mapping[str, str]:
    """By name; a lock asks for all of them but python."""
    return {
        "python": platform.python_version(),
        "onnxruntime": onnxruntime.__version__,
        "onnx": onnx.__version__,
        "numpy": numpy.__version__,
    }
