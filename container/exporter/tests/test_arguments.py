"""Start: what was asked for on the command line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.arguments import Dynamic, dynamic_axes, parse, place
from exporter.needed import missing_sentence
from optimizer.errors import UserError

GIVEN = ["train.py:build_model", "--example", "inputs.npz", "--out", "model.onnx"]
LABELS = st.from_regex(r"\A[a-z][a-z_0-9]{0,8}\Z").filter(lambda label: label != "batch")
NAMES = st.text(st.characters(exclude_characters=",", exclude_categories=["Cs"]), min_size=1).filter(
    lambda name: name == name.strip()
)


@given(st.lists(st.tuples(NAMES, st.integers(1, 9), LABELS), unique_by=lambda axis: axis[:2], min_size=1, max_size=5))
def test_axes_are_read_as_they_are_written(axes):
    texts = [f"{name}={axis}:{label}" for name, axis, label in axes]
    expected = tuple(Dynamic(*axis) for axis in axes)
    assert dynamic_axes([",".join(texts)]) == expected
    assert dynamic_axes(texts) == expected


@given(st.text(max_size=20))
def test_any_text_is_an_axis_or_a_problem(text):
    try:
        axes = dynamic_axes([text])
    except UserError as error:
        assert all(problem.startswith("--dynamic") for problem in error.problems)
    else:
        assert all(axis.axis > 0 and axis.input and axis.label for axis in axes)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("tokens", "--dynamic tokens: give NAME=AXIS:LABEL, such as tokens=1:sequence; axes count from 0."),
        ("tokens=-1:s", "--dynamic tokens=-1:s: give NAME=AXIS:LABEL, such as tokens=1:sequence; axes count from 0."),
        ("tokens=0:s", "--dynamic tokens=0:s: axis 0 is the batch, which is always dynamic. Leave it out."),
        ("tokens=1:batch", "--dynamic tokens=1:batch: 'batch' is the name of axis 0. Choose another label."),
        ("a=1:s,a=1:t", "--dynamic names axis 1 of 'a' twice. Give it one label."),
    ],
)
def test_axes_that_make_no_sense(text, problem):
    with pytest.raises(UserError) as refused:
        dynamic_axes([text])
    assert refused.value.problems == (problem,)


def test_a_file_may_have_colons_in_its_path():
    assert str(place("a:b/train.py:build", "the").file) == "a:b/train.py"


def test_all_problems_are_told_at_once():
    with pytest.raises(UserError) as refused:
        parse(
            [
                *("train.py", "--example", "i.npz", "--out", "model.bin", "--opset", "12", "--prune", "1.5"),
                *("--structured", "1:4", "--output-names", "a,,b", "--dynamic", "x"),
            ]
        )
    said = "\n".join(refused.value.problems)
    for part in (
        "the model's function is given as 'train.py'. Give FILE:FUNCTION",
        "--out model.bin: the file has to end in .onnx",
        "--opset 12: torch's exporter writes 18 to 23",
        "--prune 1.5: this is the share that goes. Give a number above 0 and below 1",
        "--structured 1:4 is not known. The one pattern is 2:4.",
        "--structured says how zeros are placed; give --sparsify 0.5, too.",
        "--output-names a,,b: give a different name for each output",
        "--dynamic x: give NAME=AXIS:LABEL",
        "--prune needs --finetune FILE:FUNCTION",
    ):
        assert part in said
    assert len(refused.value.problems) == 9


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        (["--finetune", "t.py:f"], "--finetune trains on after --prune or --sparsify"),
        (["--prune", "0.4", "--finetune", "t.py:f", "--no-finetune"], "--finetune and --no-finetune are given."),
        (["--sparsify", "0.4", "--structured", "2:4"], "--structured 2:4 sets every second weight to zero"),
        (["--prune", "nan", "--no-finetune"], "--prune nan: this is the share that goes."),
    ],
)
def test_options_that_do_not_go_together(more, problem):
    with pytest.raises(UserError) as refused:
        parse(GIVEN + more)
    assert refused.value.problems[0].startswith(problem)


def test_what_is_missing_is_named_as_pip_knows_it():
    sentence = missing_sentence(True, has=lambda module: module in ("numpy", "torch", "onnx"))
    assert sentence is not None
    assert "lacks onnxscript, onnxruntime, torch-pruning, which the export needs" in sentence
    assert "-m pip install onnxscript onnxruntime torch-pruning" in sentence
    assert missing_sentence(False, has=lambda module: module != "torch_pruning") is None
