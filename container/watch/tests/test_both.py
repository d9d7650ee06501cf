"""The optimizer's counts of the samples are the server's, once it is asked for each of them."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families

from optimizer.drift import reference
from optimizer.onnx_file import Tensor
from optimizer.samples import read_samples
from optimizer.session import answer, open_session
from optimizer.tasks import task_of
from server.tests.process import CONTAINER, running, serving, tensor
from server.tests.test_canaries import report

EXAMPLES = CONTAINER.parent / "examples/models"
DTYPES = {"tensor(float)": "float32", "tensor(int64)": "int64"}


def counted(text: bytes) -> dict[tuple[str, str, str], list[int]]:
    found: dict[tuple[str, str, str], list[int]] = {}
    for family in text_string_to_metric_families(text.decode()):
        for sample in family.samples:
            if sample.name == "onnx_observed_bin_total":
                labels = sample.labels
                found.setdefault((labels["side"], labels["tensor"], labels["statistic"]), []).append(int(sample.value))
    return found


def key(entry: dict[str, Any]) -> tuple[str, str, str]:
    column = "" if entry["column"] is None else f"[{entry['column']}]"
    return entry["side"], entry["tensor"] + column, entry["statistic"]


@pytest.mark.parametrize(
    ("name", "at_a_time"), [("digits", 1), ("digits", 7), ("breast-cancer", 1), ("digits-encoder", 5)]
)
def test_the_server_counts_samples_as_the_optimizer_did(tmp_path: Path, name: str, at_a_time: int) -> None:
    model = tmp_path / f"{name}.onnx"
    shutil.copyfile(EXAMPLES / name / model.name, model)
    session = open_session(model)
    inputs = [Tensor(node.name, DTYPES[node.type], tuple(node.shape)) for node in session.get_inputs()]
    samples = read_samples(EXAMPLES / name / "samples.npz", None, inputs, {}, 0)
    answers = answer(session, samples.inputs, samples.evaluation)
    section = reference(samples, answers, task_of("auto", "mlp", answers, True), inputs)
    assert section["samples"] >= 100 and len(section["watched"]) >= 4
    rows = samples.evaluation
    with running(serving(model, report=report(model, 0, drift=section))) as server:
        for first in range(0, len(rows), at_a_time):
            given = {key: values[rows[first : first + at_a_time]] for key, values in samples.inputs.items()}
            tensors = [tensor(key, list(values.shape), values.reshape(-1).tolist()) for key, values in given.items()]
            assert server.infer({"inputs": tensors})[0] == 200
            if first // at_a_time % 16 == 15:  # What came so far is counted, so that there is room for more.
                server.request("GET", "/metrics")
        found = counted(server.request("GET", "/metrics")[2])
    for entry in section["watched"]:
        moved = np.abs(np.array(found[key(entry)]) - entry["counts"]).sum()
        # In a batch a sum may be rounded otherwise, and a figure beside an edge be on its other side.
        assert moved <= (0 if at_a_time == 1 else 2), key(entry)
        assert sum(found[key(entry)]) == len(rows)
