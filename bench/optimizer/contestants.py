"""Optimizer bench: who is compared, and the files they make from the same model and the same calibration samples."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from models import ROOT, Prepared
from onnxruntime.quantization import quantize_dynamic, quantize_static
from sweep import OneSample, preprocessed
from watched import Needed, watch

from optimizer.session import brief

CONTAINER = ROOT / "container"
HERE = Path(__file__).resolve().parent
PEERS = {"olive": "Olive", "optimum": "optimum-onnx"}


@dataclass(frozen=True)
class Made:
    """A contestant's file, or why there is none."""

    name: str
    path: Path | None
    note: str = ""
    needed: Needed | None = None
    report: Mapping[str, Any] | None = None
    """Slipway's report.json."""


def slipway(
    prepared: Prepared, recipe: Mapping[str, Any], threads: int, folder: Path, limit: float, processors: int | None
) -> Made:
    """What `slipway optimize` starts, with the recipe it plans; threads are those the file will be served with."""
    out = folder / f"slipway-{threads}"
    out.mkdir()
    asked = out / "recipe.json"
    target = {**recipe["target"], "threads": max(threads, recipe["target"]["threads"]), "intraOpThreads": threads}
    asked.write_text(json.dumps({**recipe, "target": target}))
    options = {"--recipe": asked, "--model": prepared.model, "--data": prepared.data, "--labels": prepared.labels}
    command = [sys.executable, "-m", "optimizer", "--out", str(out / "build"), "--scratch", str(out)]
    command += [part for name, value in options.items() if value is not None for part in (name, str(value))]
    needed = watch(command, env=environment(), cwd=out, limit=limit, processors=processors)
    model, report = out / "build" / "model.onnx", out / "build" / "report.json"
    if needed.code or not model.exists():
        return Made("Slipway", None, needed.errors or f"ended with status {needed.code}", needed)
    found = json.loads(report.read_text())
    return Made("Slipway", model, found["winner"]["name"], needed, found)


def environment() -> dict[str, str]:
    paths = os.pathsep.join(filter(None, [str(CONTAINER), os.environ.get("PYTHONPATH")]))
    return {"PYTHONPATH": paths, "ORT_DISABLE_TELEMETRY": "1"}


def runtime_defaults(prepared: Prepared, calibration: np.ndarray, folder: Path) -> list[Made]:
    """ONNX Runtime's two functions with nothing but their defaults, on the model it has preprocessed itself."""
    source = preprocessed(prepared.model, folder / "runtime.onnx")

    def static(path: Path) -> None:
        quantize_static(source, path, EverySample(prepared.inputs, calibration))

    def dynamic(path: Path) -> None:
        quantize_dynamic(source, path)

    return [
        attempt("ONNX Runtime quantize_static", static, folder / "runtime-static.onnx"),
        attempt("ONNX Runtime quantize_dynamic", dynamic, folder / "runtime-dynamic.onnx"),
    ]


class EverySample(OneSample):
    """Gives the calibration samples, each once."""

    def __init__(self, inputs: Mapping[str, np.ndarray], rows: np.ndarray) -> None:
        self.left = [{name: values[row : row + 1] for name, values in inputs.items()} for row in rows[::-1]]


def attempt(name: str, make: Callable[[Path], None], path: Path) -> Made:
    try:
        make(path)
    except Exception as error:
        return Made(name, None, f"{type(error).__name__}: {brief(error)}")
    return Made(name, path)


@dataclass(frozen=True)
class PeerJob:
    mode: str
    model: str
    calibration: str
    out: str
    again: str


def peer_jobs(prepared: Prepared, calibration: np.ndarray, folder: Path, peer: str) -> list[PeerJob]:
    """One job for each way a peer quantizes. Writes the calibration samples beside the model."""
    samples = folder / "calibration.npz"
    if not samples.exists():
        np.savez(samples, **{name: values[calibration] for name, values in prepared.inputs.items()})
    again = preprocessed(prepared.model, folder / "for-peers.onnx")
    return [
        PeerJob(mode, str(prepared.model), str(samples), str(folder / f"{peer}-{mode}.onnx"), str(again))
        for mode in ("static", "dynamic")
    ]


def run_peer(peer: str, python: Path, jobs: list[PeerJob], folder: Path, limit: float) -> Needed:
    """All jobs of a peer in one process: starting it takes longer than most jobs."""
    listed = folder / f"{peer}.json"
    listed.write_text(json.dumps([asdict(job) for job in jobs]))
    quiet = {"HF_HUB_OFFLINE": "1", "OLIVE_DISABLE_TELEMETRY": "1", "ORT_DISABLE_TELEMETRY": "1", "PYTHONPATH": ""}
    command = [str(python), str(HERE / f"peer_{peer}.py"), str(listed)]
    return watch(command, env=quiet, cwd=folder, limit=limit)


def peer_files(peer: str, folder: Path, absent: str) -> list[Made]:
    """What a peer left in the folder of a model; `absent` says why where nothing is there."""
    found = []
    for mode in ("static", "dynamic"):
        path = folder / f"{peer}-{mode}.onnx"
        failed, note = (Path(f"{path}.{kind}") for kind in ("failed", "note"))
        name = f"{PEERS[peer]} {mode}"
        if path.exists():
            found.append(Made(name, path, note.read_text() if note.exists() else ""))
        else:
            found.append(Made(name, None, failed.read_text() if failed.exists() else absent))
    return found
