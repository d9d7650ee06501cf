from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent

import numpy as np
import pytest

from optimizer.admit import Admitted
from optimizer.answer_files import save_arrays
from optimizer.errors import UserError
from optimizer.metric import Measured, MetricFailedError, measure, measure_fp32
from optimizer.session import Answers
from optimizer.tests.models import admitted, mlp, normal, recipe, save, save_samples

COUNT = 40
FILE = "measure.py"


def asked(
    folder: Path, text: str, labels: np.ndarray | None = None, seconds: int = 60, function: str = "f1"
) -> Admitted:
    """A request with the user's file `text`."""
    (folder / FILE).write_text(dedent(text))
    if labels is not None:
        np.save(folder / "labels.npy", labels)
    return admitted(
        folder / "scratch",
        recipe(
            gate={"metric": {"function": function, "direction": "higher", "maxDrop": 0.01}},
            limits={"candidateSeconds": seconds},
        ),
        save(folder, mlp()),
        save_samples(folder, x=normal(COUNT, 16)),
        folder / "labels.npy" if labels is not None else None,
        folder / FILE,
    )


def answers(found: Admitted) -> dict[str, list[np.ndarray]]:
    return {"y": [np.full((1, 4), row, np.float32) for row in found.samples.evaluation]}


def measured(folder: Path, found: Admitted, given: Answers | None = None) -> Measured:
    samples_file = folder / "samples.npz"
    save_arrays(samples_file, {f"input:{name}": values for name, values in found.samples.inputs.items()})
    return measure(found, given if given is not None else answers(found), samples_file, folder / "asked")


def test_outputs_inputs_and_labels_come_samples_first_and_of_the_same_samples(tmp_path: Path) -> None:
    labels = np.arange(COUNT, dtype=np.float32)[:, None] * [1.0, 2.0]
    text = """
        def f1(outputs, inputs, labels):
            assert set(outputs) == {"y"} and set(inputs) == {"x"}
            assert outputs["y"].shape == (len(labels), 4) and inputs["x"].shape == (len(labels), 16)
            assert (outputs["y"][:, 0] == labels[:, 0]).all() and labels.shape[1:] == (2,)
            return outputs["y"][:, 0] + inputs["x"][:, 0]
    """
    found = asked(tmp_path, text, labels)
    result = measured(tmp_path, found)
    rows = found.samples.evaluation
    assert len(rows) == 30 and not set(rows) & set(found.samples.calibration)
    assert result.each == pytest.approx(rows + found.samples.inputs["x"][rows, 0].astype(np.float64), rel=1e-6)
    assert result.value == pytest.approx(result.each.mean() if result.each is not None else None)


def test_outputs_that_differ_in_shape_come_as_a_list_and_labels_may_be_missing(tmp_path: Path) -> None:
    text = """
        def f1(outputs, inputs, labels):
            assert labels is None and isinstance(outputs["y"], list)
            return sum(len(boxes) for boxes in outputs["y"])
    """
    found = asked(tmp_path, text)
    shapes: Mapping[str, list[np.ndarray]] = {
        "y": [np.zeros((index, 4)) for index in range(len(found.samples.evaluation))]
    }
    assert measured(tmp_path, found, shapes) == Measured(sum(range(30)), None)


def test_what_the_user_prints_and_imports_is_the_users_own_affair(tmp_path: Path) -> None:
    (tmp_path / "beside.py").write_text("WEIGHT = 0.5\n")
    text = """
        import beside
        print("loading")
        def f1(outputs, inputs, labels):
            print("measuring")
            return beside.WEIGHT
    """
    assert measured(tmp_path, asked(tmp_path, text)).value == 0.5


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "def f1(outputs, inputs, labels):\n    return outputs['z'].mean()\n",
            "measure.py, line 2, in f1: KeyError: 'z'",
        ),
        (
            "import numpy as np\ndef g(a):\n    return np.linalg.inv(a)\ndef f1(*all):\n    g(np.zeros((2, 2)))\n",
            "measure.py, line 3, in g: LinAlgError: Singular matrix",
        ),
        ("def f1(outputs inputs):\n    pass\n", "measure.py, line 1, SyntaxError: "),
        ("import no_such_package\n", "measure.py, line 1: ModuleNotFoundError: No module named 'no_such_package'"),
        ("raise SystemExit('stop')\n", "measure.py, line 1: SystemExit: stop"),
        ("def f2(a, b, c):\n    return 1\n", "measure.py has no function 'f1'; it has: f2"),
        ("f1 = 3\n", "'f1' in measure.py is a int, and has to be a plain function"),
        ("async def f1(a, b, c):\n    return 1\n", "'f1' in measure.py is an async function"),
        (
            "def f1(outputs, labels):\n    return 1\n",
            "'f1' in measure.py cannot be called with (outputs, inputs, labels): ",
        ),
        ("def f1(*all):\n    return float('nan')\n", "f1 gave nan; give one number, or one for each of the 30 samples"),
        ("def f1(*all):\n    return [1.0] * 29 + [float('inf')]\n", "f1 gave inf for sample 29; give one number"),
        ("def f1(*all):\n    return [1.0] * 29\n", "f1 gave an array of shape [29]; give one number"),
        ("def f1(*all):\n    return [[1.0]] * 30\n", "f1 gave an array of shape [30, 1]; give one number"),
        ("def f1(*all):\n    return 'good'\n", "f1 gave a str; give one number"),
        ("def f1(*all):\n    pass\n", "f1 gave None; give one number"),
        ("def f1(*all):\n    return ['a'] * 30\n", "f1 gave a list, which holds no real numbers; give one number"),
        ("def f1(*all):\n    return [[1], [1, 2]]\n", "f1 gave a list of several lengths; give one number"),
        ("import os\ndef f1(*all):\n    os.kill(os.getpid(), 11)\n", "it ended its process (SIGSEGV)"),
    ],
)
def test_what_goes_wrong_is_one_sentence_with_its_place(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(MetricFailedError) as refused:
        measured(tmp_path, asked(tmp_path, text))
    assert str(refused.value).startswith(problem)
    assert "\n" not in str(refused.value)


def test_a_metric_that_hangs_is_ended(tmp_path: Path) -> None:
    text = "import time\ndef f1(outputs, inputs, labels):\n    time.sleep(600)\n"
    with pytest.raises(MetricFailedError, match=r"^it took longer than the 2 s it may take$"):
        measured(tmp_path, asked(tmp_path, text, seconds=2))


def test_the_same_candidate_is_asked_once(tmp_path: Path) -> None:
    text = f"""
        def f1(outputs, inputs, labels):
            with open({str(tmp_path / "calls")!r}, "a") as calls:
                calls.write("called\\n")
            return 1
    """
    found = asked(tmp_path, text)
    assert measured(tmp_path, found) == measured(tmp_path, found)
    assert (tmp_path / "calls").read_text() == "called\n"


def test_a_metric_that_fails_on_fp32_stops_the_run(tmp_path: Path) -> None:
    found = asked(tmp_path, "def f1(outputs, inputs, labels):\n    return labels.mean()\n")
    save_arrays(tmp_path / "samples.npz", {f"input:{name}": values for name, values in found.samples.inputs.items()})
    with pytest.raises(UserError) as refused:
        measure_fp32(found, answers(found), tmp_path / "samples.npz", tmp_path)
    assert refused.value.problems == (
        "Your metric failed on fp32's own answers: measure.py, line 2, in f1: AttributeError: 'NoneType' object has no "
        f"attribute 'mean'. Mend {tmp_path / FILE}: the function gets outputs, inputs and labels, and gives one "
        "number, or one for each sample.",
    )
