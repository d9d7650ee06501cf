import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizer.admit import Request
from optimizer.candidate import Result
from optimizer.candidates import Trial, Tried
from optimizer.gate import Judged, choose, judge, unlike_target
from optimizer.host import Host
from optimizer.measure import Comparison, Latency
from optimizer.normalize import normalize
from optimizer.pipeline import optimize
from optimizer.recipe import candidate, from_document, validator
from optimizer.reference import Referenced, reference
from optimizer.session import Answers
from optimizer.tests.models import EXAMPLES, admitted, mlp, normal, recipe, save, save_samples, work
from optimizer.tests.models import candidate as entry

HOST = Host("x86_64", "a processor", "x86-64", 2, False)


def race(speedup: float, low: float = 0.0, high: float = float("inf")) -> Comparison:
    return Comparison(Latency(1, 1), Latency(1, 1), speedup, (low, high))


def trial(name: str, found: Comparison, size: int = 1000, answers: Answers | None = None, **changes: Any) -> Trial:
    return Trial(candidate(entry(name, **changes)), Result(size, 3, (), found), None, answers, Path(), 1.0, 1)


def judged(
    name: str, speedup: float, size: int = 1000, status: str = "passed", interval: Any = (), **changes: Any
) -> Judged:
    return Judged(trial(name, race(speedup, *interval), size, **changes), status, (), (), None, None)


def chosen(*entries: Judged, judges_speed: bool = True, goal: str = "speed") -> str | None:
    found = choose(entries, judges_speed, goal)
    return found and found.trial.candidate.name


def test_the_fastest_wins() -> None:
    assert chosen(judged("a", 2.0, 100), judged("b", 3.0, 900)) == "b"


def test_of_those_as_fast_the_simplest_wins() -> None:
    excluding = judged("a", 3.0, excludeNodes=["gemm0"])
    percentile = judged("b", 2.98, calibration="percentile")
    entropy = judged("c", 2.99, calibration="entropy")
    minmax = judged("d", 2.95)
    assert chosen(excluding, percentile, entropy, minmax) == "d"
    assert chosen(excluding, entropy, percentile) == "b"
    assert chosen(excluding, entropy) == "c"
    assert chosen(judged("e", 2.95), judged("f", 3.0)) == "e"


def test_beyond_three_percent_only_intervals_that_overlap_are_a_tie() -> None:
    clear = judged("clear", 2.8, interval=(2.75, 2.85))
    best = judged("best", 3.0, interval=(2.95, 3.05), calibration="percentile")
    assert chosen(clear, best) == "best"
    noisy = judged("noisy", 2.8, interval=(2.5, 3.1))
    assert chosen(noisy, best) == "noisy"
    assert chosen(judged("far", 2.0, interval=(1.0, 4.0)), best) == "best"


@given(st.lists(st.floats(-0.1, 0.1), min_size=3, max_size=3), st.permutations(range(3)))
def test_noise_within_the_intervals_never_changes_the_winner(noise: list[float], order: list[int]) -> None:
    # Three forms of one speed, timed with an error of up to 0.1 and intervals that say so.
    calibrations = ("entropy", "minmax", "percentile")
    entries = [
        judged(name, 3 + error, interval=(3 + error - 0.11, 3 + error + 0.11), calibration=name)
        for name, error in zip(calibrations, noise, strict=True)
    ]
    assert chosen(*[entries[index] for index in order]) == "minmax"


def test_refused_candidates_cannot_win() -> None:
    assert chosen(judged("a", 9.0, 1, "rejected"), judged("b", 1.2, 900)) == "b"
    assert chosen(judged("a", 9.0, 1, "failed")) is None


def test_where_speed_is_not_judged_the_recipes_order_decides() -> None:
    assert chosen(judged("a", 0.5, 900), judged("b", 3.0, 100), judges_speed=False) == "a"


