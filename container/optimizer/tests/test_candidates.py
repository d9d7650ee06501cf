import sys
from pathlib import Path

import numpy as np

from optimizer.candidates import Trial, candidates
from optimizer.normalize import normalize
from optimizer.reference import reference
from optimizer.tests.models import admitted, candidate, dynamic, mlp, normal, recipe, save, save_samples, work

FAULTY = (sys.executable, "-m", "optimizer.tests.faulty_candidate")


def tried(folder: Path, *entries: dict, command: tuple[str, ...] | None = None, **limits: int) -> list[Trial]:
    model = save(folder, mlp())
    data = save_samples(folder, x=normal(60, 16))
    room = work(folder / "scratch", command=command)
    given = admitted(folder / "admitted", recipe(*entries, limits=limits), model, data, None)
    return list(candidates(reference(normalize(given, room), room), room).trials)


def test_a_candidate_is_made_answered_and_timed(tmp_path: Path) -> None:
    [trial] = tried(tmp_path, candidate())
    assert trial.failure is None and trial.result is not None and trial.answers is not None
    assert trial.result.comparison is not None and trial.result.comparison.speedup > 0
    assert trial.result.reduced_nodes > 0 and trial.result.ladder == ()
    assert len(trial.answers["y"]) == 40 and trial.answers["y"][0].shape == (1, 4)
    assert trial.result.bytes == trial.path.stat().st_size
    assert trial.peak_memory_bytes is not None and trial.peak_memory_bytes > 10_000_000


def test_one_that_crashes_hangs_or_eats_memory_does_not_stop_the_others(tmp_path: Path) -> None:
    names = ("crashes", "hangs", "eats-memory", "says-nothing", "static")
    trials = tried(
        tmp_path,
        *(candidate(name) for name in names),
        command=FAULTY,
        candidateSeconds=15,
        candidateMemoryBytes=1_500_000_000,
    )
    assert [trial.failure for trial in trials] == [
        "crashed (SIGABRT)",
        "took longer than the 15 s it may take",
        "needed more than the 1500 MB of memory it may use",
        "ended with status 0 without a result",
        None,
    ]
    assert [trial.peak_memory_bytes is None for trial in trials] == [True, True, True, True, False]


def test_an_operator_that_is_not_there_leaves_nothing_to_quantize(tmp_path: Path) -> None:
    [trial] = tried(tmp_path, candidate(opTypes=["Conv"]))
    assert trial.failure is None and trial.answers is None
    assert trial.result is not None and (trial.result.reduced_nodes, trial.result.comparison) == (0, None)


def test_a_memory_limit_that_is_too_small_for_the_real_candidate_is_told(tmp_path: Path) -> None:
    [trial] = tried(tmp_path, candidate(), candidateMemoryBytes=40_000_000)
    assert trial.failure is not None and trial.result is None


def test_the_same_candidate_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    first, second, third = tried(
        tmp_path,
        candidate("a", calibration="percentile"),
        candidate("b", calibration="percentile"),
        dynamic("c"),
    )
    assert first.path.read_bytes() == second.path.read_bytes() != third.path.read_bytes()
    assert first.answers is not None and second.answers is not None
    np.testing.assert_array_equal(first.answers["y"], second.answers["y"])
