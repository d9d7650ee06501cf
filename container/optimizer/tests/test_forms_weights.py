from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from optimizer.fidelity import compare
from optimizer.forms.form import Calibration
from optimizer.forms.graph import head
from optimizer.quantize import Quantized, quantize
from optimizer.recipe import candidate
from optimizer.session import answer, open_session
from optimizer.tests.models import mlp, model, normal, save


def entry(**changes: Any) -> dict[str, Any]:
    plain = {"name": "few", "precision": "int4", "method": "weights", "blockSize": 32, "symmetric": True}
    return {**plain, "accuracyLevel": 0, "headPrecision": "int8", "excludeNodes": [], **changes}


def language_model() -> onnx.ModelProto:
    """Two products and a head, and a cache that leaves after it."""
    nodes = [
        helper.make_node("MatMul", ["x", "w0"], ["a"], name="first"),
        helper.make_node("Relu", ["a"], ["r"], name="relu"),
        helper.make_node("MatMul", ["r", "w1"], ["h"], name="second"),
        helper.make_node("MatMul", ["h", "w2"], ["logits"], name="scores"),
        helper.make_node("MatMul", ["h", "w3"], ["cache"], name="keys"),
    ]
    shapes = {"w0": (64, 96), "w1": (96, 64), "w2": (64, 128), "w3": (64, 32)}
    return model(
        nodes,
        {"x": (TensorProto.FLOAT, ["batch", 64])},
        {"logits": (TensorProto.FLOAT, ["batch", 128]), "cache": (TensorProto.FLOAT, ["batch", 32])},
        [numpy_helper.from_array(normal(*shape) / 8, name) for name, shape in shapes.items()],
    )


def made(folder: Path, source: onnx.ModelProto, **changes: Any) -> tuple[Quantized, dict[str, dict[str, int]], float]:
    """With the attributes of each MatMulNBits by its name, and the signal to noise."""
    path, target = save(folder, source), folder / "out.onnx"
    found = quantize(candidate(entry(**changes)), path, target, Calibration({}, np.arange(0)), "extended", 10)
    values = {value.name: normal(10, value.type.tensor_type.shape.dim[1].dim_value) for value in source.graph.input}
    rows = range(10)
    fidelity = compare(answer(open_session(path), values, rows), answer(open_session(target), values, rows))
    blocks = {
        node.name.rpartition("_Q")[0]: {given.name: given.i for given in node.attribute}
        for node in onnx.load(target).graph.node
        if node.op_type == "MatMulNBits"
    }
    return found, blocks, fidelity.sqnr_db


def test_weights_go_to_4_bits_in_blocks_and_the_head_to_8(tmp_path: Path) -> None:
    found, blocks, sqnr_db = made(tmp_path, language_model())
    assert {name: given["bits"] for name, given in blocks.items()} == {"first": 4, "second": 4, "scores": 8, "keys": 4}
    assert {given["block_size"] for given in blocks.values()} == {32}
    assert (found.reduced_nodes, found.ladder) == (4, ()) and sqnr_db > 15
    assert (tmp_path / "out.onnx").stat().st_size < 0.35 * (tmp_path / "model.onnx").stat().st_size


@pytest.mark.parametrize(("head_precision", "bits"), [("int4", 4), ("fp32", None)])
def test_the_head_takes_the_precision_asked_for_it(tmp_path: Path, head_precision: str, bits: int | None) -> None:
    _, blocks, _ = made(tmp_path, language_model(), headPrecision=head_precision)
    assert blocks.get("scores", {}).get("bits") == bits


@pytest.mark.parametrize("symmetric", [True, False])
def test_8_bits_are_closer_than_4(tmp_path: Path, symmetric: bool) -> None:
    _, _, four = made(tmp_path, language_model(), symmetric=symmetric, headPrecision="int4")
    _, blocks, eight = made(tmp_path, language_model(), symmetric=symmetric, precision="int8")
    assert eight > four + 15 and {given["bits"] for given in blocks.values()} == {8}


def test_the_accuracy_level_and_exclusions_are_kept(tmp_path: Path) -> None:
    _, blocks, _ = made(tmp_path, language_model(), accuracyLevel=4, excludeNodes=["first", "scores"])
    assert {name: given.get("accuracy_level") for name, given in blocks.items()} == {"second": 4, "keys": 4}


@pytest.mark.parametrize("turned", [0, 1])
def test_gemm_counts_as_a_product_too(tmp_path: Path, turned: int) -> None:
    source = mlp((32, 48, 4))
    if turned:
        for node, entry in zip([node for node in source.graph.node if node.op_type == "Gemm"], (0, 2), strict=True):
            held = source.graph.initializer[entry]
            held.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(held).T.copy(), held.name))
            node.attribute.append(helper.make_attribute("transB", 1))
    found, blocks, sqnr_db = made(tmp_path, source)
    assert Counter(given["bits"] for given in blocks.values()) == {4: 1, 8: 1}
    assert found.reduced_nodes == 2 and sqnr_db > 12


def test_the_head_is_the_product_nearest_to_the_first_output() -> None:
    found = head(language_model())
    assert found is not None and found.name == "scores"


def test_without_products_nothing_is_quantized(tmp_path: Path) -> None:
    source = model(
        [helper.make_node("Relu", ["x"], ["y"], name="relu")],
        {"x": (TensorProto.FLOAT, ["batch", 4])},
        {"y": (TensorProto.FLOAT, ["batch", 4])},
    )
    assert made(tmp_path, source)[0].reduced_nodes == 0