def test_where_size_is_the_goal_the_smallest_wins_and_then_the_simplest() -> None:
    small, smaller = judged("small", 3.0, 1020), judged("smaller", 1.0, 1000, calibration="entropy")
    large = judged("large", 9.0, 2000)
    for judges_speed in (True, False):
        assert chosen(large, smaller, small, judges_speed=judges_speed, goal="size") == "small"
        assert chosen(large, smaller, judges_speed=judges_speed, goal="size") == "smaller"


EMULATED = Host("x86_64", "QEMU", "x86-64", 2, True)


@pytest.mark.parametrize(
    ("host", "sets", "provider", "timed", "why"),
    [
        (HOST, ["x86-64"], "cpu", "cpu", None),
        (HOST, ["arm64", "x86-64"], "cpu", "cpu", None),
        (HOST, ["arm64", "x86-64-vnni"], "cpu", "cpu", "This host is x86-64, the target arm64, x86-64-vnni"),
        (EMULATED, ["x86-64"], "cpu", "cpu", "This host's processor is emulated"),
        (HOST, ["x86-64"], "cuda", "cpu", "The target runs on cuda, which this host lacks"),
        (HOST, ["x86-64"], "cuda", "cuda", None),
    ],
)
def test_speed_counts_only_where_the_host_is_like_the_target(
    host: Host, sets: list[str], provider: str, timed: str, why: str | None
) -> None:
    asked = from_document(recipe(target={"instructionSets": sets, "provider": provider}))
    timings = Result(1, 1, (), race(2.0), None, timed)
    nothing = Result(1, 0, (), None, None, "cpu")
    tried = [Trial(candidate(entry()), result, None, None, Path(), 1.0, 1) for result in (timings, nothing, None)]
    assert unlike_target(asked, tried, host) == why


def referenced(folder: Path, labels: np.ndarray | None = None, metric: str | None = None, **changes: Any) -> Referenced:
    """fp32 of a small network on 300 samples; `metric` is the text of the user's file, with a function f1."""
    if metric is not None:
        (folder / "metric.py").write_text(metric)
        changes["gate"] = {
            **changes.get("gate", {}),
            "metric": {"function": "f1", "direction": "higher", "maxDrop": 0.01},
        }
    label_file = None
    if labels is not None:
        label_file = folder / "labels.npy"
        np.save(label_file, labels)
    found = admitted(
        folder / "scratch",
        recipe(entry(), **changes),
        save(folder, mlp((16, 64, 4))),
        save_samples(folder, x=normal(300, 16)),
        label_file,
        folder / "metric.py" if metric is not None else None,
    )
    on = work(folder / "scratch")
    return reference(normalize(found, on), on)


def altered(found: Referenced, error: float, size: float = 0.5) -> Trial:
    """A candidate with fp32's answers and some noise, and a share of fp32's size."""
    random = np.random.default_rng(3)
    answers = {
        name: [value + error * random.normal(size=value.shape).astype(np.float32) for value in values]
        for name, values in found.answers.items()
    }
    folder = found.samples_file.parent / f"candidate-{error}-{size}"
    folder.mkdir()
    bytes_ = int(found.baked.stat().st_size * size)
    made = Result(bytes_, 3, (), race(2.0, 1.9, 2.1))
    return Trial(candidate(entry()), made, None, answers, folder / "model.onnx", 1.0, 1)


def test_without_labels_closeness_to_fp32_decides(tmp_path: Path) -> None:
    found = referenced(tmp_path)
    tried = Tried(found, ())
    same, broken = judge(altered(found, 0.0), tried, True), judge(altered(found, 1.0), tried, True)
    assert (same.status, same.fidelity and same.fidelity.agreement) == ("passed", 1.0)
    assert broken.status == "rejected"
    assert [reason.split(" ")[0] for reason in broken.reasons] == ["agreement", "signal"]


