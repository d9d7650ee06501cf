"""Views of a run: the notebook is executed, the event files are read back, text stays text."""

from __future__ import annotations

import ast
import json
import math
import re
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs

import nbformat
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from optimizer.tests.test_views import Page
from run_report.__main__ import as_json
from run_report.events import write_events
from run_report.lines import over_time
from run_report.notebook import carried, executed, notebook
from run_report.page import page
from run_report.reading import ReadingError, read
from run_report.run import run_of, told
from run_report.tests import runs
from run_report.tests.runs import END, HOSTILE, START, request
from run_report.text import markdown, text

CASES = {
    "kept": runs.series(),
    "quiet": runs.quiet(),
    "strained": runs.strained(),
    "recovered": runs.recovered(),
    "bare": runs.bare(),
    "empty": runs.empty(),
}


def run(name: str = "kept", **changes: Any) -> dict[str, Any]:
    return told({"schemaVersion": 1, "request": request(**changes), "series": CASES[name]})


@pytest.fixture(autouse=True)
def ipython_writes_here(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path_factory.mktemp("ipython")))


# The notebook.


def outputs(made: nbformat.NotebookNode) -> str:
    return "".join(output.get("text", "") for cell in made.cells if cell.cell_type == "code" for output in cell.outputs)


@pytest.mark.parametrize("name", ["strained", "quiet", "empty"])
def test_the_notebook_draws_and_ends_with_the_findings(name: str, tmp_path: Path) -> None:
    kept = run(name, usdPerHour=0.5, model="digits")
    (tmp_path / "a.run.json").write_text(as_json(kept))
    made = nbformat.reads(executed(kept, tmp_path, "a.run.json"), as_version=4)
    nbformat.validate(made)
    code = [cell for cell in made.cells if cell.cell_type == "code"]
    said = [output for cell in code for output in cell.outputs]
    assert not [output for output in said if output.output_type == "error" or output.get("name") == "stderr"]
    pictures = [output for output in said if "image/png" in output.get("data", {})]
    assert len(pictures) == {"strained": 8, "quiet": 8, "empty": 6}[name]
    last = code[-1].outputs[0].text
    for finding in kept["findings"]:
        assert finding["words"] in last
        assert finding["next"] is None or finding["next"] in last


def test_without_its_data_the_notebook_reads_prometheus_and_keeps_what_it_says(
    tmp_path: Path, prometheus: Prometheus
) -> None:
    kept = run("strained", prometheus=prometheus.url, queries=prometheus.queries())
    made = nbformat.reads(executed(kept, tmp_path, "b.run.json"), as_version=4)
    assert "input x (mean) has parted from the samples" in outputs(made)
    found = json.loads((tmp_path / "b.run.json").read_text())
    assert set(found["series"]) == set(CASES["strained"])
    # The same length of time, up to now.
    assert found["request"]["end"] - found["request"]["start"] == pytest.approx(END - START)
    assert found["request"]["end"] > END


