import os
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from optimizer.errors import UserError
from optimizer.onnx_file import ModelFile, Tensor, admit_model
from optimizer.recipe import Limits
from optimizer.tests.models import EXAMPLES, mlp, model, normal, save

LIMITS = Limits(candidate_seconds=1, candidate_memory_bytes=1, model_bytes=50_000_000, nodes=1000)
FLOAT = TensorProto.FLOAT


def admitted(path: Path, limits: Limits = LIMITS) -> ModelFile:
    return admit_model(path, path.parent / "scratch.bin", limits)


def problems(path: Path, limits: Limits = LIMITS) -> tuple[str, ...]:
    with pytest.raises(UserError) as raised:
        admitted(path, limits)
    return raised.value.problems


def external(folder: Path) -> onnx.ModelProto:
    """A model saved with its weights in weights.bin, read back without them."""
    onnx.save_model(
        mlp((16, 64, 4)), folder / "model.onnx", save_as_external_data=True, location="weights.bin", size_threshold=256
    )
    return onnx.load(folder / "model.onnx", load_external_data=False)


def relocate(folder: Path, location: str) -> Path:
    made = external(folder)
    for tensor in made.graph.initializer:
        for entry in tensor.external_data:
            if entry.key == "location":
                entry.value = location
    (folder / "model.onnx").write_bytes(made.SerializeToString())
    return folder / "model.onnx"


def test_a_good_model_is_described(tmp_path: Path) -> None:
    path = save(tmp_path, mlp((16, 32, 4), opset=18))
    found = admitted(path)
    assert (found.opset, found.ir_version, found.nodes, found.quantization, found.classic) == (18, 10, 3, None, False)
    assert found.inputs == (Tensor("x", "float32", ("batch", 16)),)
    assert found.outputs == (Tensor("y", "float32", ("batch", 4)),)
    assert found.bytes == path.stat().st_size


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "The model {} is empty. Export it again."),
        (
            b"this is text, no model\n" * 9,
            "{} is not an ONNX file. Name a file that ends in .onnx, exported from your framework.",
        ),
        (
            b"\x89PNG\r\n\x1a\n" + b"\0" * 99,
            "{} is not an ONNX file. Name a file that ends in .onnx, exported from your framework.",
        ),
        (
            b"PK\x03\x04" + b"\0" * 99,
            "{} is not an ONNX file. Name a file that ends in .onnx, exported from your framework.",
        ),
    ],
)
def test_other_files_are_refused(tmp_path: Path, content: bytes, problem: str) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    assert problems(path) == (problem.format(path),)


def test_a_missing_file_a_folder_and_a_closed_file_are_told(tmp_path: Path) -> None:
    assert problems(tmp_path / "no.onnx") == (f"The model {tmp_path / 'no.onnx'}: no such file. Check the path.",)
    assert problems(tmp_path) == (f"The model {tmp_path}: this is a folder. Name the file itself.",)


def test_half_a_model_is_called_truncated(tmp_path: Path) -> None:
    path = save(tmp_path, mlp())
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert problems(path) == (f"The model {path} is truncated or damaged. Copy or export it again.",)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=st.floats(0, 1), place=st.floats(0, 1), bits=st.integers(0, 255))
def test_a_cut_or_damaged_model_gives_a_sentence_never_a_crash(
    tmp_path: Path, cut: float, place: float, bits: int
) -> None:
    content = bytearray(mlp((4, 4)).SerializeToString())
    content = content[: int(cut * len(content))]
    if content:
        content[int(place * (len(content) - 1))] ^= bits
    path = tmp_path / "damaged.onnx"
    path.write_bytes(content)
    try:
        admitted(path)
    except UserError as error:
        assert all(problem.endswith(".") and "\n" not in problem for problem in error.problems)


@pytest.mark.parametrize("opset", [6, 27])
def test_opsets_out_of_range_are_refused(tmp_path: Path, opset: int) -> None:
    assert problems(save(tmp_path, mlp(opset=opset))) == (
        f"The model uses opset {opset}; ONNX Runtime 1.30 reads 7 to 26. Export it with opset 17 to 21.",
    )


def test_too_new_an_ir_version_is_refused(tmp_path: Path) -> None:
    assert problems(save(tmp_path, mlp(ir_version=14))) == (
        "The model has IR version 14; ONNX Runtime 1.30 reads 3 to 13. Export it with IR version 10.",
    )


