from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizer.errors import UserError
from optimizer.recipe import Static, camel, entry_of, read_recipe, snake
from optimizer.recipe import candidate as parsed
from optimizer.tests.models import candidate, dynamic, recipe, save_recipe


def test_a_recipe_is_read_whole(tmp_path: Path) -> None:
    found = read_recipe(save_recipe(tmp_path, recipe(candidate(excludeNodes=["conv1"]), seed=3)))
    assert (found.name, found.seed, found.on_failure, found.graph_optimization) == ("tiny", 3, "fp32", "extended")
    ops = ("Conv", "MatMul", "Gemm")
    assert found.candidates == (
        Static("static", "int8", "static", "uint8", "int8", True, True, ops, "minmax", "cpu", ("conv1",)),
    )
    assert (found.gate.min_speedup, found.gate.warn_sqnr_db, found.limits.candidate_seconds) == (1.1, 30, 60)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"canaries": {"count": 33}}, "data.canaries.count must be smaller than or equal to 32"),
        ({"precision": "int2"}, "data.precision must be one of ['auto', 'fp32', 'fp16', 'int8', 'int4']"),
        ({"extra": 1}, "data must not contain {'extra'} properties"),
        ({"bake": {"graphOptimization": "all"}}, "data.bake.graphOptimization must be one of ['basic', 'extended']"),
    ],
)
def test_what_breaks_the_schema_is_named(tmp_path: Path, change: dict, said: str) -> None:
    path = save_recipe(tmp_path, recipe(**change))
    with pytest.raises(UserError) as raised:
        read_recipe(path)
    assert raised.value.problems == (f"The recipe {path} does not follow its schema: {said}.",)


def test_two_candidates_of_one_name_are_told(tmp_path: Path) -> None:
    path = save_recipe(tmp_path, recipe(candidate(), candidate("twice"), dynamic("twice")))
    with pytest.raises(UserError) as raised:
        read_recipe(path)
    assert raised.value.problems == ("There are two candidates named 'twice'. Give each its own name.",)


@given(st.from_regex(r"[a-z]+([A-Z][a-z]+)*", fullmatch=True))
def test_field_names_lose_no_letter_and_come_back(name: str) -> None:
    assert snake(name).replace("_", "") == name.lower()
    assert camel(snake(name)) == name


@pytest.mark.parametrize(
    "entry",
    [
        candidate(excludeNodes=["a", "b"]),
        dynamic(),
        {"name": "half", "precision": "fp16", "method": "float16", "keepOpTypes": ["Exp"], "maxAbs": 512,
         "excludeNodes": []},
        {"name": "few", "precision": "int4", "method": "weights", "blockSize": 32, "symmetric": True,
         "accuracyLevel": 4, "headPrecision": "int8", "excludeNodes": ["head"]},
    ],
    ids=lambda entry: entry["method"],
)  # fmt: skip
def test_an_entry_comes_back_as_it_was(entry: dict) -> None:
    assert entry_of(parsed(entry)) == entry
