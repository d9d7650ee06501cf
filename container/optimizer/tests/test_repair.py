import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from optimizer.admit import Request
from optimizer.errors import GateFailedError
from optimizer.host import this_host
from optimizer.pipeline import optimize_to
from optimizer.recipe import candidate as parsed
from optimizer.recipe import from_document, validator
from optimizer.repair import search, without
from optimizer.sensitivity import fewest, most_excluded
from optimizer.tests.models import candidate, dynamic, model, normal, recipe, save, save_samples, work

OTHER_SET = "arm64" if this_host().instruction_set != "arm64" else "x86-64"
"""A target that is not this host: speed does not decide."""


def wide(layers: int, *broken: int) -> onnx.ModelProto:
    """Dense layers `dense0`, …; the input of a broken one has a channel 3000 times larger, and a weight as small.

    8 bits for all channels of such an input see only that channel; in fp32 it means no more than the others.
    """
    random = np.random.default_rng(7)
    nodes, weights, source = [], [], "x"
    for index in range(layers):
        values = random.normal(0, 0.25, (16, 16)).astype(np.float32)
        if index in broken:
            scale = np.ones(16, np.float32)
            scale[3] = 3000
            values[3] /= 3000
            weights.append(numpy_helper.from_array(scale, f"s{index}"))
            nodes.append(helper.make_node("Mul", [source, f"s{index}"], [f"m{index}"], name=f"stretch{index}"))
            source = f"m{index}"
        weights.append(numpy_helper.from_array(values, f"w{index}"))
        last = index == layers - 1
        target = "y" if last else f"h{index}"
        nodes.append(helper.make_node("MatMul", [source, f"w{index}"], [target], name=f"dense{index}"))
        if not last:
            nodes.append(helper.make_node("Tanh", [target], [f"t{index}"], name=f"tanh{index}"))
            source = f"t{index}"
    shape = ["batch", 16]
    return model(nodes, {"x": (TensorProto.FLOAT, shape)}, {"y": (TensorProto.FLOAT, shape)}, weights)


def run(folder: Path, made: onnx.ModelProto, *entries: dict, **changes: Any) -> dict[str, Any]:
    usual = {"repair": {"trials": 4}, "gate": {"minAgreement": 0.9}, "target": {"instructionSets": [OTHER_SET]}}
    document = recipe(*entries, **{**usual, **changes})
    request = Request(from_document(document), save(folder, made), save_samples(folder, x=normal(120, 16)), None)
    optimize_to(request, work(folder / "scratch"), folder / "out")
    report = json.loads((folder / "out" / "report.json").read_text())
    validator("report")(report)
    return report


def test_a_model_broken_by_one_node_is_rescued_by_leaving_it_out(tmp_path: Path) -> None:
    report = run(tmp_path, wide(6, 3), candidate())
    first, second = report["candidates"]
    assert (first["name"], first["origin"], first["status"]) == ("static", "recipe", "rejected")
    assert (second["name"], second["origin"], second["status"]) == ("static-without-1", "repair", "passed")
    assert second["recipe"] == {**first["recipe"], "name": "static-without-1", "excludeNodes": ["dense3"]}
    assert report["winner"]["name"] == "static-without-1" and report["winner"]["recipe"] == second["recipe"]
    assert [entry["node"] for entry in report["sensitivity"] if entry["excluded"]] == ["dense3"]
    assert report["sensitivity"][0]["node"] == "dense3" and len(report["sensitivity"]) == 6
    assert report["sensitivity"][0]["sqnrDb"] < 20 < report["sensitivity"][1]["sqnrDb"]
    assert report["verdict"].endswith(", 1 node kept in fp32")
    served = onnx.load(tmp_path / "out" / "model.onnx")
    assert [node.op_type for node in served.graph.node].count("MatMul") == 1


def test_two_broken_nodes_are_both_left_out(tmp_path: Path) -> None:
    report = run(tmp_path, wide(8, 2, 5), candidate(), repair={"trials": 4, "maxExcludedShare": 0.5})
    assert report["winner"]["recipe"]["excludeNodes"] == ["dense2", "dense5"]


