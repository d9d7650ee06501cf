"""The whole way of examples/pytorch, on the command line: train, export, prune, sparsify, optimize behind the gate."""

import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from .projects import CONTAINER, answers, environment, folder_names

ROOT = CONTAINER.parent
NODE = shutil.which("node") or "node"


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    """The example, trained."""
    folder = tmp_path_factory.mktemp("digits")
    shutil.copyfile(ROOT / "examples" / "pytorch" / "train.py", folder / "train.py")
    subprocess.run([sys.executable, "train.py"], cwd=folder, env=environment(), check=True)
    assert folder_names(folder) == ["digits.pt", "labels.npy", "samples.npz", "train.py"]
    return folder


def slipway(folder: Path, *arguments: str) -> tuple[dict, str]:
    """Standard output as JSON, standard error."""
    done = subprocess.run(
        [NODE, str(ROOT / "dist" / "bin" / "slipway.js"), *arguments],
        cwd=folder,
        env={**os.environ, "SLIPWAY_PYTHON": sys.executable, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), done.stderr


def export(folder: Path, out: str, *more: str) -> tuple[dict, str]:
    return slipway(folder, "export", "train.py:build_model", "--example", "samples.npz", "--out", out, "--json", *more)


def accuracy(folder: Path, file: str) -> float:
    (logits,) = answers(folder / file, image=np.load(folder / "samples.npz")["image"])
    return float(np.mean(logits.argmax(1) == np.load(folder / "labels.npy")))


@pytest.fixture(scope="module")
def dense(trained) -> float:
    """Accuracy of the model as it was trained."""
    summary, said = export(trained, "digits.onnx")
    assert summary["outputs"] == [{"name": "logits", "dtype": "float32", "shape": ["batch", 10]}]
    assert "digits.onnx: " in said and "answers as torch does at batch 1 and batch 3" in said
    return accuracy(trained, "digits.onnx")


def test_the_trained_model_is_exported(dense):
    assert dense > 0.95


def test_a_pruned_model_is_smaller_and_faster_nearly_as_good_and_passes_the_gate(trained, dense):
    summary, said = export(trained, "small.onnx", "--prune", "0.4", "--finetune", "train.py:finetune")
    layers = {layer["name"]: (layer["before"], layer["after"]) for layer in summary["prune"]["layers"]}
    assert layers == {"features.0": (48, 32), "features.3": (64, 40), "features.7": (96, 64)}
    assert [layer["name"] for layer in summary["prune"]["whole"]] == ["classes"]
    assert "features.3 64 → 40" in said and "classes stays whole: it makes an output" in said
    assert "epoch 3 of 3" in said
    figures = summary["comparison"]
    before, after = figures["before"], figures["after"]
    assert after["parameters"] < 0.5 * before["parameters"]
    assert after["macs"] < 0.5 * before["macs"]
    assert after["bytes"] < 0.55 * before["bytes"]
    assert after["bytes"] == (trained / "small.onnx").stat().st_size
    assert figures["speedup"] > 1.1
    assert figures["agreement"] > 0.95
    assert accuracy(trained, "small.onnx") > dense - 0.02

    # Another processor than this one: accuracy decides, not how fast this one happens to be.
    target = "x86-64" if platform.machine() in ("arm64", "aarch64") else "arm64"
    inputs = ("--data", "samples.npz", "--labels", "labels.npy")
    report, _ = slipway(trained, "optimize", "small.onnx", *inputs, "--target", target, "--out", "build", "--json")
    assert report["winner"]["precision"] == "int8"
    winner = next(candidate for candidate in report["candidates"] if candidate["name"] == report["winner"]["name"])
    assert (winner["status"], winner["accuracy"]["decided"]) == ("passed", "pass")
    served = trained / "build" / "model.onnx"
    assert served.stat().st_size < 0.5 * after["bytes"]
    assert accuracy(trained, "build/model.onnx") > dense - 0.03


def test_without_training_on_the_loss_is_told(trained, dense):
    summary, said = export(trained, "raw.onnx", "--prune", "0.4", "--no-finetune")
    agreement = summary["comparison"]["agreement"]
    assert accuracy(trained, "raw.onnx") < dense - 0.05
    assert agreement < 0.95
    assert len(summary["warnings"]) == 1
    assert summary["warnings"][0].startswith("Not trained on after the change: it answers as the given model does on ")
    assert f"Warning: {summary['warnings'][0]}" in said


@pytest.mark.parametrize("more", [[], ["--structured", "2:4"]])
def test_zeros_shrink_only_what_is_packed_and_the_note_says_so(trained, dense, more):
    summary, said = export(trained, "sparse.onnx", "--sparsify", "0.5", "--finetune", "train.py:finetune", *more)
    assert summary["sparsify"]["zeros"] == pytest.approx(0.5, abs=1e-3)
    assert summary["sparsify"]["pattern"] == ("2:4" if more else "unstructured")
    # The first convolution has one input channel.
    assert [layer["name"] for layer in summary["sparsify"]["dense"]] == (["features.0"] if more else [])
    figures = summary["comparison"]
    before, after = figures["before"], figures["after"]
    assert (after["parameters"], after["macs"]) == (before["parameters"], before["macs"])
    assert after["bytes"] == pytest.approx(before["bytes"], rel=0.01)
    assert after["gzipBytes"] < 0.75 * before["gzipBytes"]
    assert accuracy(trained, "sparse.onnx") > dense - 0.02
    assert "the file is as large as before; packed with gzip, as image layers are, it is " in summary["notes"][0]
    assert ("this was not verified here" in said) == bool(more)
