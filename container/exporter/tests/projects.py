"""The user's side in tests: folders with Python files and examples, and the export run on them as users run it."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime

CONTAINER = Path(__file__).resolve().parents[2]
HEAD = "import torch\nfrom torch import nn\n\n"


@dataclass(frozen=True)
class Ran:
    code: int
    lines: list[dict[str, Any]]
    err: str

    @property
    def summary(self) -> dict[str, Any]:
        assert self.code == 0, self.err
        return self.lines[-1]["finished"]

    @property
    def said(self) -> list[str]:
        return [line["said"] for line in self.lines if "said" in line]

    @property
    def steps(self) -> list[dict[str, Any]]:
        return [line for line in self.lines if "step" in line]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(CONTAINER), "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}


def command(*arguments: str, python: str = sys.executable) -> list[str]:
    return [python, "-P", "-m", "exporter", *arguments]


def run(folder: Path, *arguments: str, python: str = sys.executable) -> Ran:
    """Run the export in `folder`, as `slipway export` does."""
    done = subprocess.run(
        command(*arguments, python=python), cwd=folder, env=environment(), capture_output=True, text=True, check=False
    )
    return Ran(done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr.strip())


def project(folder: Path, code: str, **example: np.ndarray) -> Path:
    """A folder with train.py and inputs.npz."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "train.py").write_text(HEAD + code)
    if example:
        np.savez(folder / "inputs.npz", **example)  # type: ignore[arg-type]
    return folder


PLAIN = ("train.py:build_model", "--example", "inputs.npz", "--out", "model.onnx")


def graph_inputs(file: Path) -> dict[str, list[str | int]]:
    model = onnx.load(file, load_external_data=False)
    return {
        entry.name: [dim.dim_param or dim.dim_value for dim in entry.type.tensor_type.shape.dim]
        for entry in model.graph.input
    }


def answers(file: Path, **feeds: np.ndarray) -> list[np.ndarray]:
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    return [np.asarray(value) for value in session.run(None, feeds)]


def folder_names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())