def test_dynamic_ranges_are_rescued_too(tmp_path: Path) -> None:
    report = run(tmp_path, wide(6, 3), dynamic())
    assert (report["winner"]["name"], report["winner"]["recipe"]["excludeNodes"]) == ("dynamic-without-1", ["dense3"])


def test_a_model_that_is_broken_all_over_stays_fp32_after_the_allowed_trials(tmp_path: Path) -> None:
    report = run(tmp_path, wide(6, 0, 1, 2, 3, 4, 5), candidate(), repair={"trials": 2, "maxExcludedShare": 0.4})
    assert report["winner"]["name"] == "fp32"
    tried = [entry for entry in report["candidates"] if entry["origin"] == "repair"]
    assert 1 <= len(tried) <= 2 and all(entry["status"] == "rejected" for entry in tried)
    assert max(len(entry["recipe"]["excludeNodes"]) for entry in tried) == 2
    assert sum(entry["excluded"] for entry in report["sensitivity"]) == len(tried[-1]["recipe"]["excludeNodes"])


def test_a_model_that_cannot_be_repaired_fails_the_build_where_fp32_is_forbidden(tmp_path: Path) -> None:
    with pytest.raises(GateFailedError) as raised:
        run(tmp_path, wide(2, 0, 1), candidate(), onFailure="error")
    names = [problem.split(": ")[0] for problem in raised.value.problems[1:]]
    assert names == ["static", "static-without-1"]
    assert not (tmp_path / "out").exists()


def test_no_trials_means_no_repair(tmp_path: Path) -> None:
    report = run(tmp_path, wide(6, 3), candidate(), repair={"trials": 0})
    assert (len(report["candidates"]), report["sensitivity"], report["winner"]["name"]) == (1, [], "fp32")


def test_what_is_too_large_besides_is_not_repaired(tmp_path: Path) -> None:
    report = run(tmp_path, wide(6, 3), candidate(), goal="size", gate={"minAgreement": 0.9, "minShrink": 100})
    (only,) = report["candidates"]
    assert (only["status"], report["sensitivity"]) == ("rejected", [])
    assert "100" in only["reasons"][-1] and len(only["reasons"]) > 1


def test_a_network_of_one_node_has_nothing_to_leave_out(tmp_path: Path) -> None:
    report = run(tmp_path, wide(1, 0), candidate())
    assert "static was not repaired: no node of it can be left out." in report["notes"]


def test_a_candidate_that_passes_is_left_alone(tmp_path: Path) -> None:
    report = run(tmp_path, wide(4), candidate())
    assert (len(report["candidates"]), report["sensitivity"]) == (1, [])


@given(needed=st.integers(1, 40), most=st.integers(1, 40), guess=st.integers(1, 40), trials=st.integers(1, 12))
def test_the_search_keeps_its_bounds_and_finds_the_fewest_when_it_may_try_often(
    needed: int, most: int, guess: int, trials: int
) -> None:
    asked: list[int] = []

    def good_enough(count: int) -> bool:
        asked.append(count)
        return count >= needed

    search(good_enough, most, min(guess, most), trials)
    assert len(asked) <= trials and len(set(asked)) == len(asked) and all(1 <= count <= most for count in asked)
    if trials == 12 and needed <= most:
        assert needed in asked


@given(needed=st.integers(1, 50), most=st.integers(1, 50))
def test_the_fewest_that_are_enough_are_found(needed: int, most: int) -> None:
    assert fewest(lambda count: count >= needed, most) == min(needed, most)


@given(nodes=st.integers(0, 300), share=st.floats(0, 1))
def test_at_least_one_node_and_never_all_may_be_left_out(nodes: int, share: float) -> None:
    most = most_excluded(nodes, share)
    assert most == 0 if nodes < 2 else 1 <= most < nodes


def test_names_stay_within_their_length() -> None:
    long = without(parsed(candidate("a" * 63)), ["one", "two"])
    assert (len(long.name), long.name[-10:], long.exclude_nodes) == (63, "-without-2", ("one", "two"))