def test_the_notebook_needs_nothing_of_slipway() -> None:
    source = "\n".join(cell.source for cell in notebook(run(), "a.run.json").cells if cell.cell_type == "code")
    tree = ast.parse(source)
    imported = {
        name.partition(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert imported - set(sys.stdlib_module_names) == {"matplotlib", "pandas"}


def test_no_name_that_the_notebook_carries_is_defined_twice() -> None:
    names = [
        name
        for node in ast.parse(carried()).body
        for name in (
            [node.name]
            if isinstance(node, ast.FunctionDef | ast.ClassDef)
            else [target.id for target in node.targets if isinstance(target, ast.Name)]
            if isinstance(node, ast.Assign)
            else []
        )
    ]
    assert len(names) > 40
    assert len(set(names)) == len(names)


def test_two_notebooks_of_one_run_are_the_same() -> None:
    assert nbformat.writes(notebook(run(), "a.run.json")) == nbformat.writes(notebook(run(), "a.run.json"))


# Text.


@pytest.mark.parametrize("name", CASES)
def test_every_table_of_the_markdown_has_as_many_cells_in_each_row(name: str) -> None:
    made = markdown(run(name))
    for block in re.findall(r"(?:^\|.*\n?)+", made, re.MULTILINE):
        assert len({line.count("|") for line in block.splitlines()}) == 1
    for finding in run(name)["findings"]:
        assert finding["words"].split("(")[0].strip()[:30].replace("_", "&#95;") in made


def test_names_from_elsewhere_stay_text() -> None:
    hostile = told(
        {
            "schemaVersion": 1,
            "request": request(model=HOSTILE),
            "series": runs.series(alerts=[runs.once(1.0, alertname=f"a\x1b[2J\n{HOSTILE}")]),
        }
    )
    assert HOSTILE in Page(page(hostile)).text
    made = markdown(hostile)
    assert "<script" not in made
    assert "**b**" not in made
    assert "@here" not in made
    assert "\x1b" not in text(hostile)
    assert len(text(hostile).splitlines()) == len(text(run()).splitlines()) + 2


def test_the_terminal_shows_findings_first_and_then_figures() -> None:
    lines = text(run()).splitlines()
    assert lines[0] == "digits (int8), 1 h up to 1970-01-12 14:46:40 UTC"
    assert lines[2].startswith("  · 7,200 requests")
    figures = [re.split(r"\s{2,}", line.strip()) for line in lines]
    assert ["p50, p95, p99", "4.5 ms, 9 ms, 25 ms"] in figures
    assert ["rows in a run", "1.5 of 8"] in figures
    assert lines[-1].split() == ["input", "x", "mean", "12,000", "0.001", "0.200", "0.011", "0.000", "–"]  # noqa: RUF001


# The page.


@pytest.mark.parametrize("name", CASES)
def test_every_page_is_whole_and_loads_nothing(name: str) -> None:
    made = run(name)
    read = Page(page(made))
    assert not {tag for tag, _ in read.elements} & {"script", "img", "iframe", "object"}
    assert {attributes.get(key) for _, attributes in read.elements for key in ("src", "href")} - {None} == {"data:,"}
    assert len(set(read.ids())) == len(read.ids())
    for finding in made["findings"]:
        assert finding["words"] in read.text


@pytest.mark.parametrize(
    ("name", "charts"),
    [
        ("kept", ["traffic", "latency", "stages", "batch", "queue", "errors", "drift", "memory", "cpu", "spread-0"]),
        ("quiet", ["traffic", "queue", "errors", "memory", "cpu"]),
        ("bare", ["traffic", "latency", "stages", "batch", "queue", "errors", "memory", "cpu"]),
        ("empty", []),
    ],
)
def test_a_page_has_the_charts_that_there_are_figures_for(name: str, charts: list[str]) -> None:
    assert Page(page(run(name))).charts() == charts


def test_a_page_says_first_whether_something_is_wrong() -> None:
    assert "Nothing needs attention." in Page(page(run())).text
    assert "6 findings to look at." in Page(page(run("strained"))).text


def test_a_line_breaks_where_nothing_was_seen_and_a_lonely_value_is_a_dot() -> None:
    points = [(0.0, 1.0), (10.0, 2.0), (20.0, None), (30.0, 3.0), (40.0, None), (50.0, 1.0), (60.0, 1.0)]
    drawn = Page(str(over_time("a", "A", "x", {"one": points}, (0.0, 60.0)))).elements
    assert len([1 for _, attributes in drawn if "over-time " in (attributes.get("class") or "")]) == 2
    assert len([1 for _, attributes in drawn if "over-time-dot" in (attributes.get("class") or "")]) == 1
    assert over_time("a", "A", "x", {"one": [(0.0, None)]}, (0.0, 60.0)) is None


@pytest.mark.parametrize(("seconds", "words"), [(600, "Minutes"), (4 * 3600, "Hours"), (7 * 86_400, "Days")])
def test_time_is_told_in_a_unit_that_fits(seconds: float, words: str) -> None:
    made = over_time("a", "A", "x", {"one": [(0.0, 1.0), (seconds, 2.0)]}, (0.0, seconds))
    assert f"{words} before the end" in Page(str(made)).text


# Event files.


@pytest.mark.parametrize("name", CASES)
def test_every_run_can_be_written_as_events(name: str, tmp_path: Path) -> None:
    write_events(run(name), tmp_path)
    found = EventAccumulator(str(tmp_path), size_guidance={"scalars": 0, "tensors": 0})
    found.Reload()
    words = found.Tensors("report/text_summary")[0].tensor_proto.string_val[0].decode()
    assert words == markdown(run(name))


def test_events_stand_at_their_time(tmp_path: Path) -> None:
    write_events(run("strained"), tmp_path)
    found = EventAccumulator(str(tmp_path), size_guidance={"scalars": 0})
    found.Reload()
    p99 = [(event.step, event.wall_time, round(event.value, 6)) for event in found.Scalars("latency/p99_ms")]
    assert p99 == [(0, START, 50.0), (1800, START + 1800, 200.0), (3600, END, 400.0)]
    assert [event.step for event in found.Scalars("latency/p50_ms")] == [0, 1800]
    assert [event.step for event in found.Scalars("drift_psi/input/x/mean")] == [600, 1200, 1800, 2400, 3000, 3600]
    tags = found.Tags()["scalars"]
    for tag in ("stage_ms/queue", "errors/refused_per_second/queue_full", "machine/memory_bytes"):
        assert tag in tags
    assert [round(event.value, 4) for event in found.Scalars("spread_expected/input/x/mean")] == runs.SHARES


# Reading.


class Prometheus:
    """Answers each query with the series of its name, as Prometheus does."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.answer: tuple[int, bytes] | None = None
        self.authorization: str | None = None
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                outer.authorization = self.headers["Authorization"]
                fields = {key: values[0] for key, values in parse_qs(body).items()}
                outer.asked.append((self.path, fields))
                status, answer = outer.answer or (200, outer.series(self.path, fields))
                self.send_response(status)
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        Thread(target=self.server.serve_forever, daemon=True).start()

    def series(self, path: str, fields: dict[str, str]) -> bytes:
        found = []
        for entry in CASES["strained"][fields["query"]]:
            values = [[at, "NaN" if value is None else str(value)] for at, value in entry["points"]]
            kept = {"values": values} if path.endswith("query_range") else {"value": values[-1]}
            found.append({"metric": entry["labels"], **kept})
        return json.dumps({"status": "success", "data": {"result": found}}).encode()

    def queries(self) -> dict[str, Any]:
        wide = {"bins"}
        return {
            name: {
                "query": name,
                "stepSeconds": None if all(len(entry["points"]) == 1 for entry in found) else 1800,
                "afterSeconds": 600 if name in wide else 0,
            }
            for name, found in CASES["strained"].items()
        }


@pytest.fixture
def prometheus() -> Iterator[Prometheus]:
    made = Prometheus()
    yield made
    made.server.shutdown()
    made.server.server_close()


def test_every_query_is_asked_for_its_time(prometheus: Prometheus) -> None:
    asked = request(prometheus=f"{prometheus.url}/", queries=prometheus.queries())
    found = run_of(asked)
    assert found["series"] == CASES["strained"]
    sent = {fields["query"]: (path, fields) for path, fields in prometheus.asked}
    assert sent["wholeP99"] == ("/api/v1/query", {"query": "wholeP99", "time": str(END)})
    assert sent["throughput"] == (
        "/api/v1/query_range",
        {"query": "throughput", "start": str(START), "end": str(END), "step": "1800"},
    )
    assert sent["bins"][1]["start"] == str(START + 600)
    assert [entry["about"] for entry in found["findings"]] == [entry["about"] for entry in run("strained")["findings"]]


def test_a_token_is_sent_and_kept_nowhere(prometheus: Prometheus, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = request(prometheus=prometheus.url, queries=prometheus.queries())
    read(asked)
    assert prometheus.authorization is None
    monkeypatch.setenv("SLIPWAY_PROMETHEUS_TOKEN", "s3cret")
    found = run_of(asked)
    assert prometheus.authorization == "Bearer s3cret"
    assert "s3cret" not in as_json(found)
    assert "s3cret" not in nbformat.writes(notebook(found, "a.run.json"))


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_none(value: float, prometheus: Prometheus) -> None:
    result = [{"metric": {}, "value": [END, str(value)]}]
    prometheus.answer = (200, json.dumps({"status": "success", "data": {"result": result}}).encode())
    asked = request(prometheus=prometheus.url, queries={"a": {"query": "a", "stepSeconds": None, "afterSeconds": 0}})
    assert read(asked)["a"] == [{"labels": {}, "points": [[END, None]]}]


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (400, b'{"status":"error","error":"parse error at char 3"}', "answers with status 400: parse error at char 3"),
        (502, b"<html>", "answers with status 502."),
        (200, b"<html>", "does not answer as Prometheus does"),
        (200, b'{"status":"error"}', "does not answer as Prometheus does"),
        (200, b"[]", "does not answer as Prometheus does"),
    ],
)
def test_an_answer_that_is_none_is_a_sentence(status: int, body: bytes, said: str, prometheus: Prometheus) -> None:
    prometheus.answer = (status, body)
    with pytest.raises(ReadingError, match=re.escape(said)):
        read(request(prometheus=prometheus.url, queries=prometheus.queries()))


def test_the_command_says_that_prometheus_is_gone_and_writes_nothing(tmp_path: Path) -> None:
    asked = request(
        prometheus="http://127.0.0.1:9", queries={"a": {"query": "a", "stepSeconds": None, "afterSeconds": 0}}
    )
    (tmp_path / "request.json").write_text(json.dumps(asked))
    ended = subprocess.run(
        [sys.executable, "-m", "run_report", "notebook", "--request", str(tmp_path / "request.json"),
         "--out", str(tmp_path / "out")],
        capture_output=True, text=True, cwd=Path(__file__).parents[2], check=False,
    )  # fmt: skip
    assert (ended.returncode, ended.stderr.count("\n")) == (2, 1)
    assert "'http://127.0.0.1:9/api/v1/query' cannot be reached" in ended.stderr
    assert not (tmp_path / "out").exists()
