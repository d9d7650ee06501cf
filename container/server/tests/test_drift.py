"""Drift: what a request adds to which bin, in which form it comes, and that watching never costs an answer."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from prometheus_client.parser import text_string_to_metric_families

from server.drift import ROWS, Drift
from server.metrics import Metrics
from server.oip import DATATYPES, Signature, TensorSpec
from server.tests import models
from server.tests.process import Running, running, serving, tensor
from server.tests.test_canaries import report


def figure(
    side: str,
    tensor: str,
    statistic: str,
    counts: list[int],
    edges: list[float] | None = None,
    categories: list[str] | None = None,
    column: int | None = None,
) -> dict[str, Any]:
    return {
        "side": side, "tensor": tensor, "column": column, "statistic": statistic, "edges": edges,
        "categories": categories, "counts": counts,
    }  # fmt: skip


SECTION: dict[str, Any] = {
    "samples": 100,
    "reason": None,
    "notes": [],
    "watched": [
        figure("output", "y", "class", [60, 30, 10], categories=["2", "0"]),
        figure("output", "y", "norm", [50, 50, 0], edges=[1.5]),
        figure("input", "x", "value", [50, 25, 25, 0], edges=[0, 10], column=1),
        figure("input", "x", "mean", [100, 0, 0], edges=[2]),
    ],
}
SIGNATURE = Signature(
    "m",
    "1",
    (TensorSpec("x", DATATYPES["FP32"], (None, 4)), TensorSpec("t", DATATYPES["BYTES"], (None, 1))),
    (TensorSpec("y", DATATYPES["FP32"], (None, 3)), TensorSpec("boxes", DATATYPES["FP32"], (None, 4))),
)
NO_TEXT = np.array([["a"]], object)


def folder_of(tmp_path: Path, section: dict[str, Any] | None = SECTION, **changes: Any) -> Path:
    model = models.linear(tmp_path / "linear.onnx")
    return serving(model, report=report(model, 0, drift=section), **changes)


def bins(text: bytes, name: str = "onnx_observed_bin_total") -> dict[tuple[str, str], list[float]]:
    """Values of each bin in their order, by tensor and statistic."""
    found: dict[tuple[str, str], list[float]] = {}
    for family in text_string_to_metric_families(text.decode()):
        for sample in family.samples:
            if sample.name == name:
                found.setdefault((sample.labels["tensor"], sample.labels["statistic"]), []).append(sample.value)
    return found


def counted(server: Running) -> dict[tuple[str, str], list[float]]:
    return bins(server.request("GET", "/metrics")[2])


def ask(server: Running, *rows: Sequence[float]) -> None:
    values = [value for row in rows for value in row]
    assert server.infer({"inputs": [tensor("x", [len(rows), 4], values)]})[0] == 200


def test_every_bin_is_there_from_the_start_and_each_row_is_counted_once(tmp_path: Path) -> None:
    with running(folder_of(tmp_path)) as server:
        assert counted(server) == {
            ("y", "class"): [0, 0, 0],
            ("y", "norm"): [0, 0, 0],
            ("x[1]", "value"): [0, 0, 0, 0],
            ("x", "mean"): [0, 0, 0],
        }
        rows = [[0, -1, 0, 0], [0, 5, 0, 0], [9, 50, 0, 0]]
        for row in rows:
            ask(server, row)
        ask(server, *rows)
        outputs = np.array(rows) @ models.WEIGHT + models.BIAS
        classes = outputs.argmax(axis=1).tolist()
        norms = np.linalg.norm(outputs, axis=1)
        assert counted(server) == {
            ("y", "class"): [2 * classes.count(2), 2 * classes.count(0), 2 * classes.count(1)],
            ("y", "norm"): [2 * float((norms <= 1.5).sum()), 2 * float((norms > 1.5).sum()), 0],
            ("x[1]", "value"): [2, 2, 2, 0],
            ("x", "mean"): [4, 2, 0],
        }
        text = server.request("GET", "/metrics")[2]
    shares = bins(text, "onnx_reference_bin_ratio")
    assert shares["y", "class"] == pytest.approx([60.5 / 101.5, 30.5 / 101.5, 10.5 / 101.5])
    assert shares["x", "mean"] == pytest.approx([100.5 / 101.5, 0.5 / 101.5, 0.5 / 101.5])
    lines = [line for line in text.decode().splitlines() if line.startswith("onnx_reference_bin_ratio")]
    uppers = [line.partition('upper="')[2].partition('"')[0] for line in lines]
    assert uppers == ["", "", "", "1.5", "+Inf", "NaN", "0.0", "10.0", "+Inf", "NaN", "2.0", "+Inf", "NaN"]
    assert b'onnx_reference_samples{model="linear",reference="' in text


def test_the_rows_of_many_requests_at_once_are_all_counted(tmp_path: Path) -> None:
    with running(folder_of(tmp_path)) as server:
        threads = [
            threading.Thread(target=lambda: [ask(server, [0, 1, 0, 0], [0, -1, 0, 0]) for _ in range(10)])
            for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert counted(server)["x[1]", "value"] == [80, 80, 0, 0]


def test_a_request_that_fails_or_is_refused_is_not_counted(tmp_path: Path) -> None:
    with running(folder_of(tmp_path)) as server:
        assert server.infer({"inputs": [tensor("x", [1, 4], [1, 2, 3])]})[0] == 400
        assert sum(counted(server)["x", "mean"]) == 0


def test_what_is_no_number_has_a_bin_of_its_own(tmp_path: Path) -> None:
    values = np.array([[0, np.nan, 0, 0], [0, np.inf, 0, 0]], np.float32)
    head = orjson.dumps(
        {"inputs": [{"name": "x", "shape": [2, 4], "datatype": "FP32", "parameters": {"binary_data_size": 32}}]}
    )
    headers = {"Inference-Header-Content-Length": str(len(head))}
    with running(folder_of(tmp_path)) as server:
        assert server.request("POST", server.infer_path, head + values.tobytes(), headers)[0] == 200
        found = counted(server)
    assert (found["x[1]", "value"], found["x", "mean"]) == ([0, 0, 1, 1], [0, 1, 1])


def test_large_bodies_that_decoders_read_are_counted_too(tmp_path: Path) -> None:
    section = {**SECTION, "watched": [figure("input", "x", "mean", [50, 50, 0], edges=[0.5])]}
    model = models.wide(tmp_path / "wide.onnx", 20_000)
    path = serving(model, report=report(model, 0, drift=section), decoders=1)
    with running(path) as server:
        for number in (0, 1):
            body = {"inputs": [tensor("x", [1, 20_000], [number] * 20_000)]}
            assert server.infer(orjson.dumps(body) + b" " * 65536)[0] == 200
        assert counted(server)["x", "mean"] == [1, 1, 0]


def test_a_model_that_runs_on_threads_is_counted(tmp_path: Path) -> None:
    section = {**SECTION, "watched": [figure("output", "y", "value", [50, 50, 0], edges=[0.5])]}
    model = models.slow(tmp_path / "slow.onnx", 1)
    with running(serving(model, report=report(model, 0, drift=section))) as server:
        for value in (0, 1, 2):
            assert server.infer({"inputs": [tensor("x", [1, 1], [value])]})[0] == 200
        assert counted(server)["y", "value"] == [1, 2, 0]


def test_hooks_may_do_with_outputs_what_they_like(tmp_path: Path) -> None:
    (tmp_path / "hooks.py").write_text("def post(outputs, request):\n    outputs['y'] *= 0\n    return outputs\n")
    with running(folder_of(tmp_path, hooks={"file": "hooks.py", "seconds": 5})) as server:
        assert server.infer({"inputs": [tensor("x", [1, 4], [9, 9, 9, 9])]})[1]["outputs"][0]["data"] == [0, 0, 0]
        assert counted(server)["y", "norm"] == [0, 1, 0]


@pytest.mark.parametrize(
    ("drift", "watched"),
    [("all", {"x", "x[1]", "y"}), ("outputs", {"y"}), ("off", set())],
)
def test_what_is_counted_can_be_chosen(tmp_path: Path, drift: str, watched: set[str]) -> None:
    with running(folder_of(tmp_path, drift=drift)) as server:
        ask(server, [1, 2, 3, 4])
        text = server.request("GET", "/metrics")[2]
    assert {name for name, _ in bins(text)} == watched
    assert (b"onnx_reference_samples" in text) == bool(watched)


@pytest.mark.parametrize("section", [None, {"samples": 9, "reason": "too few", "watched": [], "notes": []}])
def test_without_a_reference_nothing_is_counted(tmp_path: Path, section: dict[str, Any] | None) -> None:
    with running(folder_of(tmp_path, section)) as server:
        ask(server, [1, 2, 3, 4])
        assert b"_bin_" not in server.request("GET", "/metrics")[2]


# Pure parts.


def drift_of(*entries: dict[str, Any]) -> tuple[Drift, Metrics]:
    drift = Drift({**SECTION, "watched": list(entries)}, "all", SIGNATURE)
    metrics = Metrics("m")
    drift.show(metrics)
    return drift, metrics


def give(drift: Drift, x: np.ndarray, y: np.ndarray | None = None, boxes: np.ndarray | None = None) -> None:
    rows = len(x)
    y = np.zeros((rows, 3), np.float32) if y is None else y
    boxes = np.zeros((rows, 4), np.float32) if boxes is None else boxes
    drift.add([x.astype(np.float32), np.repeat(NO_TEXT, rows, axis=0)], [y, boxes], rows)


def test_of_more_rows_than_there_is_room_for_some_are_taken_evenly_and_later_ones_again() -> None:
    drift, metrics = drift_of(figure("input", "x", "value", [1, 1, 0], edges=[0.5], column=0))
    halves = np.repeat([[0.0] * 4, [1.0] * 4], 10 * ROWS, axis=0)
    give(drift, halves)
    give(drift, np.ones((5, 4)))
    assert bins(metrics.text())["x[0]", "value"] == [ROWS / 2, ROWS / 2, 0]
    give(drift, np.ones((5, 4)))
    give(drift, np.ones((2, 4)))
    assert bins(metrics.text())["x[0]", "value"] == [ROWS / 2, ROWS / 2 + 7, 0]


def test_nothing_of_a_row_is_kept_once_it_is_counted() -> None:
    drift, _ = drift_of(figure("input", "x", "value", [1, 1, 0], edges=[0.5], column=0))
    give(drift, np.full((3, 4), 7.25))
    (kept,) = drift._inputs
    assert (kept._kept == 7.25).any()
    drift.fold()
    assert not (kept._kept == 7.25).any()


def test_a_tensor_without_a_row_for_each_row_is_counted_only_when_there_is_one() -> None:
    entry = figure("output", "boxes", "size", [1, 1, 0], edges=[8])
    drift, metrics = drift_of(entry)
    give(drift, np.zeros((1, 4)), boxes=np.zeros((5, 4), np.float32))
    give(drift, np.zeros((1, 4)), boxes=np.zeros((2, 4), np.float32))
    give(drift, np.zeros((3, 4)), boxes=np.zeros((5, 4), np.float32))
    assert bins(metrics.text())["boxes", "size"] == [1, 1, 0]


def test_text_is_counted_by_its_length() -> None:
    drift, metrics = drift_of(figure("input", "t", "length", [1, 1, 0], edges=[2]))
    drift.add([np.zeros((2, 4), np.float32), np.array([["ab"], ["abc"]], object)], [np.zeros((2, 3))] * 2, 2)
    assert bins(metrics.text())["t", "length"] == [1, 1, 0]


def test_a_tensor_that_the_model_lacks_is_left_out() -> None:
    drift, metrics = drift_of(figure("output", "gone", "value", [1, 1, 0], edges=[0]))
    give(drift, np.zeros((1, 4)))
    assert bins(metrics.text()) == {}
    assert drift.watched == []


def test_a_row_that_cannot_be_counted_is_told_once_and_costs_neither_an_answer_nor_the_next_rows(
    capsys: pytest.CaptureFixture[str],
) -> None:
    drift, metrics = drift_of(
        figure("input", "x", "value", [1, 1, 0], edges=[0.5], column=0),
        figure("output", "y", "norm", [1, 1, 0], edges=[0.5]),
    )
    for _ in range(2):
        drift.add([], [], 1)
        drift.add([np.array([[{}]], object), NO_TEXT], [np.zeros((1, 3), np.float32)] * 2, 1)
        drift.fold()
    give(drift, np.zeros((1, 4)))
    found = bins(metrics.text())
    assert found["x[0]", "value"] == [1, 0, 0]
    assert found["y", "norm"] == [1, 0, 0]
    assert capsys.readouterr().err.count("not counted for drift") == 1


def test_requests_without_a_row_or_a_value_change_nothing() -> None:
    entries = [
        figure("input", "x", "value", [1, 1, 0], edges=[0.5]),
        figure("output", "y", "class", [1, 1, 0], None, ["0", "1"]),
    ]
    drift, metrics = drift_of(*entries)
    give(drift, np.zeros((0, 4)))
    drift.add([np.zeros((1, 0), np.float32), NO_TEXT], [np.zeros((1, 0), np.float32)] * 2, 1)
    assert bins(metrics.text()) == {("x", "value"): [0, 0, 1], ("y", "class"): [0, 0, 1]}


def test_a_report_whose_counts_do_not_fit_its_bins_ends_the_start_with_a_sentence(tmp_path: Path) -> None:
    section = {**SECTION, "watched": [figure("output", "y", "norm", [1, 2], edges=[1])]}
    server = Running(folder_of(tmp_path, section), wait=False)
    code, errors = server.end()
    assert (code, "2 counts for 3 bins of the norm of output 'y'" in errors) == (2, True), errors
    assert "Traceback" not in errors


def test_names_of_any_kind_and_length_are_labels_of_their_own() -> None:
    names = ['a"b\\{}', "n" * 500 + "1", "n" * 500 + "2"]
    specs = tuple(TensorSpec(name, DATATYPES["FP32"], (None, 1)) for name in names)
    section = {**SECTION, "watched": [figure("output", name, "value", [1, 1, 0], edges=[0]) for name in names]}
    metrics = Metrics("m")
    Drift(section, "all", Signature("m", "1", (), specs)).show(metrics)
    tensors = [name for name, _ in bins(metrics.text())]
    assert tensors[0] == 'a"b\\{}' and len(set(tensors)) == 3 and max(map(len, tensors)) == 96 + 9


def test_other_bins_are_another_reference() -> None:
    def reference(edge: float) -> str:
        metrics = Metrics("m")
        entry = figure("output", "y", "value", [1, 1, 0], edges=[edge])
        Drift({**SECTION, "watched": [entry]}, "all", SIGNATURE).show(metrics)
        return metrics.text().decode().partition('reference="')[2].partition('"')[0]

    assert reference(1) == reference(1) != reference(2)
    assert len(reference(1)) == 8
