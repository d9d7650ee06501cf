"""The MLP with a report that tells what of it is watched, for the server with drift counted and without."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import workload

from optimizer.drift import reference
from optimizer.onnx_file import Tensor
from optimizer.samples import Samples
from optimizer.session import answer
from optimizer.tasks import Task

SAMPLES = 1000


def write(folder: Path) -> None:
    """Writes mlp.report.json and, with it, watched.serving.json and unwatched.serving.json, in `folder`."""
    (folder / "mlp.report.json").write_bytes(orjson.dumps(_report(folder)))
    serving = orjson.loads((folder / "mlp.serving.json").read_bytes())
    serving["model"]["report"] = "mlp.report.json"
    for name, drift in (("watched", "all"), ("unwatched", "off")):
        (folder / f"{name}.serving.json").write_bytes(orjson.dumps({**serving, "drift": drift}))


def _report(folder: Path) -> dict[str, Any]:
    """What the server reads of a report; 34 figures of 64 inputs and 10 scores, as the optimizer makes them."""
    inputs = {"x": np.random.default_rng(2).standard_normal((SAMPLES, 64)).astype(np.float32)}
    rows = np.arange(SAMPLES)
    samples = Samples(inputs, None, rows, rows, "0" * 64, None, ())
    answers = answer(workload.session(folder, "mlp"), inputs, rows)
    drift = reference(samples, answers, Task("classification"), [Tensor("x", "float32", ("N", 64))])
    sha256 = hashlib.sha256((folder / "mlp.onnx").read_bytes()).hexdigest()
    latency = {"p50": 1.0, "p95": 1.0}
    return {
        "schemaVersion": 1, "mode": "search", "verdict": "", "task": "classification", "data": None, "recipe": {},
        "model": {
            "name": "mlp", "family": "mlp", "sha256": sha256, "bytes": 1, "opset": 17, "irVersion": 10, "nodes": 1,
            "inputs": [], "outputs": [],
        },
        "tools": {},
        "host": {
            "architecture": "", "cpu": "", "instructionSet": "unknown", "processors": 1, "threads": 1,
            "judgesSpeed": True, "emulated": False,
        },
        "reference": {"bytes": 1, "latencyMs": latency, "accuracy": None, "task": None},
        "candidates": [],
        "winner": {
            "name": "fp32", "precision": "fp32", "recipe": None, "speedup": 1, "speedupInterval": None, "agreement": 1,
            "accuracy": None, "sqnrDb": None, "bytes": 1, "sha256": sha256, "speedJudged": True,
        },
        "session": {"provider": "cpu", "intraOpThreads": 1, "graphOptimization": "extended", "settings": {}},
        "recheck": None, "canaries": {"count": 1, "minSqnrDb": 0, "synthetic": True}, "sensitivity": [],
        "ranges": None, "tensors": [], "convergence": [], "drift": drift, "warnings": [], "notes": [],
    }  # fmt: skip
