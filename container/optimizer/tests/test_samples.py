import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from optimizer.errors import UserError
from optimizer.onnx_file import Tensor
from optimizer.samples import FEW, MOST_CALIBRATED, MOST_JUDGED, make_up, read_samples, split
from optimizer.tests.models import normal, save_samples

X = Tensor("x", "float32", ("batch", 4))
IDS = Tensor("ids", "int64", ("batch", "length"))
MASK = Tensor("mask", "int64", ("batch", "length"))


def problems(path: Path, *inputs: Tensor, labels: Path | None = None, **dims: int) -> tuple[str, ...]:
    with pytest.raises(UserError) as raised:
        read_samples(path, labels, inputs, dims, 0)
    return raised.value.problems


def labels(folder: Path, values: np.ndarray) -> Path:
    np.save(folder / "labels.npy", values)
    return folder / "labels.npy"


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    path = save_samples(tmp_path, id=np.zeros((3, 5), np.int64), mask=np.zeros((2, 6), np.int32), x=normal(3, 5))
    found = problems(path, X, IDS, MASK, labels=labels(tmp_path, np.array([0.5, 1.0])))
    assert found == (
        "The samples hold 'id', which is no input of the model. Inputs: x, ids, mask. Did you mean 'ids'?",
        "The samples lack input 'ids', int64 [batch, length]. Add an array of that name.",
        "Input 'x' has shape [3, 5] in the samples, the model wants [batch, 4]: axis 1 is 5, not 4.",
        "Input 'mask' has dtype int32 in the samples, the model wants int64. Convert it with .astype('int64').",
        "The arrays differ in how many samples they hold: 'x' 3, 'mask' 2. Give the same number in each.",
        "The labels have dtype float64. Give class ids as integers, for example int64.",
    )


def test_a_dimension_has_one_size_everywhere(tmp_path: Path) -> None:
    path = save_samples(tmp_path, ids=np.zeros((2, 5), np.int64), mask=np.zeros((2, 6), np.int64))
    assert problems(path, IDS, MASK) == (
        "Input 'mask' has shape [2, 6] in the samples, the model wants [batch, length]: axis 1 is 6, not 5 by 'ids'.",
    )
    assert len(problems(path, IDS, MASK, length=7)) == 2


def test_a_wrong_rank_is_told_with_both_shapes(tmp_path: Path) -> None:
    assert problems(save_samples(tmp_path, x=normal(4)), X) == (
        "Input 'x' has shape [4] in the samples, the model wants [batch, 4], the first axis being the sample.",
    )


def test_empty_samples_are_refused(tmp_path: Path) -> None:
    assert problems(save_samples(tmp_path, x=np.zeros((0, 4), np.float32)), X) == (
        "Input 'x' is empty, shape [0, 4]. Give at least one sample.",
    )


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_no_numbers_are_refused_with_the_first_sample(tmp_path: Path, value: float) -> None:
    values = normal(5, 4)
    values[2, 1] = values[4, 0] = value
    assert problems(save_samples(tmp_path, x=values), X) == (
        "Input 'x' holds NaN or infinity, first in sample 2. Remove or repair these samples.",
    )


def test_python_objects_are_never_unpickled(tmp_path: Path) -> None:
    path = tmp_path / "samples.npz"
    np.savez(path, x=np.array([{"a": 1}, None], dtype=object))
    assert problems(path, X) == (
        f"Array 'x' in {path} holds Python objects. Save it as numbers, for example with .astype('float32').",
    )


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04" + b"\0" * 40])
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "samples.npz"
    path.write_bytes(content)
    assert problems(path, X) == (
        f"The samples {path} are not an .npz file, or a damaged one. "
        "Write them with numpy.savez, one array for each input.",
    )


def test_missing_files_and_folders_are_told(tmp_path: Path) -> None:
    assert problems(tmp_path / "no.npz", X) == (f"The samples {tmp_path / 'no.npz'}: no such file. Check the path.",)
    assert problems(tmp_path, X) == (f"The samples {tmp_path}: this is a folder. Name the file itself.",)


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        (np.arange(3), "There are 3 labels for 2 samples. Give one for each."),
        (np.zeros((2, 1), np.int64), "The labels have shape [2, 1]. Give one class id for each sample: [samples]."),
        (np.array([0, -1]), "The labels hold -1. Class ids start at 0; leave samples without a class out."),
        (np.array([True, False]), "The labels have dtype bool. Give class ids as integers, for example int64."),
        (
            np.array([0, 2**63], np.uint64),
            "The labels hold 9223372036854775808, which is no class id. Give ids from 0 on.",
        ),
    ],
)
def test_bad_labels_are_refused(tmp_path: Path, values: np.ndarray, problem: str) -> None:
    assert problems(save_samples(tmp_path, x=normal(2, 4)), X, labels=labels(tmp_path, values)) == (problem,)