def test_external_data_are_taken_in(tmp_path: Path) -> None:
    external(tmp_path)
    found = admitted(tmp_path / "model.onnx")
    assert found.bytes == sum((tmp_path / name).stat().st_size for name in ("model.onnx", "weights.bin"))
    alone = onnx.load(found.path, load_external_data=False)
    assert not any(tensor.external_data for tensor in alone.graph.initializer)
    np.testing.assert_array_equal(
        numpy_helper.to_array(alone.graph.initializer[0]), numpy_helper.to_array(mlp((16, 64, 4)).graph.initializer[0])
    )


def test_the_hash_covers_external_data(tmp_path: Path) -> None:
    external(tmp_path)
    before = admitted(tmp_path / "model.onnx").sha256
    content = bytearray((tmp_path / "weights.bin").read_bytes())
    content[0] ^= 1
    (tmp_path / "weights.bin").write_bytes(content)
    assert admitted(tmp_path / "model.onnx").sha256 != before


def test_missing_external_data_are_told_once(tmp_path: Path) -> None:
    external(tmp_path)
    (tmp_path / "weights.bin").unlink()
    assert problems(tmp_path / "model.onnx") == (
        f"External data 'weights.bin' are missing in {tmp_path}. Copy the file beside the model.",
    )


@pytest.mark.parametrize("location", ["../weights.bin", "/etc/passwd", "a/../../weights.bin"])
def test_external_data_outside_the_folder_are_refused(tmp_path: Path, location: str) -> None:
    assert problems(relocate(tmp_path, location)) == (
        f"External data '{location}' lie outside the model's folder. "
        "Put the file beside the model and export it with that name.",
    )


def test_a_symbolic_link_is_refused(tmp_path: Path) -> None:
    external(tmp_path)
    (tmp_path / "weights.bin").rename(tmp_path / "real.bin")
    (tmp_path / "weights.bin").symlink_to("real.bin")
    assert problems(tmp_path / "model.onnx") == (
        "External data 'weights.bin' are a symbolic link. Copy the file itself beside the model.",
    )


def test_a_linked_folder_is_refused(tmp_path: Path) -> None:
    path = relocate(tmp_path, "weights/weights.bin")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "weights.bin").rename(tmp_path / "elsewhere" / "weights.bin")
    (tmp_path / "weights").symlink_to("elsewhere")
    assert problems(path) == (
        "External data 'weights/weights.bin' are a symbolic link. Copy the file itself beside the model.",
    )


def test_a_hard_link_is_refused(tmp_path: Path) -> None:
    external(tmp_path)
    os.link(tmp_path / "weights.bin", tmp_path / "other.bin")
    assert problems(tmp_path / "model.onnx") == (
        "External data 'weights.bin' are a hard link. Copy the file itself beside the model.",
    )


def test_external_data_that_are_too_short_are_refused(tmp_path: Path) -> None:
    external(tmp_path)
    os.truncate(tmp_path / "weights.bin", 100)
    assert "External data 'weights.bin' are truncated: 100 bytes," in problems(tmp_path / "model.onnx")[0]


def test_custom_operators_are_listed(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Fancy", ["x"], ["a"], domain="acme"),
        helper.make_node("Beam", ["a"], ["y"], domain="ai.contrib"),
    ]
    made = model(nodes, {"x": (FLOAT, ["n", 2])}, {"y": (FLOAT, ["n", 2])}, domains={"acme": 1, "ai.contrib": 1})
    assert problems(save(tmp_path, made)) == (
        "The model has custom operators: acme:Fancy, ai.contrib:Beam. "
        "Only operators that ONNX Runtime ships can be served. Export it without them.",
    )


def test_a_model_blocked_for_one_processor_is_refused(tmp_path: Path) -> None:
    nodes = [helper.make_node("Conv", ["x"], ["y"], domain="com.microsoft.nchwc")]
    made = model(nodes, {"x": (FLOAT, ["n", 2])}, {"y": (FLOAT, ["n", 2])}, domains={"com.microsoft.nchwc": 1})
    assert problems(save(tmp_path, made)) == (
        "The model is bound to the processor that wrote it (com.microsoft.nchwc:Conv). Give it as it was exported.",
    )


