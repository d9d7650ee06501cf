"""Loading a model and learning its batch limit: only where a batch helps and changes nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from server import session
from server.errors import StartError
from server.tests import models


def load(path: Path) -> session.Model:
    return session.load(path, "m", "1", 1)


def learn(path: Path, max_batch: int | None = None) -> session.Curve:
    model = load(path)
    return session.learn(model, [session.example(model, {})], 1, max_batch)


def test_the_signature_says_what_the_model_takes_and_gives(tmp_path: Path) -> None:
    signature = load(models.linear(tmp_path / "m.onnx")).signature
    assert [spec.metadata() for spec in signature.inputs] == [{"name": "x", "datatype": "FP32", "shape": [-1, 4]}]
    assert [spec.metadata() for spec in signature.outputs] == [{"name": "y", "datatype": "FP32", "shape": [-1, 3]}]


def test_a_tiny_model_gains_from_batches_and_may_run_on_the_event_loop(tmp_path: Path) -> None:
    curve = learn(models.linear(tmp_path / "m.onnx"))
    assert curve.limit >= 8
    assert curve.inline


def test_a_model_whose_time_grows_with_its_rows_is_not_batched(tmp_path: Path) -> None:
    nodes = [helper.make_node("MatMul", ["x" if i == 0 else f"h{i - 1}", "w"], [f"h{i}"]) for i in range(3)]
    nodes.append(helper.make_node("Identity", ["h2"], ["y"]))
    weight = np.eye(256, dtype=np.float32)
    shape = ["N", 512, 256]
    path = models.save(tmp_path / "m.onnx", nodes, [("x", "FP32", shape)], [("y", "FP32", shape)], {"w": weight})
    curve = learn(path)
    assert (curve.limit, curve.inline) == (1, False)


def test_a_slow_model_never_runs_on_the_event_loop(tmp_path: Path) -> None:
    assert not learn(models.slow(tmp_path / "m.onnx", 2)).inline


def test_a_batch_that_changes_answers_is_never_made(tmp_path: Path) -> None:
    path = models.dynamic_quantized(tmp_path / "m.onnx")
    for asked in (None, 64):
        curve = learn(path, asked)
        assert (curve.limit, curve.note) == (1, "a batch would change the model's answers")


def test_rows_that_look_at_each_other_are_never_batched(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Transpose", ["x"], ["t"], perm=[1, 0]),
        helper.make_node("MatMul", ["x", "t"], ["y"]),
    ]
    path = models.save(tmp_path / "m.onnx", nodes, [("x", "FP32", ["N", 4])], [("y", "FP32", ["N", "M"])])
    assert learn(path).limit == 1


def centred(path: Path, kind: str, shape: list) -> Path:
    """y = x less the mean over the batch."""
    nodes = [
        helper.make_node("Cast", ["x"], ["f"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["f"], ["mean"], axes=[0], keepdims=1),
        helper.make_node("Sub", ["f", "mean"], ["y"]),
    ]
    return models.save(path, nodes, [("x", kind, shape)], [("y", "FP32", shape)])


@pytest.mark.parametrize("kind", sorted(models.ONNX_TYPES))
@pytest.mark.parametrize("shape", [["N", 3], ["N", 1], ["N"]])
def test_rows_that_look_at_each_other_are_found_in_every_datatype(tmp_path: Path, kind: str, shape: list) -> None:
    model = load(centred(tmp_path / "m.onnx", kind, shape))
    zeros = np.zeros([1] * len(shape) if shape != ["N", 3] else [1, 3], model.signature.inputs[0].datatype.dtype)
    row = zeros.astype(str).astype(object) if kind == "BYTES" else zeros
    for rows in ([[row]], [[row]] * 3):
        curve = session.learn(model, rows, 1, 64)
        assert (curve.limit, curve.note) == (1, "a batch would change the model's answers")


def test_a_scale_over_the_whole_batch_is_found_behind_whole_numbers(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Gather", ["table", "x"], ["f"]),
        helper.make_node("DynamicQuantizeLinear", ["f"], ["q", "scale", "zero"]),
        helper.make_node("DequantizeLinear", ["q", "scale", "zero"], ["y"]),
    ]
    table = {"table": np.random.default_rng(1).standard_normal((200, 4)).astype(np.float32)}
    path = models.save(tmp_path / "m.onnx", nodes, [("x", "INT64", ["N", 8])], [("y", "FP32", ["N", 8, 4])], table)
    assert learn(path, 64).limit == 1


@pytest.mark.parametrize("words", [2, 5, 50, 1000])
def test_token_ids_are_batched_whatever_the_size_of_their_table(tmp_path: Path, words: int) -> None:
    """Ids, a mask that is always 1 and types that are always 0, as tokenizers make them."""
    nodes = [
        helper.make_node("Gather", ["table", "ids"], ["words"]),
        helper.make_node("Gather", ["kinds", "types"], ["types_"]),
        helper.make_node("Add", ["words", "types_"], ["sum"]),
        helper.make_node("Cast", ["mask"], ["f"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["f", "last"], ["column"]),
        helper.make_node("Mul", ["sum", "column"], ["y"]),
    ]
    random = np.random.default_rng(2)
    weights = {
        "table": random.standard_normal((words, 4)).astype(np.float32),
        "kinds": random.standard_normal((2, 4)).astype(np.float32),
        "last": np.array([-1]),
    }
    inputs = [(name, "INT64", ["N", 8]) for name in ("ids", "mask", "types")]
    path = models.save(tmp_path / "m.onnx", nodes, inputs, [("y", "FP32", ["N", 8, 4])], weights)
    assert learn(path, 64).limit == 64
    model = load(path)
    ids = [random.integers(0, words, (1, 8)) for _ in range(3)]
    rows = [[row, np.ones((1, 8), np.int64), np.zeros((1, 8), np.int64)] for row in ids]
    assert session.learn(model, rows, 1, 64).limit == 64


def test_a_model_that_refuses_the_rows_made_up_for_it_is_not_batched(tmp_path: Path) -> None:
    node = helper.make_node("Gather", ["table", "x"], ["y"])
    table = {"table": np.array([10], np.float32)}
    path = models.save(tmp_path / "m.onnx", [node], [("x", "INT64", ["N"])], [("y", "FP32", ["N"])], table)
    assert learn(path, 64).limit == 1


def test_a_fixed_batch_is_taken_request_by_request(tmp_path: Path) -> None:
    model = load(models.echo(tmp_path / "m.onnx", ["FP32"], [4, 3]))
    curve = session.learn(model, [session.example(model, {})], 1, 8)
    assert (model.batchable, curve.limit) == (False, 1)
    assert model.key([np.zeros((4, 3), np.float32)]) == (1, ((4, 3),))


def test_a_batch_limit_that_is_asked_for_is_kept(tmp_path: Path) -> None:
    path = models.linear(tmp_path / "m.onnx")
    assert [learn(path, asked).limit for asked in (1, 5)] == [1, 5]


def test_inputs_of_different_rows_share_no_run(tmp_path: Path) -> None:
    model = load(models.echo(tmp_path / "m.onnx", ["FP32", "INT64"]))
    same = [np.zeros((3, 2), np.float32), np.zeros((3, 2), np.int64)]
    assert model.key(same) == (3, ((2,), (2,)))
    assert model.key([same[0], same[1][:1]]) == (3, None)


def test_outputs_that_are_no_tensors_are_left_out(tmp_path: Path) -> None:
    sequence = helper.make_tensor_sequence_value_info("s", TensorProto.FLOAT, None)
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N"]) for name in "xy")
    nodes = [helper.make_node("SequenceConstruct", ["x"], ["s"]), helper.make_node("Neg", ["x"], ["y"])]

    def write(outputs: list) -> Path:
        graph = helper.make_graph(nodes, "g", [x], outputs)
        path = tmp_path / "m.onnx"
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10), path)
        return path

    assert load(write([sequence, y])).output_names == ["y"]
    with pytest.raises(StartError, match="gives no tensor"):
        load(write([sequence]))


@pytest.mark.parametrize("content", [b"", b"not a model", b"\x08\x0a\x12\x00"])
def test_what_onnx_runtime_refuses_is_one_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(content)
    with pytest.raises(StartError, match=r"^ONNX Runtime 1\.\d+\.\d+ refuses .*m\.onnx: ") as caught:
        load(path)
    assert "\n" not in str(caught.value)
    assert caught.value.code == 2


def heavy(path: Path) -> Path:
    """One product with a matrix of 16 MB: eight rows take hardly longer than one."""
    node = helper.make_node("MatMul", ["x", "w"], ["y"])
    weight = np.random.default_rng(3).standard_normal((2048, 2048)).astype(np.float32)
    return models.save(path, [node], [("x", "FP32", ["N", 2048])], [("y", "FP32", ["N", 2048])], {"w": weight})


@pytest.mark.parametrize("asked", [1, 2, 5])
def test_it_is_known_what_batches_would_bring_where_they_are_kept_small(tmp_path: Path, asked: int) -> None:
    curve = learn(heavy(tmp_path / "m.onnx"), asked)
    assert curve.limit == asked
    assert curve.gain is not None
    assert curve.gain < 0.9


def test_a_learned_limit_is_where_doubling_stopped_to_pay(tmp_path: Path) -> None:
    nodes = [helper.make_node("MatMul", ["x" if i == 0 else f"h{i - 1}", "w"], [f"h{i}"]) for i in range(3)]
    nodes.append(helper.make_node("Identity", ["h2"], ["y"]))
    weight = np.eye(256, dtype=np.float32)
    shape = ["N", 512, 256]
    path = models.save(tmp_path / "m.onnx", nodes, [("x", "FP32", shape)], [("y", "FP32", shape)], {"w": weight})
    curve = learn(path)
    assert curve.gain is not None
    assert curve.gain > 0.9


def test_nothing_is_said_of_batches_that_may_not_be_made_or_take_long(tmp_path: Path) -> None:
    assert learn(models.dynamic_quantized(tmp_path / "a.onnx"), 1).gain is None
    assert learn(models.dynamic_quantized(tmp_path / "a.onnx"), 8).gain is None
    assert learn(models.slow(tmp_path / "b.onnx", 12), 1).gain is None
    assert learn(heavy(tmp_path / "c.onnx"), 1_000_000).gain is None