def test_the_users_metric_decides_in_the_place_of_labels(tmp_path: Path) -> None:
    # Labels of any kind: here the wanted outputs themselves.
    wanted = normal(300, 4, seed=9)
    text = (
        "import numpy as np\ndef f1(outputs, inputs, labels):\n    return -np.abs(outputs['y'] - labels).mean(axis=1)\n"
    )
    found = referenced(tmp_path, wanted, text)
    tried = Tried(found, ())
    assert found.correct is None and found.measured is not None
    rows = found.normalized.admitted.samples.evaluation
    expected = -np.abs(np.concatenate(found.answers["y"]) - wanted[rows]).mean()
    assert found.measured.value == pytest.approx(expected, rel=1e-6)
    same, broken = judge(altered(found, 0.0), tried, True), judge(altered(found, 2.0), tried, True)
    assert (same.status, same.accuracy, same.metric and same.metric.decided) == ("passed", None, "pass")
    assert (broken.status, broken.metric and broken.metric.decided) == ("rejected", "fail")
    assert "f1" in broken.reasons[0] and "at most 1 % is allowed" in broken.reasons[0]


def test_a_metric_that_fails_on_a_candidate_refuses_it(tmp_path: Path) -> None:
    text = (
        "def f1(outputs, inputs, labels):\n"
        "    if abs(outputs['y']).max() > 5:\n"
        "        raise ValueError('out of range')\n"
        "    return 1.0\n"
    )
    found = referenced(tmp_path, metric=text)
    bad = judge(altered(found, 10.0), Tried(found, ()), True)
    assert bad.status == "rejected"
    assert bad.reasons == ("your metric failed: metric.py, line 3, in f1: ValueError: out of range",)


@pytest.mark.parametrize(
    ("goal", "size", "status"), [("speed", 0.9, "passed"), ("size", 0.9, "rejected"), ("size", 0.5, "passed")]
)
def test_only_the_goal_of_size_asks_for_a_smaller_file(tmp_path: Path, goal: str, size: float, status: str) -> None:
    found = referenced(tmp_path, goal=goal)
    verdict = judge(altered(found, 0.0, size), Tried(found, ()), True)
    assert verdict.status == status
    assert (verdict.reasons == ()) is (status == "passed")
    assert status == "passed" or "smaller is below 1.5x" in verdict.reasons[0]


def test_speed_that_is_not_judged_warns_only(tmp_path: Path) -> None:
    found = referenced(tmp_path)
    slow = altered(found, 0.0)
    assert slow.result is not None
    slower = Trial(slow.candidate, Result(1, 3, (), race(0.7, 0.6, 0.8)), None, slow.answers, slow.path, 1.0, 1)
    verdicts = [judge(slower, Tried(found, ()), judges_speed) for judges_speed in (True, False)]
    assert [(verdict.reasons, verdict.warnings) for verdict in verdicts] == [
        (("0.7x is below 1.1x",), ()),
        ((), ("0.7x is below 1.1x",)),
    ]


def test_simplicity_is_an_order_without_ties_by_chance() -> None:
    entries = [judged("a", 3.0, excludeNodes=["n"]), judged("b", 3.0, calibration="entropy"), judged("c", 3.0)]
    assert {chosen(*order) for order in itertools.permutations(entries)} == {"c"}


def test_the_report_tells_the_task_and_the_users_metric(tmp_path: Path) -> None:
    folder = EXAMPLES / "digits"
    (tmp_path / "metric.py").write_text(
        "def right(outputs, inputs, labels):\n    return outputs['logits'].argmax(axis=1) == labels\n"
    )
    rule = {"metric": {"function": "right", "direction": "higher", "maxDrop": 0.01}}
    document = recipe(entry(), gate=rule, model={"name": "digits", "family": "cnn"})
    asked = Request(
        from_document(document),
        folder / "digits.onnx",
        folder / "samples.npz",
        folder / "labels.npy",
        tmp_path / "metric.py",
    )
    report = optimize(asked, work(tmp_path / "scratch"))[0].document
    validator("report")(report)
    by_metric, by_labels = report["candidates"][0]["metric"], report["candidates"][0]["accuracy"]
    assert (report["task"], by_labels, report["reference"]["accuracy"]) == ("classification", None, None)
    assert report["reference"]["task"]["metric"] == by_metric["name"] == "right"
    assert report["reference"]["task"]["value"] > 0.97 and by_metric["value"] > 0.97
    assert by_metric["decided"] in ("pass", "inconclusive")
