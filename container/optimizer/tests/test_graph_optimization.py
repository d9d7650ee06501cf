from pathlib import Path

import onnx
import pytest

from optimizer.graph_optimization import optimize_offline
from optimizer.tests.models import EXAMPLES, mlp, save

DIGITS = EXAMPLES / "digits" / "digits.onnx"


@pytest.mark.parametrize("level", ["basic", "extended"])
def test_the_same_model_gives_the_same_bytes(tmp_path: Path, level: str) -> None:
    for name in ("one.onnx", "two.onnx"):
        optimize_offline(DIGITS, tmp_path / name, level, 8)
    assert (tmp_path / "one.onnx").read_bytes() == (tmp_path / "two.onnx").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.onnx", "two.onnx"]


def test_nothing_is_bound_to_this_processor(tmp_path: Path) -> None:
    optimize_offline(DIGITS, tmp_path / "baked.onnx", "extended", 10)
    domains = {entry.domain for entry in onnx.load(tmp_path / "baked.onnx").opset_import}
    assert domains <= {"", "com.microsoft"}


def test_levels_that_bind_to_this_processor_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="allowed are basic and extended"):
        optimize_offline(DIGITS, tmp_path / "baked.onnx", "all", 10)


@pytest.mark.parametrize(("given", "written"), [(8, 10), (10, 10), (12, 12)])
def test_the_ir_version_is_10_unless_the_model_is_higher(tmp_path: Path, given: int, written: int) -> None:
    optimize_offline(save(tmp_path, mlp(ir_version=given)), tmp_path / "baked.onnx", "basic", given)
    baked = onnx.load(tmp_path / "baked.onnx")
    assert (baked.ir_version, [(entry.domain, entry.version) for entry in baked.opset_import]) == (written, [("", 17)])