@pytest.mark.parametrize("wanted", [np.array([0.5, -1]), np.array([[1, 2], [3, 4]]), np.array(["a", "b"])])
def test_a_metric_of_the_users_own_reads_labels_of_any_kind(tmp_path: Path, wanted: np.ndarray) -> None:
    found = read_samples(save_samples(tmp_path, x=normal(2, 4)), labels(tmp_path, wanted), [X], {}, 0, own_metric=True)
    assert found.labels is not None and found.labels.dtype == wanted.dtype and np.array_equal(found.labels, wanted)
    # As with class ids, no sample serves for both.
    assert not set(found.calibration) & set(found.evaluation)


@pytest.mark.parametrize(("wanted", "shape"), [(np.zeros((3, 2)), "[3, 2]"), (np.array(1.0), "[]")])
def test_even_a_metric_needs_a_label_for_each_sample(tmp_path: Path, wanted: np.ndarray, shape: str) -> None:
    with pytest.raises(UserError) as refused:
        read_samples(save_samples(tmp_path, x=normal(2, 4)), labels(tmp_path, wanted), [X], {}, 0, own_metric=True)
    assert refused.value.problems == (f"The labels have shape {shape} for 2 samples. Give one for each.",)


def test_labels_that_are_no_npy_are_refused(tmp_path: Path) -> None:
    (tmp_path / "labels.npy").write_text("1,2,3")
    found = problems(save_samples(tmp_path, x=normal(2, 4)), X, labels=tmp_path / "labels.npy")
    assert found == (
        f"The labels {tmp_path / 'labels.npy'} are not an .npy file, or a damaged one. Write them with numpy.save.",
    )


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=st.floats(0, 1), flip=st.floats(0, 1), bits=st.integers(0, 255))
def test_damage_gives_a_sentence_or_sound_samples(tmp_path: Path, cut: float, flip: float, bits: int) -> None:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, x=normal(20, 4))
    content = bytearray(buffer.getvalue()[: int(cut * len(buffer.getvalue()))])
    if content:
        content[int(flip * (len(content) - 1))] ^= bits
    path = tmp_path / "damaged.npz"
    path.write_bytes(content)
    try:
        assert read_samples(path, None, [X], {}, 0).inputs["x"].shape == (20, 4)
    except UserError as error:
        assert all(problem.endswith(".") for problem in error.problems)


def test_a_header_that_lies_about_its_size_is_refused(tmp_path: Path) -> None:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f4", "fortran_order": False, "shape": (1 << 40, 4)})
    path = tmp_path / "samples.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x.npy", header.getvalue())
    assert problems(path, X) == (f"Array 'x' in {path} is damaged. Write the file again with numpy.savez.",)


def test_other_byte_orders_and_layouts_are_read(tmp_path: Path) -> None:
    values = normal(40, 4)
    path = save_samples(tmp_path, x=np.asfortranarray(values.astype(">f4")))
    found = read_samples(path, None, [X], {}, 0).inputs["x"]
    np.testing.assert_array_equal(found, values)
    assert found.dtype == np.float32 and found.dtype.isnative


@given(count=st.integers(2, 5000), seed=st.integers(0, 100))
def test_labelled_samples_never_calibrate_and_judge_both(count: int, seed: int) -> None:
    calibration, evaluation, _ = split(count, True, seed)
    assert not set(calibration) & set(evaluation)
    assert 1 <= len(calibration) <= MOST_CALIBRATED and 1 <= len(evaluation) <= MOST_JUDGED
    assert set(calibration) | set(evaluation) <= set(range(count))
    assert len(calibration) < 10 or len(calibration) % 10 == 0
    again = split(count, True, seed)
    np.testing.assert_array_equal(calibration, again[0])
    np.testing.assert_array_equal(evaluation, again[1])


def test_few_samples_without_labels_serve_both_and_the_notes_say_so() -> None:
    calibration, evaluation, notes = split(FEW - 1, False, 0)
    np.testing.assert_array_equal(calibration, evaluation)
    assert notes == ("Only 29 samples: the same ones calibrate and judge. Give 30 or more.",)


def test_made_up_inputs_fit_the_model_and_come_out_the_same() -> None:
    inputs = [IDS, Tensor("x", "float32", (1, 4)), Tensor("flag", "bool", ("n",)), Tensor("text", "string", ("n", 1))]
    made = make_up(inputs, {"length": 7}, 3, 5)
    assert {name: (values.shape, values.dtype.kind) for name, values in made.inputs.items()} == {
        "ids": ((3, 7), "i"), "x": ((3, 4), "f"), "flag": ((3,), "b"), "text": ((3, 1), "U"),
    }  # fmt: skip
    assert made.made_up and len(made.calibration) == 0
    np.testing.assert_array_equal(made.inputs["x"], make_up(inputs, {"length": 7}, 3, 5).inputs["x"])


def test_every_dimension_without_a_size_is_named() -> None:
    with pytest.raises(UserError) as raised:
        make_up([IDS, Tensor("x", "float32", ("batch", None))], {}, 1, 0)
    assert raised.value.problems == (
        "Dimension 'length' of input 'ids' has no size. Give one with --dim, for example --dim length=128, "
        "or samples with --data.",
        "Dimension 1 of input 'x', which has no name, has no size. Give samples with --data, or export the model with "
        "a name or a size there.",
    )
