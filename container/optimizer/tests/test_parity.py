import numpy as np
import pytest

from optimizer.onnx_file import Tensor
from optimizer.parity import difference, probes
from optimizer.tests.models import normal


def answers(*values: float, label: int = 1) -> dict[str, list[np.ndarray]]:
    return {"label": [np.array([label])], "scores": [np.array([values], np.float32)]}


def test_rounding_is_no_difference_and_noise_is() -> None:
    assert difference(answers(1, 2), answers(1.00002, 2)) is None
    assert difference(answers(1, 2), answers(1.001, 2)) == "67.0 dB is below 80 dB"
    assert difference(answers(1, 2), answers(float("nan"), 2)) == "1 values are NaN or infinite"


def test_a_label_that_changes_is_a_difference() -> None:
    assert difference(answers(1, 2), answers(1, 2, label=0)) == "output 'label' differs"


def test_classic_models_are_held_to_absolute_differences() -> None:
    assert difference(answers(0, 1e-6), answers(0, 9e-6), classic=True) is None
    assert difference(answers(0.5, 0.5), answers(0.5001, 0.4999), classic=True) == (
        "a value differs by 0.0001, at most 1e-05 is allowed"
    )


@pytest.mark.parametrize(("batch", "sizes"), [("batch", [1, 1, 1, 2]), (None, [1, 1, 1, 2]), (1, [1, 1, 1])])
def test_batches_of_two_are_probed_where_the_batch_is_symbolic(batch: str | int | None, sizes: list[int]) -> None:
    found = probes({"x": normal(5, 3)}, [Tensor("x", "float32", (batch, 3))], [0, 2, 4])
    assert [len(feed["x"]) for feed in found] == sizes
