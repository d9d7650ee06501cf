import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from optimizer.recipe import validator
from optimizer.tests.reports import HOSTILE, STATIC, build, candidate, cases, failed, report
from optimizer.views import write_views
from optimizer.views.charts.scale import scale
from optimizer.views.charts.scatter import runs
from optimizer.views.findings import columns, recipe_words
from optimizer.views.markdown import inline, markdown
from optimizer.views.markup import VOID, plain, tag
from optimizer.views.page import page

CASES = cases()


class Page(HTMLParser):
    """Reads a page and checks that every element is closed where it should be."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def ids(self) -> list[str]:
        return [found for _, attributes in self.elements if (found := attributes.get("id"))]

    def charts(self) -> list[str]:
        return [found.removeprefix("chart-") for found in self.ids() if found.startswith("chart-")]


@pytest.mark.parametrize("name", CASES)
def test_every_case_follows_the_schema_and_has_a_whole_page(name: str) -> None:
    document = CASES[name]
    validator("report")(document)
    validator("build")(build())
    read = Page(page(document, build()))
    assert len(set(read.ids())) == len(read.ids())
    assert plain(document["verdict"]) in read.text
    rows = [attributes for tag, attributes in read.elements if tag == "tr" and attributes.get("role") == "row"]
    assert len(rows) == (2 + len(document["candidates"]) if document["candidates"] else 0)
    for line in (*document["notes"], *document["warnings"]):
        assert plain(line) in read.text
    for entry in document["candidates"]:
        assert all(plain(reason) in read.text for reason in (entry["name"], *entry["reasons"]))


@pytest.mark.parametrize("name", CASES)
def test_a_page_loads_nothing_and_runs_nothing(name: str) -> None:
    read = Page(page(CASES[name], build()))
    assert not {tag for tag, _ in read.elements} & {"script", "img", "iframe", "object"}
    allowed = {"data:,"}
    used = {attributes.get(key) for _, attributes in read.elements for key in ("src", "href")} - {None}
    assert used <= allowed
    assert not [key for _, attributes in read.elements for key in attributes if key.startswith("on")]


ALWAYS = ["latency", "size", "convergence", "weight-0", "weight-1", "stages"]


@pytest.mark.parametrize(
    ("name", "charts"),
    [
        ("searched", ["sqnr", "agreement", "accuracy", *ALWAYS]),
        ("no-candidates", ["stages"]),
        ("no-samples", ["stages"]),
        ("all-refused", ["sqnr", "agreement", "latency", "size", "convergence", "stages"]),
        ("all-failed", ["latency", "size", "stages"]),
        ("repaired", ["sqnr", "agreement", "accuracy", "latency", "size", "sensitivity", *ALWAYS[2:]]),
        ("own-metric", ["sqnr", "agreement", "metric", *ALWAYS]),
    ],
)
def test_a_page_has_the_charts_that_there_are_figures_for(name: str, charts: list[str]) -> None:
    assert Page(page(CASES[name], build())).charts() == charts


def test_hundreds_of_tensors_are_folded_away_but_for_nine() -> None:
    read = Page(page(CASES["many"], build()))
    assert len([name for name in read.charts() if name.startswith("weight-")]) == 300
    assert "291 more" in read.text
    assert "200 more are in report.json." in read.text  # Of 1200 calibrated ranges.


def test_a_page_tells_what_decided_and_where() -> None:
    text = Page(page(CASES["speed-not-judged"], None)).text
    assert "least 1.1x, not judged here" in text
    assert "x86-64 (x86_64, emulated)" in text
    assert "not judged where it was built" in text
    text = Page(page(CASES["replayed"], None)).text
    assert "The form was made again from the lock; the figures are the lock's." in text
    assert "other than when the lock was written" in text
    text = Page(page(CASES["own-metric"], None)).text
    assert "at most 1 % worse, higher is better" in text
    assert "macro_f1" in text


def test_labels_that_decide_leave_the_bounds_of_likeness_as_a_hint() -> None:
    assert "least 20 dB, labels decide" in Page(page(CASES["searched"], None)).text
    assert "least 20 dB, labels decide" not in Page(page(CASES["all-refused"], None)).text


@pytest.mark.parametrize("name", CASES)
def test_every_table_of_the_markdown_has_as_many_cells_in_each_row(name: str) -> None:
    text = markdown(CASES[name], build())
    for block in re.findall(r"(?:^\|.*\n?)+", text, re.MULTILINE):
        assert len({line.count("|") for line in block.splitlines()}) == 1


def test_the_markdown_begins_with_the_verdict_and_has_a_row_for_each_candidate() -> None:
    text = markdown(report(), build())
    assert text.startswith("## digits: int8, 2.9x faster, 99.6 % agreement, 347 KB instead of 1355 KB\n")
    assert "| 1 | int8-minmax | served | 2.9x (2.8x to 2.9x) | 142 µs | 99.6 % | 37.9 dB | 98.8 % | 347 KB |  |" in text
    assert "| 3 | int8-entropy | failed | – | – | – | – | – | – | ended by signal 9 (SIGKILL) |" in text  # noqa: RUF001


def test_nothing_in_the_markdown_is_taken_for_markup_or_a_mention() -> None:
    text = markdown(CASES["hostile"], None)
    assert "<script" not in text
    assert "**b**" not in text
    assert "](javascript" not in text
    assert "@here" not in text
    # What remains of markup is ours.
    assert set(re.findall(r"<[^>]*>", text)) == {"<details>", "</details>", "<summary>", "</summary>"}


@given(st.text())
def test_text_stays_text_in_html(text: str) -> None:
    read = Page(tag("p", text, title=text))
    assert (read.text, read.elements) == (plain(text), [("p", {"title": plain(text)})])


@given(st.text())
def test_text_stays_on_one_line_without_markup_in_markdown(text: str) -> None:
    written = inline(text)
    assert "\n" not in written
    assert not re.search(r"[<>|*_`\[\]~$@\\]", written)


@example([5e-324], False, (0.0, 100.0))
@given(
    st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=8),
    st.booleans(),
    st.sampled_from([(0.0, 100.0), (float("-inf"), float("inf"))]),
)
def test_an_axis_has_few_round_values_in_rising_order(
    values: list[float], zero: bool, within: tuple[float, float]
) -> None:
    values = [value for value in values if within[0] <= value <= within[1] or value != value]
    found = scale(values, zero=zero, within=within)
    assert found.low < found.high
    assert 1 <= len(found.ticks) <= 12
    assert list(found.ticks) == sorted(set(found.ticks))
    assert all(0 <= found.share(value) <= 1 for value in values if value == value)


def test_an_axis_begins_at_zero_and_ends_beyond_the_greatest_value() -> None:
    assert scale([0.142, 0.413], zero=True).ticks == (0.0, 0.1, 0.2, 0.3, 0.4)
    assert scale([100.0], within=(0.0, 100.0)).high == 100.0


@pytest.mark.parametrize(
    ("numbers", "text"), [([4], "4"), ([1, 2], "1, 2"), ([3, 1, 2], "1-3"), ([1, 2, 3, 5, 7, 8], "1-3, 5, 7, 8")]
)
def test_points_upon_each_other_share_their_numbers(numbers: list[int], text: str) -> None:
    assert runs(numbers) == text


def test_a_column_without_figures_is_left_out() -> None:
    titles = [column.title for column in columns(CASES["all-refused"])]
    assert titles == ["#", "candidate", "status", "speed", "median", "same top class", "SQNR", "size", "why"]


def test_the_user_s_metric_has_a_column_and_says_when_it_cannot_tell() -> None:
    metric = {"name": "macro_f1", "value": 0.871, "drop": 0.004, "decided": "inconclusive"}
    found = report(
        reference={**report()["reference"], "accuracy": None, "task": {"metric": "macro_f1", "value": 0.8745}},
        candidates=[candidate("int8-minmax", accuracy=None, metric=metric), failed("int8-a")],
    )
    column = next(column for column in columns(found) if column.title == "macro_f1")
    assert column.cells == ("0.8745", "0.871 (inconclusive)", "–")  # noqa: RUF001


@pytest.mark.parametrize(
    ("recipe", "words"),
    [
        (STATIC, "static, uint8 x int8, per channel, minmax, Conv + MatMul + Gemm"),
        ({**STATIC, "excludeNodes": ["a", "b"], "opTypes": []},
         "static, uint8 x int8, per channel, minmax, every operator, 2 nodes left in fp32"),
        ({"method": "float16", "keepOpTypes": ["Softmax"], "maxAbs": 512, "excludeNodes": []},
         "float16, fp32 beyond 512, fp32 for Softmax"),
        ({"method": "weights", "blockSize": 32, "symmetric": False, "accuracyLevel": 4, "headPrecision": "int8"},
         "weights, blocks of 32, accuracy level 4, head in int8"),
    ],
)  # fmt: skip
def test_a_recipe_is_told_in_a_line(recipe: dict[str, Any], words: str) -> None:
    assert recipe_words(recipe) == words


def views(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "optimizer.views", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[2], check=False)


def test_the_command_draws_the_same_views(tmp_path: Path) -> None:
    (tmp_path / "report.json").write_text(json.dumps(report()))
    (tmp_path / "build.json").write_text(json.dumps(build()))
    write_views(report(), build(), tmp_path)
    given = ["--report", str(tmp_path / "report.json"), "--build", str(tmp_path / "build.json")]
    for view, name in (("html", "report.html"), ("markdown", "report.md")):
        assert views(view, *given, "--out", str(tmp_path / "again")).returncode == 0
        assert (tmp_path / "again").read_text() == (tmp_path / name).read_text()


@pytest.mark.parametrize(
    ("text", "said"),
    [("{", "is not JSON"), ('{"schemaVersion": 1}', "is no report.json of this version: "), (None, "no such file")],
)
def test_the_command_refuses_what_is_no_report(tmp_path: Path, text: str | None, said: str) -> None:
    path = tmp_path / "report.json"
    if text is not None:
        path.write_text(text)
    ended = views("html", "--report", str(path), "--out", str(tmp_path / "report.html"))
    assert (ended.returncode, said in ended.stderr, ended.stderr.count("\n")) == (2, True, 1)
    assert not (tmp_path / "report.html").exists()


def test_hostile_text_is_hostile() -> None:
    assert HOSTILE in CASES["hostile"]["verdict"]
