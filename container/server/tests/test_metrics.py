"""/metrics against the catalogue that panels and rules are written from: same names, types, labels and buckets."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from server.metrics import Histogram, Metrics
from server.tests import models
from server.tests.process import CONTAINER, Running, running, serving, tensor
from server.tests.test_canaries import X, Y, folder_with
from server.tests.test_drift import SECTION

X86 = os.uname().machine == "x86_64"
CATALOGUE = json.loads((CONTAINER.parent / "data/metrics/server.json").read_text())["metrics"]
BODY = {"inputs": [tensor("x", [1, 4], [1, 2, 3, 4])]}


def families(text: bytes) -> dict[str, Any]:
    found = {}
    for family in text_string_to_metric_families(text.decode()):
        name = family.name + ("_total" if family.type == "counter" else "")
        assert name not in found, f"{name} stands twice"
        found[name] = family
    return found


def test_everything_in_the_catalogue_is_exported_and_nothing_else(tmp_path: Path) -> None:
    assert X.shape[0] == Y.shape[0]
    with running(folder_with(tmp_path, Y, drift=SECTION)) as server:
        assert server.infer(BODY)[0] == 200
        status, headers, text = server.request("GET", "/metrics")
    assert (status, headers["content-type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    found = families(text)
    here = [entry for entry in CATALOGUE if X86 or entry["name"] != "onnx_saturation_sqnr_decibels"]
    assert sorted(found) == sorted(entry["name"] for entry in here)
    for entry in here:
        family = found[entry["name"]]
        assert (family.type, family.documentation) == (entry["type"], entry["help"])
        assert family.samples
        for sample in family.samples:
            assert sorted(set(sample.labels) - {"le"}) == sorted(entry["labels"])
            for label, allowed in entry.get("values", {}).items():
                assert sample.labels[label] in allowed
        if entry["type"] == "histogram":
            bounds = [float(s.labels["le"]) for s in family.samples if s.name.endswith("_bucket")]
            first = bounds[: bounds.index(math.inf) + 1]
            assert first == [*entry["buckets"], math.inf]
    for label, values in (("reason", 4), ("stage", 4)):
        owner = next(e for e in CATALOGUE if label in e.get("values", {}))
        assert len({sample.labels[label] for sample in found[owner["name"]].samples}) == values


def test_without_a_report_its_series_are_absent(linear_server: Running) -> None:
    found = families(linear_server.request("GET", "/metrics")[2])
    reported = {
        "onnx_model_speedup_ratio",
        "onnx_model_agreement_ratio",
        "onnx_canary_sqnr_decibels",
        "onnx_saturation_sqnr_decibels",
        "onnx_observed_bin_total",
        "onnx_reference_bin_ratio",
        "onnx_reference_samples",
    }
    assert {entry["name"] for entry in CATALOGUE} - set(found) == reported


def test_requests_are_counted_once_each_by_status_and_route(tmp_path: Path) -> None:
    with running(serving(models.linear(tmp_path / "linear.onnx"), limits={"bodyBytes": 1000})) as server:
        for document, path, expected in (
            (BODY, None, 200),
            (BODY, "/invocations", 200),
            (BODY, "/v2/models/linear/versions/1/infer", 200),
            ({}, None, 400),
            (b" " * 1001, None, 413),
            (BODY, "/v2/models/other/infer", 404),
            (BODY, "/v2/models/other2/infer", 404),
        ):
            assert server.infer(document, path)[0] == expected
        server.request("GET", "/ping")
        text = server.request("GET", "/metrics")[2].decode()
        assert "other" not in text
        counts = {
            code: server.metric(f'onnx_requests_total{{model="linear",code="{code}"}}') for code in (200, 400, 413)
        }
        assert counts == {200: 3, 400: 1, 413: 1}
        found = families(text.encode())["http_server_request_duration_seconds"]
        by_route = {
            (s.labels["http_route"], s.labels["http_response_status_code"]): s.value
            for s in found.samples
            if s.name.endswith("_count")
        }
        infer = "/v2/models/{model}/infer"
        assert by_route == {
            (infer, "200"): 1,
            (infer, "400"): 1,
            (infer, "413"): 1,
            (infer, "500"): 0,
            (infer, "503"): 0,
            ("/invocations", "200"): 1,
            ("/v2/models/{model}/versions/{version}/infer", "200"): 1,
        }
        for stage in ("queue", "preprocess", "infer", "postprocess"):
            assert server.metric(f'onnx_request_stage_duration_seconds_count{{model="linear",stage="{stage}"}}') == 3
        assert server.metric('onnx_batch_size_sum{model="linear"}') == 3
        assert server.metric('onnx_requests_rejected_total{model="linear",reason="too_large"}') == 1


@given(st.lists(st.floats(0, 20)))
def test_buckets_are_cumulative_and_end_with_the_count(values: list[float]) -> None:
    metrics = Metrics("m")
    histogram = metrics.stages["queue"]
    for value in values:
        histogram.observe(value)
    family = families(metrics.text())["onnx_request_stage_duration_seconds"]
    samples = [sample for sample in family.samples if sample.labels["stage"] == "queue"]
    for sample in samples:
        if sample.name.endswith("_bucket"):
            assert sample.value == sum(value <= float(sample.labels["le"]) for value in values)
    assert [s.value for s in samples if s.name.endswith("_count")] == [len(values)]
    assert [s.value for s in samples if s.name.endswith("_sum")] == [pytest.approx(sum(values))]


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\x85\u2028\u2029\x1c\x1d\x1e\x0b\x0c")))
def test_label_values_survive_whatever_they_hold(text: str) -> None:
    metrics = Metrics("m")
    metrics.gauge("onnx_model_info", (("recipe", text),), lambda: 1)
    (sample,) = families(metrics.text())["onnx_model_info"].samples
    assert (sample.labels, sample.value) == ({"recipe": text}, 1)


def test_a_value_on_a_bound_is_in_that_bucket() -> None:
    histogram = Histogram((1, 2))
    for value in (1, 1.5, 2, 3):
        histogram.observe(value)
    assert histogram.counts == [1, 2, 1]
