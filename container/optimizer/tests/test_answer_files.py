from pathlib import Path

import numpy as np
import pytest

from optimizer.answer_files import load_answers, save_answers, save_arrays


def test_answers_of_any_shape_and_name_come_back_in_order(tmp_path: Path) -> None:
    answers = {
        "a:b/c": [np.zeros((1, 2), np.float16), np.ones((1, 3), np.float16)],
        "label": [np.array(["é"]), np.array(["long text"])],
    }
    save_answers(tmp_path / "answers.npz", answers)
    found = load_answers(tmp_path / "answers.npz")
    assert list(found) == ["a:b/c", "label"]
    for name, values in answers.items():
        for expected, value in zip(values, found[name], strict=True):
            np.testing.assert_array_equal(expected, value)


def test_python_objects_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="Object arrays"):
        save_arrays(tmp_path / "x.npz", {"x": np.array([{}], dtype=object)})
