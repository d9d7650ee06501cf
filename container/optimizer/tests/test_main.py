import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from optimizer.__main__ import check_out
from optimizer.candidates import PACKAGE_FOLDER
from optimizer.errors import UserError
from optimizer.publish import FILES
from optimizer.recipe import validator
from optimizer.tests.models import EXAMPLES, candidate, dynamic, mlp, normal, recipe, save, save_recipe, save_samples

DIGITS = EXAMPLES / "digits"


def command(folder: Path, document: Mapping[str, Any], model: Path, *more: str) -> list[str]:
    (folder / "scratch").mkdir(exist_ok=True)
    return [
        *(sys.executable, "-m", "optimizer", "--recipe", str(save_recipe(folder, document)), "--model", str(model)),
        *("--out", str(folder / "out"), "--scratch", str(folder / "scratch"), *more),
    ]


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(PACKAGE_FOLDER), "SLIPWAY_DEBUG": "0", **more}


def run(arguments: list[str], **more: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(arguments, capture_output=True, text=True, env=environment(), timeout=90, check=False, **more)


def start(arguments: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(), start_new_session=True
    )


def digits(folder: Path, *entries: dict, **changes: Any) -> list[str]:
    data = ("--data", str(DIGITS / "samples.npz"), "--labels", str(DIGITS / "labels.npy"))
    return command(folder, recipe(*entries, **changes), DIGITS / "digits.onnx", *data)


def processes_about(folder: Path) -> list[str]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if str(folder) in line:
                found.append(line)
    return found


def nothing_runs(folder: Path) -> bool:
    for _ in range(100):
        if not processes_about(folder):
            return True
        time.sleep(0.1)
    return False


def test_progress_is_all_that_standard_output_holds_and_never_goes_back(tmp_path: Path) -> None:
    entries = [candidate(), candidate("percentile", calibration="percentile")]
    done = run(digits(tmp_path, *entries))
    assert (done.returncode, done.stderr) == (0, "")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert lines.pop() == {"finished": {"verdict": report["verdict"]}}
    assert [line["done"] for line in lines] == list(range(12)) and {line["total"] for line in lines} == {12}
    assert lines[3] == {"stage": "candidates", "step": "static: quantizing", "done": 3, "total": 12}
    build = json.loads((tmp_path / "out" / "build.json").read_text())
    stages = [stage["name"] for stage in build["stages"]]
    assert list(dict.fromkeys(line["stage"] for line in lines)) == [name for name in stages if name != "repair"]
    assert {path.name for path in (tmp_path / "out").iterdir()} == {*FILES} - {
        "reference.onnx",
        "model.onnx.data",
        "report.ipynb",
    }
    assert list((tmp_path / "scratch").iterdir()) == []


def test_every_problem_is_a_line_without_a_stack_trace(tmp_path: Path) -> None:
    data = save_samples(tmp_path, y=normal(3, 16), z=normal(3, 2))
    done = run(command(tmp_path, recipe(), save(tmp_path, mlp()), "--data", str(data)))
    assert (done.returncode, done.stdout.count("\n")) == (2, 1)
    assert done.stderr.splitlines() == [
        "The samples hold 'y', which is no input of the model. Inputs: x. Rename or leave it out.",
        "The samples hold 'z', which is no input of the model. Inputs: x. Rename or leave it out.",
        "The samples lack input 'x', float32 [batch, 16]. Add an array of that name.",
    ]
    assert not (tmp_path / "out").exists() and list((tmp_path / "scratch").iterdir()) == []


def test_debug_shows_where_an_error_came_from(tmp_path: Path) -> None:
    arguments = command(tmp_path, recipe(), tmp_path / "no.onnx")
    done = subprocess.run(
        arguments, capture_output=True, text=True, env=environment(SLIPWAY_DEBUG="1"), timeout=60, check=False
    )
    assert done.returncode == 2 and "Traceback" in done.stderr
    assert done.stderr.splitlines()[-1] == f"The model {tmp_path / 'no.onnx'}: no such file. Check the path."


@pytest.mark.parametrize("content", ["{", '{"schemaVersion": 2}', "[]"])
def test_a_bad_recipe_is_told(tmp_path: Path, content: str) -> None:
    arguments = command(tmp_path, recipe(), save(tmp_path, mlp()))
    (tmp_path / "recipe.json").write_text(content)
    done = run(arguments)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1 and str(tmp_path / "recipe.json") in done.stderr


def test_a_failed_gate_ends_with_status_3_and_the_reasons(tmp_path: Path) -> None:
    data = save_samples(tmp_path, x=normal(60, 16))
    document = recipe(candidate(), gate={"minSpeedup": 1000}, onFailure="error")
    done = run(command(tmp_path, document, save(tmp_path, mlp()), "--data", str(data)))
    assert done.returncode == 3
    first, second = done.stderr.splitlines()
    assert (
        first == "No candidate passed the gate, and the recipe's onFailure is 'error'. Loosen the gate, or allow fp32."
    )
    assert second.startswith("static: ") and second.endswith("x is below 1000x")
    assert not (tmp_path / "out").exists()


def test_an_out_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    done = run(command(tmp_path, recipe(), save(tmp_path, mlp())))
    assert (done.returncode, done.stderr) == (2, f"--out {tmp_path / 'out'} is a file. Name a folder.\n")
    assert (tmp_path / "out").read_text() == "mine"


def refusal_as_nobody(out: Path) -> str:
    """What `check_out` says to a user who does not own the folder; in a fork, since root may write everywhere."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        if os.geteuid() == 0:
            os.setgid(65534)
            os.setuid(65534)
        try:
            check_out(out)
        except UserError as error:
            os.write(writing, str(error).encode())
        os._exit(0)
    os.waitpid(pid, 0)
    os.close(writing)
    with os.fdopen(reading) as said:
        return said.read()


def test_no_permission_to_write_is_told() -> None:
    with tempfile.TemporaryDirectory() as name:
        closed, open_ = Path(name) / "closed", Path(name) / "open"
        Path(name).chmod(0o755)
        closed.mkdir(mode=0o555)
        open_.mkdir()
        open_.chmod(0o777)
        assert refusal_as_nobody(closed / "deep" / "out") == (
            f"No permission to write to {closed}. Choose another folder with --out."
        )
        assert refusal_as_nobody(open_ / "out") == ""


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)], ids=["SIGTERM", "SIGINT"])
@pytest.mark.parametrize("step", ["admit", "reference", "candidates"])
def test_a_signal_ends_everything_and_leaves_nothing(tmp_path: Path, step: str, number: int, status: int) -> None:
    process = start(digits(tmp_path, *(candidate(f"c{index}", calibration="entropy") for index in range(3))))
    assert process.stdout is not None
    for line in process.stdout:
        if json.loads(line)["stage"] == step:
            break
    process.send_signal(number)
    _, errors = process.communicate(timeout=20)
    assert (process.returncode, errors) == (status, "")
    assert not (tmp_path / "out").exists() and list((tmp_path / "scratch").iterdir()) == []
    assert nothing_runs(tmp_path)


def test_no_process_outlives_a_killed_optimizer(tmp_path: Path) -> None:
    process = start(digits(tmp_path, *(candidate(f"c{index}", calibration="entropy") for index in range(3))))
    assert process.stdout is not None
    for line in process.stdout:
        if json.loads(line)["stage"] == "candidates":
            break
    assert any("optimizer.candidate" in line for line in processes_about(tmp_path))
    process.kill()
    process.wait()
    assert nothing_runs(tmp_path)
    assert not (tmp_path / "out").exists()


def small_files() -> None:
    """The disk is full: no file may grow beyond 40 kB."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))


def test_a_full_disk_is_one_sentence_and_spares_what_was_there(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "model.onnx").write_text("an earlier model")
    (out / "report.json").write_text("its report")
    done = run(digits(tmp_path, candidate()), preexec_fn=small_files)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1 and done.stderr.startswith("The disk is full: ")
    assert {path.name: path.read_text() for path in out.iterdir()} == {
        "model.onnx": "an earlier model", "report.json": "its report",
    }  # fmt: skip
    assert list((tmp_path / "scratch").iterdir()) == []


def test_digits_end_to_end_with_labels(tmp_path: Path) -> None:
    done = run(digits(tmp_path, dynamic("dynamic"), candidate()))
    assert done.returncode == 0
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    validator("report")(report)
    assert report["winner"]["accuracy"] >= 0.985
    assert report["winner"]["bytes"] == (tmp_path / "out" / "model.onnx").stat().st_size
    with np.load(tmp_path / "out" / "canaries.npz", allow_pickle=False) as canaries:
        assert {name: values.shape for name, values in canaries.items()} == {
            "input:image": (4, 1, 8, 8), "expected:logits": (4, 10),
        }  # fmt: skip


def test_a_killed_run_goes_on_where_it_was(tmp_path: Path) -> None:
    arguments = [*digits(tmp_path, candidate(), dynamic()), "--cache", str(tmp_path / "kept")]
    process = start(arguments)
    assert process.stdout is not None
    for line in process.stdout:
        if json.loads(line)["step"].startswith("dynamic: "):
            break
    process.kill()
    process.wait()
    assert nothing_runs(tmp_path) and not (tmp_path / "out").exists()
    done = run(arguments)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads((tmp_path / "out" / "build.json").read_text())["resumed"] == 1
    assert '"static: quantizing"' not in done.stdout
    again = run(arguments)
    assert again.returncode == 0 and json.loads((tmp_path / "out" / "build.json").read_text())["resumed"] == 2
