"""Start of the export: whether this Python has what the export needs; imports none of it."""

import sys
from collections.abc import Callable, Iterable
from importlib.util import find_spec

ALWAYS = {"torch": "torch", "onnxscript": "onnxscript", "onnx": "onnx", "onnxruntime": "onnxruntime", "numpy": "numpy"}
"""Module that is imported, and the package that brings it."""
TO_PRUNE = {"torch_pruning": "torch-pruning"}


def importable(module: str) -> bool:
    return find_spec(module) is not None


def missing(needed: Iterable[str], has: Callable[[str], bool] = importable) -> list[str]:
    """Those of `needed` that cannot be imported, in order."""
    return [module for module in needed if not has(module)]


def missing_sentence(prune: bool, has: Callable[[str], bool] = importable) -> str | None:
    """What to install where, in one sentence; None when everything is there."""
    packages = {**ALWAYS, **(TO_PRUNE if prune else {})}
    lacking = [packages[module] for module in missing(packages, has)]
    if not lacking:
        return None
    return (
        f"{sys.executable} lacks {', '.join(lacking)}, which the export needs. "
        f"Install them there ({sys.executable} -m pip install {' '.join(lacking)}), "
        "or name the Python you train with: --python PATH or SLIPWAY_PYTHON."
    )