def test_a_classifier_with_zipmap_is_told_what_to_do(tmp_path: Path) -> None:
    made = onnx.load(EXAMPLES / "breast-cancer" / "breast-cancer.onnx")
    made.graph.node.append(
        helper.make_node("ZipMap", ["probabilities"], ["zipped"], domain="ai.onnx.ml", classlabels_int64s=[0, 1])
    )
    kind = helper.make_map_type_proto(TensorProto.INT64, helper.make_tensor_type_proto(FLOAT, []))
    made.graph.output.append(helper.make_value_info("zipped", helper.make_sequence_type_proto(kind)))
    assert problems(save(tmp_path, made)) == (
        "Output 'zipped' is a sequence of maps; Slipway serves tensors only. Export the classifier with zipmap=False.",
    )


def test_a_first_dimension_that_is_no_batch_is_refused(tmp_path: Path) -> None:
    assert problems(save(tmp_path, mlp((16, 4), batch=8))) == (
        "Input 'x' has shape [8, 16]; its first dimension must be the batch, symbolic or 1. Export it so.",
    )


def test_limits_of_size_and_nodes_hold(tmp_path: Path) -> None:
    path = save(tmp_path, mlp((16, 8, 8, 4)))
    size = path.stat().st_size
    assert problems(path, Limits(1, 1, size - 1, 99)) == (
        f"The model has {size} bytes, at most {size - 1} can be served. Make it smaller first.",
    )
    assert problems(path, Limits(1, 1, size, 2)) == (
        "The model has 5 nodes, at most 2 are allowed. Simplify it first.",
    )


def test_rules_that_onnx_itself_checks_are_told(tmp_path: Path) -> None:
    made = mlp((16, 4))
    made.graph.node[0].input[0] = "nowhere"
    found = problems(save(tmp_path, made))
    assert len(found) == 1 and "breaks the rules of ONNX" in found[0]


def test_weights_listed_as_inputs_are_no_inputs(tmp_path: Path) -> None:
    made = mlp((16, 4), ir_version=3, opset=9)
    for tensor in made.graph.initializer:
        made.graph.input.append(helper.make_tensor_value_info(tensor.name, FLOAT, tensor.dims))
    assert [entry.name for entry in admitted(save(tmp_path, made)).inputs] == ["x"]


@pytest.mark.parametrize(("operator", "kind"), [("QuantizeLinear", "QDQ"), ("DynamicQuantizeLinear", "dynamic")])
def test_what_is_already_quantized_is_recognised(tmp_path: Path, operator: str, kind: str) -> None:
    scale = numpy_helper.from_array(np.array(0.1, np.float32), "s")
    zero = numpy_helper.from_array(np.array(0, np.uint8), "z")
    if operator == "QuantizeLinear":
        nodes, weights = [helper.make_node(operator, ["x", "s", "z"], ["y"])], [scale, zero]
    else:
        nodes, weights = [helper.make_node(operator, ["x"], ["y", "a", "b"])], []
    made = model(nodes, {"x": (FLOAT, ["n", 4])}, {"y": (TensorProto.UINT8, ["n", 4])}, weights)
    assert admitted(save(tmp_path, made)).quantization == kind


def test_half_precision_weights_are_recognised(tmp_path: Path) -> None:
    weight = numpy_helper.from_array(normal(4, 4).astype(np.float16), "w")
    half = TensorProto.FLOAT16
    made = model(
        [helper.make_node("MatMul", ["x", "w"], ["y"])], {"x": (half, ["n", 4])}, {"y": (half, ["n", 4])}, [weight]
    )
    assert admitted(save(tmp_path, made)).quantization == "16-bit floats"


def test_nodes_inside_branches_count(tmp_path: Path) -> None:
    branch = helper.make_graph(
        [helper.make_node("Odd", ["x"], ["b"], domain="acme")],
        "branch",
        [],
        [helper.make_tensor_value_info("b", FLOAT, None)],
    )
    nodes = [helper.make_node("If", ["c"], ["y"], then_branch=branch, else_branch=branch)]
    made = model(
        nodes, {"c": (TensorProto.BOOL, [1]), "x": (FLOAT, ["n", 2])}, {"y": (FLOAT, ["n", 2])}, domains={"acme": 1}
    )
    assert "acme:Odd" in problems(save(tmp_path, made))[0]


def test_a_model_without_inputs_is_refused(tmp_path: Path) -> None:
    nodes = [helper.make_node("Relu", ["w"], ["y"])]
    path = save(tmp_path, model(nodes, {}, {"y": (FLOAT, [4, 4])}, [numpy_helper.from_array(normal(4, 4), "w")]))
    assert problems(path) == (
        f"The model {path} lacks nodes, inputs or outputs: nothing can be served. Export it again.",
    )
