from pathlib import Path

import pytest

from optimizer.admit import NO_SAMPLES
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
