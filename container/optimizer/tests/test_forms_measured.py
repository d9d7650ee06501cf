"""What a candidate's process finds out about a form besides its answers: saturation, weights, the graph's names."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from optimizer.forms.form import Calibration
from optimizer.forms.graph import name_nodes
from optimizer.forms.ranges import Step
from optimizer.forms.saturation import saturation_db
from optimizer.forms.tensors import BINS, write_tensors
from optimizer.host import this_host
from optimizer.quantize import quantize, raw_file
from optimizer.recipe import candidate
from optimizer.tests.models import EXAMPLES, dynamic, model
from optimizer.tests.models import candidate as entry
from optimizer.tests.test_forms_float16 import entry as float16
from optimizer.tests.test_forms_weights import entry as weights

DIGITS = EXAMPLES / "digits"


def saturation(folder: Path, **changes: Any) -> float | None:
    form = candidate(entry(**changes))
    inputs = dict(np.load(DIGITS / "samples.npz"))
    target = folder / "out.onnx"
    quantize(form, DIGITS / "digits.onnx", target, Calibration(inputs, np.arange(50)), "extended", 8)
    return saturation_db(target, raw_file(target), form, inputs, range(60, 80))


def test_seven_bits_never_saturate(tmp_path: Path) -> None:
    found = saturation(tmp_path)
    assert found is not None and found > 30


def test_eight_bits_saturate_where_the_processor_adds_pairs_in_16_bits(tmp_path: Path) -> None:
    found = saturation(tmp_path, reduceRange=False)
    assert found is not None
    host = this_host()
    if host.instruction_set == "x86-64":
        assert found < 25
    if host.instruction_set in ("x86-64-vnni", "arm64") and not host.emulated:
        assert found > 30


def test_forms_for_another_provider_are_not_judged_here(tmp_path: Path) -> None:
    assert saturation(tmp_path, activationType="int8", placement="tensorrt") is None


@pytest.mark.parametrize(
    ("form", "dtype", "least"),
    [
        (entry(reduceRange=False), "int8", 35),
        (entry(perChannel=False), "int8", 25),
        (entry(activationType="int8", placement="tensorrt"), "int8", 30),
        (dynamic(), "int8", 30),
        (float16(), "float16", 70),
        (weights(headPrecision="int4"), "int4", 18),
        (weights(precision="int8"), "int8", 40),
        (weights(symmetric=False, headPrecision="int4"), "int4", 18),
    ],
)
def test_weights_are_compared_with_fp32_after_every_method(
    tmp_path: Path, form: dict[str, Any], dtype: str, least: float
) -> None:
    inputs = dict(np.load(DIGITS / "samples.npz"))
    target = tmp_path / "out.onnx"
    level = "basic" if form.get("placement") == "tensorrt" else "extended"
    quantize(candidate(form), DIGITS / "digits.onnx", target, Calibration(inputs, np.arange(20)), level, 8)
    source = onnx.load(DIGITS / "digits.onnx")
    path = tmp_path / "tensors.json"
    write_tensors(path, source, onnx.load(raw_file(target)), [Step(1, 0.5), Step(20, 1.0)])
    document = json.loads(path.read_text())
    assert document["convergence"] == [{"samples": 1, "width": 0.5}, {"samples": 20, "width": 1.0}]
    sizes = [int(np.prod(found["shape"])) for found in document["tensors"]]
    assert sizes and sizes == sorted(sizes, reverse=True)
    shapes = {held.name: list(held.dims) for held in source.graph.initializer}
    for found in document["tensors"]:
        assert found["shape"] == shapes[found["name"]] and found["dtype"] == dtype
        assert (
            sum(found["counts"]) == np.prod(found["shape"])
            and len(found["edges"]) == BINS + 1 == len(found["counts"]) + 1
        )
        assert found["sqnrDb"] > least


def test_every_node_gets_a_name_of_its_own() -> None:
    names = ["", "a", "a", "", "Relu_0"]
    tensors = ["x", "t0", "t1", "t2", "t3", "y"]
    made = model(
        [helper.make_node("Relu", [tensors[i]], [tensors[i + 1]], name=name) for i, name in enumerate(names)],
        {"x": (TensorProto.FLOAT, ["batch", 2])},
        {"y": (TensorProto.FLOAT, ["batch", 2])},
    )
    name_nodes(made)
    assert [node.name for node in made.graph.node] == ["Relu_0_", "a", "a_2", "Relu_3", "Relu_0"]
