from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizer.errors import UserError
from optimizer.recipe import Candidate, from_document, read_recipe, snake
from optimizer.tests.models import candidate, recipe, save_recipe


def test_a_recipe_is_read_whole(tmp_path: Path) -> None:
    found = read_recipe(save_recipe(tmp_path, recipe(candidate(excludeNodes=["conv1"]), seed=3)))
    assert (found.name, found.seed, found.on_failure, found.graph_optimization) == ("tiny", 3, "fp32", "extended")
    assert found.candidates == (
        Candidate(
            "static", "int8", "static", "uint8", "int8", True, True, ("Conv", "MatMul", "Gemm"), "minmax", ("conv1",)
        ),
    )
    assert (found.gate.min_speedup, found.gate.warn_sqnr_db, found.limits.candidate_seconds) == (1.1, 30, 60)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"canaries": 33}, "data.canaries must be smaller than or equal to 32"),
        ({"precision": "int4"}, "data.precision must be one of ['auto', 'fp32', 'fp16', 'int8']"),
        ({"extra": 1}, "data must not contain {'extra'} properties"),
        ({"bake": {"graphOptimization": "all"}}, "data.bake.graphOptimization must be one of ['basic', 'extended']"),
    ],
)
def test_what_breaks_the_schema_is_named(tmp_path: Path, change: dict, said: str) -> None:
    path = save_recipe(tmp_path, recipe(**change))
    with pytest.raises(UserError) as raised:
        read_recipe(path)
    assert raised.value.problems == (f"The recipe {path} does not follow its schema: {said}.",)


def test_a_static_candidate_needs_a_calibration(tmp_path: Path) -> None:
    path = save_recipe(tmp_path, recipe(candidate(calibration="none"), candidate("twice"), candidate("twice")))
    with pytest.raises(UserError) as raised:
        read_recipe(path)
    assert raised.value.problems == (
        "Candidate 'static' is static and has calibration 'none'. Use minmax, percentile or entropy.",
        "There are two candidates named 'twice'. Give each its own name.",
    )


@given(st.from_regex(r"[a-z]+([A-Z][a-z]+)*", fullmatch=True))
def test_field_names_lose_no_letter(name: str) -> None:
    assert snake(name).replace("_", "") == name.lower()


def test_a_recipe_without_excluded_nodes_excludes_none() -> None:
    assert from_document(recipe(candidate())).candidates[0].exclude_nodes == ()
