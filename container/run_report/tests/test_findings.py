"""Figures and findings of runs of every kind."""

from __future__ import annotations

from typing import Any

import pytest

from run_report.findings import share_words, time_words
from run_report.run import told
from run_report.tests import runs
from run_report.tests.runs import END, START, bins, once, request, series


def run(found: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    return told({"schemaVersion": 1, "request": request(**changes), "series": found or series()})


def said(run: dict[str, Any], about: str) -> list[tuple[str, str]]:
    return [(entry["state"], entry["words"]) for entry in run["findings"] if entry["about"] == about]


def test_a_run_that_kept_its_promises() -> None:
    made = run()
    assert [(entry["state"], entry["words"]) for entry in made["findings"]] == [
        ("note", "7,200 requests in 1 h, 2 a second on average, 3 at the peak."),
        (
            "good",
            "The latency objective is met: p99 was 25 ms, 25 ms below the 50 ms promised. "
            "0.1 % of the answers took longer than 50 ms.",
        ),
        ("good", "No request ended with a server error."),
        ("good", "The queue had 10 % of a request's time (queue 10 %, preprocess 10 %, infer 60 %, postprocess 20 %)."),
        ("good", "Memory reached 120 MB, 12 % of the 1000 MB there are."),
        ("good", "No drift in 1 figure of outputs and inputs. The farthest is input x (mean): "
                 "PSI 0.00, told from 0.20 on."),
    ]  # fmt: skip
    assert all(entry["next"] is None for entry in made["findings"])


def test_a_quiet_run_says_that_nobody_asked_and_no_more_than_that() -> None:
    made = run(runs.quiet())
    assert said(made, "traffic") == [
        ("note", "Nobody asked in this time (1 h): there is no latency and no error to speak of.")
    ]
    assert [entry["about"] for entry in made["findings"]] == ["traffic", "memory", "drift"]
    assert said(made, "drift") == [("note", "Too few rows to tell drift from chance: 0 rows were counted.")]
    assert made["figures"]["latency"]["p99Ms"] is None
    assert made["figures"]["errors"]["serverShare"] is None


def test_a_strained_run_says_what_is_wrong_how_much_and_what_to_do() -> None:
    made = run(runs.strained(), usdPerHour=0.5)
    assert said(made, "latency") == [
        (
            "bad",
            "The latency objective is not met: p99 was 300 ms, 250 ms above the 50 ms promised. "
            "13 % of the answers took longer than 50 ms.",
        )
    ]
    assert said(made, "errors") == [
        (
            "bad",
            "The availability objective is not met: 1 % of the requests (80) ended with a server error; "
            "0.1 % are allowed.",
        )
    ]
    assert said(made, "refusals") == [("note", "Refused without a run: 80 queue full.")]
    assert said(made, "callers") == [("note", "12 % of the requests were wrong in themselves (4xx).")]
    assert said(made, "stages")[0] == (
        "bad", "The queue had 77.6 % of a request's time (queue 77.6 %, preprocess 1.9 %, infer 19.4 %, "
        "postprocess 0.9 %).",
    )  # fmt: skip
    assert said(made, "bottleneck") == [("note", "For 60 % of the time it was queue: Requests wait.")]
    assert said(made, "memory")[0][0] == "bad"
    assert said(made, "alerts") == [("bad", "Alerts fired in this time: LatencyBurn1h.")]
    todo = {entry["about"]: entry["next"] for entry in made["findings"]}
    assert todo["latency"].startswith("Requests wait longer than they are worked on: add a replica")
    assert todo["stages"] == "Batches are full: add a replica."
    assert todo["errors"].startswith("Refusals are among them")
    assert todo["bottleneck"] == "Add a replica."
    assert todo["drift"].startswith("Look at what callers send")


def test_drift_is_said_where_and_since_when() -> None:
    (found,) = run(runs.strained())["figures"]["drift"]
    assert (found["side"], found["tensor"], found["statistic"]) == ("input", "x", "mean")
    # Three pieces of 600 s were like the samples.
    assert found["since"] == START + 1800
    assert [window["drifted"] for window in found["windows"]] == [False] * 3 + [True] * 3
    assert [entry["seen"] for entry in found["bins"]] == pytest.approx([0.6, 0.1375, 0.13125, 0.13125, 0])
    words = said(run(runs.strained()), "drift")
    assert len(words) == 1
    assert words[0][1].startswith("input x (mean) has parted from the samples, since 1970-01-12 14:16:40 UTC: PSI ")


def test_drift_that_is_over_is_said_so() -> None:
    made = run(runs.recovered())
    assert said(made, "drift") == [
        (
            "note",
            "input x (mean) had parted from the samples from 1970-01-12 13:56:40 UTC to 1970-01-12 14:16:40 UTC, "
            "and is like them again.",
        )
    ]
    assert made["figures"]["drift"][0]["since"] is None


def test_pieces_of_time_with_few_rows_are_put_together() -> None:
    few = [count / 10 for count in runs.LIKE]  # 200 rows
    made = run(series(bins=runs.pieces(few, few, few, few, few, few)))
    windows = made["figures"]["drift"][0]["windows"]
    assert [(window["start"], window["end"], window["rows"]) for window in windows] == [
        (START, START + 1800, 600),
        (START + 1800, START + 3600, 600),
    ]


def test_bins_of_a_model_that_was_replaced_are_not_compared() -> None:
    old = bins([0, 0, 0, 9000, 0], reference="r0")
    made = run(
        series(
            wholeBins=[*old, *bins(runs.LIKE)],
            bins=[*bins([0, 0, 0, 900, 0], START + 600, reference="r0"), *runs.pieces(*[runs.LIKE] * 3)],
        )
    )
    (found,) = made["figures"]["drift"]
    assert (found["rows"], found["drifted"]) == (2000, False)


def test_categories_have_no_distance_of_kolmogorov_and_smirnov() -> None:
    labels = {"statistic": "class", "side": "output", "tensor": "y"}
    shares = [{"labels": {**runs.FIGURE, **labels, "bin": name}, "points": [[END, share]]}
              for name, share in (("cat", 0.3), ("dog", 0.6), ("other", 0.1))]  # fmt: skip
    seen = [{"labels": {**runs.FIGURE, **labels, "bin": name}, "points": [[END, count]]}
            for name, count in (("cat", 900.0), ("dog", 50.0), ("other", 50.0))]  # fmt: skip
    made = run(series(referenceBins=shares, wholeBins=seen, bins=seen))
    (found,) = made["figures"]["drift"]
    assert [entry["bin"] for entry in found["bins"]] == ["dog", "cat", "other"]
    assert (found["ks"], found["drifted"]) == (None, True)
    assert ", KS" not in said(made, "drift")[0][1]


def test_without_an_objective_the_report_asks_for_one() -> None:
    objective = {"availability": 0.999, "p99Ms": None, "boundMs": None}
    found = series()
    del found["wholeSlow"]
    made = run(found, objective=objective)
    assert said(made, "latency") == [
        ("note", "Half of the answers took up to 4.5 ms, 99 % up to 25 ms. No objective is known.")
    ]


def test_a_queue_that_nobody_notices_is_no_trouble() -> None:
    fast = {"queue": 0.0002, "preprocess": 0.0001, "infer": 0.0002, "postprocess": 0.0001}
    made = run(series(wholeStages=[once(mean, stage=name) for name, mean in fast.items()]))
    assert said(made, "stages")[0][0] == "good"


def test_work_around_the_model_is_told() -> None:
    around = {"queue": 0.001, "preprocess": 0.01, "infer": 0.002, "postprocess": 0.001}
    made = run(series(wholeStages=[once(mean, stage=name) for name, mean in around.items()]))
    (finding,) = [entry for entry in made["findings"] if entry["about"] == "stages"]
    assert finding["state"] == "note"
    assert finding["next"].startswith("78.5 % go into work around the model")


def test_cost_is_that_of_all_replicas() -> None:
    cost = run(usdPerHour=0.6)["figures"]["cost"]
    assert cost == pytest.approx({"usdPerHour": 0.6, "replicas": 5 / 3, "usd": 1.0, "usdPerMillion": 1e6 / 7200})
    assert said(run(usdPerHour=0.6), "cost") == [
        ("note", "A million requests cost 138.89 USD at this traffic, at 0.6 USD an hour for a replica.")
    ]
    assert said(run(runs.quiet(), usdPerHour=0.6), "cost") == [("note", "1.0000 USD were spent, and nobody asked.")]


def test_a_model_without_a_reference_says_so() -> None:
    assert said(run(runs.bare()), "drift")[0][1].startswith("Drift is not watched")
    assert said(run(drift=None), "drift")[0][1].startswith("Drift is not watched")


def test_nothing_at_all_is_no_fault() -> None:
    made = run(runs.empty())
    assert [entry["about"] for entry in made["findings"]] == ["traffic", "drift"]


@pytest.mark.parametrize(
    ("share", "words"),
    [(0.0, "0 %"), (0.001, "0.1 %"), (0.00101, "0.11 %"), (0.1267, "13 %"), (1.0, "100 %"), (1e-7, "under 0.001 %")],
)
def test_a_share_of_what_went_wrong_is_rounded_up(share: float, words: str) -> None:
    assert share_words(share) == words


@pytest.mark.parametrize(
    ("seconds", "words"), [(58, "58 s"), (90, "1.5 min"), (3600, "1 h"), (86_400, "1 d"), (100_000, "1.16 d")]
)
def test_a_length_of_time_has_one_unit(seconds: float, words: str) -> None:
    assert time_words(seconds) == words
