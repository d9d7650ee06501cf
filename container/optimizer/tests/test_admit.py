from pathlib import Path
from typing import Any

import pytest

from optimizer.admit import NO_SAMPLES
from optimizer.errors import UserError
from optimizer.tests.models import EXAMPLES, admitted, candidate, mlp, normal, recipe, save, save_samples


def why(folder: Path, document: dict, with_samples: bool = True) -> str | None:
    data = save_samples(folder, x=normal(40, 16)) if with_samples else None
    return admitted(folder / "scratch", document, save(folder, mlp()), data, None).why_none


@pytest.mark.parametrize(
    ("document", "with_samples", "reason"),
    [
        (recipe(candidate()), True, None),
        (recipe(candidate()), False, NO_SAMPLES),
        (recipe(candidate(), precision="fp32"), True, "fp32 was asked for"),
        (recipe(notes=["No machine gains from int8.", "And more."]), True, "No machine gains from int8"),
        (recipe(), True, "the recipe has no candidates"),
    ],
)
def test_why_there_are_no_candidates_is_said(
    tmp_path: Path, document: dict, with_samples: bool, reason: str | None
) -> None:
    assert why(tmp_path, document, with_samples) == reason


def test_the_users_files_are_not_touched(tmp_path: Path) -> None:
    source = EXAMPLES / "digits"
    before = {path.name: (path.stat().st_mtime_ns, path.stat().st_size) for path in source.iterdir()}
    found = admitted(tmp_path / "s", recipe(candidate()), source / "digits.onnx", source / "samples.npz", None)
    assert {path.name: (path.stat().st_mtime_ns, path.stat().st_size) for path in source.iterdir()} == before
    assert found.model.path.parent == tmp_path / "s"
    assert len(found.candidates) == 1 and found.samples.count == 597


ASKS = {"metric": {"function": "f1", "direction": "higher", "maxDrop": 0.01}}


@pytest.mark.parametrize(
    ("gate", "data", "labels", "metric", "problems"),
    [
        ({}, None, "labels.npy", None, ["Labels without samples: {}/labels.npy. Give the samples with --data."]),
        (
            {},
            None,
            "labels.npy",
            "metric.py",
            [
                "Labels without samples: {}/labels.npy. Give the samples with --data.",
                "A metric without samples: {}/metric.py. Give the samples with --data.",
                "The metric {}/metric.py is given, but the recipe names no function (gate.metric). Leave it out.",
            ],
        ),
        (
            ASKS,
            "x.npz",
            None,
            None,
            ["The recipe's gate asks for the function 'f1'. Give its Python file with --metric."],
        ),
        (ASKS, "x.npz", None, "none.py", ["The metric {}/none.py: no such file. Check the path."]),
    ],
)
def test_labels_and_metric_have_to_go_with_samples_and_recipe(
    tmp_path: Path, gate: dict[str, Any], data: str | None, labels: str | None, metric: str | None, problems: list[str]
) -> None:
    (tmp_path / "metric.py").write_text("def f1(outputs, inputs, labels):\n    return 1\n")
    paths = [tmp_path / name if name else None for name in (data, labels, metric)]
    with pytest.raises(UserError) as refused:
        admitted(tmp_path / "scratch", recipe(gate=gate), save(tmp_path, mlp()), *paths)
    assert list(refused.value.problems) == [problem.format(tmp_path) for problem in problems]
