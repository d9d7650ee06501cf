"""What is refused: a sentence on standard error, status 2, and nothing written."""

import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from .projects import PLAIN, Ran, command, environment, folder_names, project, run

X = np.ones((2, 4), np.float32)
LINEAR = "def build_model():\n    return nn.Linear(4, 2)\n"


def refused(ran: Ran, folder, *files: str) -> str:
    assert (ran.code, folder_names(folder)) == (2, sorted(["inputs.npz", "train.py", *files])), ran.err
    assert "exporter/" not in ran.err
    return ran.err


def test_without_torch_it_says_what_to_install_where(tmp_path):
    # The interpreter that the environment was made with has nothing but Python.
    base = sys._base_executable  # type: ignore[attr-defined]
    assert subprocess.run([base, "-c", "import torch"], capture_output=True, check=False).returncode != 0
    ran = run(project(tmp_path, LINEAR, x=X), *PLAIN, "--prune", "0.4", "--no-finetune", python=base)
    said = refused(ran, tmp_path)
    assert said.startswith(f"{base} lacks torch, onnxscript, onnx")
    assert said.endswith("or name the Python you train with: --python PATH or SLIPWAY_PYTHON.")
    assert len(said.splitlines()) == 1


CASES = {
    "no such function": (
        "class Net(nn.Module): ...\ndef make(): ...\n",
        "train.py has no function 'build_model'. It has: Net, make.",
    ),
    "not a function": ("build_model = 3\n", "train.py:build_model is not a function but int. Name a function."),
    "not a module": (
        "def build_model():\n    return {'weights': 1}\n",
        "train.py:build_model returned dict. It has to return an nn.Module, its weights loaded.",
    ),
    "a script": (
        "import sys\nsys.exit(3)\n",
        "train.py cannot be loaded: it ended Python (exit 3). "
        "Put what is to run only as a script under if __name__ == '__main__'.",
    ),
    "a parameter that is not there": (
        "class Net(nn.Module):\n    def forward(self, image, size): ...\ndef build_model():\n    return Net()\n",
        "inputs.npz: 'x' is no parameter of Net.forward(image, size). Rename the array.\n"
        "inputs.npz lacks 'image', which Net.forward needs. Add an array of that name.\n"
        "inputs.npz lacks 'size', which Net.forward needs. Add an array of that name.",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_code_that_does_not_fit(tmp_path, case):
    code, sentence = CASES[case]
    assert refused(run(project(tmp_path, code, x=X), *PLAIN), tmp_path) == sentence


def test_the_users_own_error_comes_with_its_traceback_and_none_of_ours(tmp_path):
    folder = project(tmp_path, "def build_model():\n    weights = {}\n    return weights['epoch-9']\n", x=X)
    said = refused(run(folder, *PLAIN), tmp_path)
    assert said.splitlines() == [
        "train.py:build_model failed:",
        "Traceback (most recent call last):",
        f'  File "{folder / "train.py"}", line 6, in build_model',
        "    return weights['epoch-9']",
        "           ~~~~~~~^^^^^^^^^^^",
        "KeyError: 'epoch-9'",
    ]


def test_an_example_that_forward_cannot_take(tmp_path):
    folder = project(tmp_path, LINEAR, x=np.ones((2, 5), np.float32))
    said = refused(run(folder, *PLAIN), tmp_path)
    assert "The model cannot be run on the example:\n" in said
    assert "mat1 and mat2 shapes cannot be multiplied (1x5 and 4x2)" in said
    assert said.endswith("It was given: x [1, 5] float32. Make --example fit forward().")
    folder = project(tmp_path, LINEAR, x=np.ones((2, 4)))
    said = refused(run(folder, *PLAIN), tmp_path)
    assert said.endswith("'x' is float64 in the example; most models take float32: save it with .astype('float32').")


def test_an_example_that_is_none(tmp_path):
    folder = project(tmp_path, LINEAR, x=np.array([[np.nan]]), y=np.ones((3, 1)), z=np.array("text"))
    said = refused(run(folder, *PLAIN), tmp_path)
    assert said.splitlines() == [
        "inputs.npz: 'x' holds NaN or infinity, with which nothing can be compared. Take them out.",
        "inputs.npz: 'z' holds <U4. Inputs are numbers or booleans.",
        "inputs.npz: the first axis is the sample, but the arrays have different numbers: 'x' 1, 'y' 3.",
    ]


def test_a_fine_tune_function_that_is_missing_is_found_before_anything_is_done(tmp_path):
    folder = project(tmp_path, LINEAR, x=X)
    ran = run(folder, *PLAIN, "--sparsify", "0.5", "--finetune", "train.py:finetune")
    assert refused(ran, tmp_path) == "train.py has no function 'finetune'. It has: build_model."
    assert len(ran.steps) == 1


def test_the_users_modules_come_before_slipways_own(tmp_path):
    folder = project(
        tmp_path,
        "import optimizer, exporter, neighbour\n"
        "def build_model():\n    import server\n"
        "    print(optimizer.MINE, exporter.MINE, server.MINE, neighbour.MINE)\n    return nn.Linear(4, 2)\n",
        x=X,
    )
    for name in ("optimizer", "exporter", "server", "neighbour"):
        (folder / f"{name}.py").write_text(f"MINE = '{name}'\n")
    ran = run(folder, *PLAIN)
    assert ran.said == ["optimizer exporter server neighbour"]
    # A single array goes to the single parameter, whatever its name.
    assert ran.summary["inputs"] == [{"name": "x", "dtype": "float32", "shape": ["batch", 4]}]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_interrupted_export_leaves_nothing(tmp_path, number):
    code = LINEAR + (
        "\nimport time\n\ndef finetune(model):\n"
        "    print('training')\n"
        "    while True:\n        try:\n            time.sleep(60)\n        except Exception:\n            pass\n"
    )
    folder = project(tmp_path, code, x=X)
    (folder / "model.onnx").write_bytes(b"an earlier one")
    (folder / "scratch").mkdir()
    arguments = (*PLAIN, "--scratch", "scratch", "--sparsify", "0.5", "--finetune", "train.py:finetune")
    started = subprocess.Popen(
        command(*arguments), cwd=folder, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert started.stdout is not None
    while '"said": "training"' not in started.stdout.readline():
        assert started.poll() is None
    time.sleep(0.2)
    started.send_signal(number)
    _, said = started.communicate(timeout=60)
    assert (started.returncode, said) == (128 + number, "")
    assert folder_names(folder) == ["inputs.npz", "model.onnx", "scratch", "train.py"]
    assert (folder / "model.onnx").read_bytes() == b"an earlier one"
    assert folder_names(folder / "scratch") == []
