from pathlib import Path

import numpy as np
import pytest

from optimizer.bake import BakedModelDiffersError, canary_tolerance, check_unchanged, side_by_side
from optimizer.candidates import Trial
from optimizer.gate import Judged
from optimizer.recipe import candidate
from optimizer.tests.models import candidate as entry


def one(*values: float) -> list[np.ndarray]:
    return [np.array([value], np.float32) for value in values]


def noisy(decibels: float) -> float:
    return 1 + 10 ** (-decibels / 20)


@pytest.mark.parametrize(("measured", "asked"), [(35.6, 29.6), (120, 60), (66, 60), (14.4, 8.4)])
def test_canaries_ask_for_6_db_less_than_was_reached(measured: float, asked: float) -> None:
    reference, got = {"y": [np.ones((1, 4))]}, {"y": [np.full((1, 4), noisy(measured))]}
    assert canary_tolerance(reference, got) == pytest.approx(asked, abs=0.011)


def test_identical_answers_ask_for_the_ceiling() -> None:
    assert canary_tolerance({"y": one(1, 2)}, {"y": one(1, 2)}) == 60


def test_a_file_that_answers_otherwise_than_when_judged_is_never_shipped() -> None:
    trial = Trial(candidate(entry()), None, None, {"y": one(1, 2, 3)}, Path(), 1, 1)
    judged = Judged(trial, "passed", (), (), None, None)
    check_unchanged(judged, np.array([1, 2]), {"y": one(2, 3)})
    with pytest.raises(
        BakedModelDiffersError, match=r"static answers otherwise than when it was judged: .* dB is below"
    ):
        check_unchanged(judged, np.array([1, 2]), {"y": one(2, 3.5)})


def test_answers_stand_side_by_side_whatever_their_first_axis() -> None:
    assert side_by_side([np.ones((1, 3)), np.zeros((1, 3))]).shape == (2, 3)
    assert side_by_side([np.ones((4, 3)), np.zeros((4, 3))]).shape == (2, 4, 3)
    assert side_by_side([np.ones(()), np.zeros(())]).tolist() == [1.0, 0.0]
