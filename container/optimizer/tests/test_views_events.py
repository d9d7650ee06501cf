import json
from pathlib import Path

import nbformat
import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper, save
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from optimizer.errors import UserError
from optimizer.tests.reports import build, cases, report
from optimizer.views import graphs, write_views
from optimizer.views.events import write_events
from optimizer.views.notebook import executed, notebook

CASES = cases()


@pytest.fixture(autouse=True)
def ipython_writes_here(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path_factory.mktemp("ipython")))


def run(folder: Path) -> EventAccumulator:
    found = EventAccumulator(str(folder), size_guidance={"scalars": 0, "histograms": 0, "tensors": 0})
    found.Reload()
    return found


def chain(path: Path, nodes: int) -> Path:
    """A model of so many MatMuls, with a large constant inside a node's attribute."""
    weight = numpy_helper.from_array(np.eye(64, dtype=np.float32), "w")
    constant = helper.make_node("Constant", [], ["c"], value=numpy_helper.from_array(np.ones((64, 64), np.float32)))
    steps = [
        helper.make_node("MatMul", ["x" if index == 0 else f"t{index - 1}", "w" if index % 2 else "c"], [f"t{index}"])
        for index in range(nodes - 1)
    ]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 64]) for name in ("x", f"t{nodes - 2}")]
    graph = helper.make_graph([constant, *steps], "chain", ends[:1], ends[1:], [weight])
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10), path)
    return path


def test_each_candidate_is_a_run_with_its_recipe_and_its_figures(tmp_path: Path) -> None:
    write_events(report(), build(), {}, tmp_path)
    folders = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.glob("*/*") if path.is_dir())
    assert folders == [f"candidates/{name}" for name in ("fp32", "int8-dynamic", "int8-entropy", "int8-minmax")]
    served = run(tmp_path / "candidates" / "int8-minmax")
    scalars = {tag: served.Scalars(tag)[0].value for tag in served.Tags()["scalars"]}
    expected = {
        "accuracy/value": 0.9883, "accuracy/drop": 0.0025, "accuracy/error_ratio": 1.27, "likeness/agreement": 0.9966,
        "likeness/sqnr_db": 37.94, "likeness/cosine_min": 0.99912, "likeness/cosine_mean": 0.99991,
        "likeness/max_abs_error": 0.31, "likeness/saturation_db": 71.2, "latency/p50_ms": 0.142,
        "latency/p95_ms": 0.171, "latency/speedup": 2.91, "latency/speedup_low": 2.85, "latency/speedup_high": 2.98,
        "cost/bytes": 347_000, "cost/peak_memory_bytes": 181e6, "cost/seconds": 3.21,
        "weights_sqnr_db/conv1.weight": 41.5, "weights_sqnr_db/conv2.weight": 38.2,
    }  # fmt: skip
    assert scalars == pytest.approx(expected, rel=1e-6)
    assert set(served.Tags()["histograms"]) == {"weights/conv1.weight", "weights/conv2.weight"}
    drawn = served.Histograms("weights/conv1.weight")[0].histogram_value
    assert (drawn.num, drawn.bucket) == (2000, report()["tensors"][0]["counts"])


def test_all_runs_declare_the_same_hyperparameters(tmp_path: Path) -> None:
    write_events(report(), build(), {}, tmp_path)
    plugins = {}
    for folder in (tmp_path / "candidates").iterdir():
        found = run(folder)
        content = found.SummaryMetadata("_hparams_/experiment").plugin_data.content
        plugins[folder.name] = content
        assert found.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
    assert len(plugins) == 4
    assert len(set(plugins.values())) == 1
    for name in (b"precision", b"calibration", b"reduceRange", b"opTypes", b"likeness/sqnr_db", b"latency/speedup"):
        assert name in plugins["fp32"]


def test_the_summary_has_the_verdict_the_table_sensitivity_and_convergence(tmp_path: Path) -> None:
    write_events(CASES["repaired"], build(), {}, tmp_path)
    summary = run(tmp_path / "summary")
    tags = summary.Tags()
    texts = {tag: summary.Tensors(tag)[0].tensor_proto.string_val[0].decode() for tag in tags["tensors"]}
    assert texts["verdict/text_summary"] == report()["verdict"]
    assert "int8-minmax-without-2" in texts["report/text_summary"]
    assert [(event.step, event.value) for event in summary.Scalars("calibration/range_width")] == [
        (1, pytest.approx(0.61)), (8, pytest.approx(0.9)), (180, 1.0),
    ]  # fmt: skip
    assert sum(tag.startswith("sensitivity/") for tag in tags["scalars"]) == 40
    assert summary.Scalars("served/speedup")[0].value == pytest.approx(2.91)


def test_graphs_are_shown_without_their_weights(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    models = {"fp32": chain(tmp_path / "a.onnx", 20), "served": chain(tmp_path / "b.onnx", 5)}
    write_views(report(), build(), tmp_path, models)
    assert capfd.readouterr().out == ""
    for name, nodes in (("fp32", 20), ("served", 5)):
        folder = tmp_path / "tensorboard" / "models" / name
        graph = run(folder).Graph()
        assert len(graph.node) == nodes + 1  # and the input
        assert len({node.name for node in graph.node}) == len(graph.node)
        assert sum(path.stat().st_size for path in folder.iterdir()) < 10_000


def test_a_graph_of_thousands_of_nodes_is_left_out_and_it_says_so(tmp_path: Path) -> None:
    large = chain(tmp_path / "large.onnx", graphs.MOST_NODES + 1)
    write_events(report(), None, {"fp32": large}, tmp_path / "runs")
    assert not (tmp_path / "runs" / "models").exists()
    text = run(tmp_path / "runs" / "summary").Tensors("graphs/text_summary")[0].tensor_proto.string_val[0]
    assert text == b"The graph of large.onnx is not drawn: it has 1501 nodes, at most 1500 are drawn."


@pytest.mark.parametrize("name", CASES)
def test_every_case_can_be_written(name: str, tmp_path: Path) -> None:
    write_views(CASES[name], build(), tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.html", "report.md", "tensorboard"]
    runs = [path for path in (tmp_path / "tensorboard" / "candidates").iterdir() if path.is_dir()]
    assert len(runs) == 1 + len(CASES[name]["candidates"])


@pytest.mark.parametrize("name", ["odd-figures", "no-candidates"])
def test_the_notebook_runs_to_its_end(name: str, tmp_path: Path) -> None:
    (tmp_path / "report.json").write_text(json.dumps(CASES[name]))
    write_events(CASES[name], build(), {}, tmp_path / "tensorboard")
    made = nbformat.reads(executed(CASES[name], tmp_path), as_version=4)
    nbformat.validate(made)
    code = [cell for cell in made.cells if cell.cell_type == "code"]
    assert all(cell.execution_count for cell in code)
    assert all(cell.outputs for cell in code)
    kinds = [output.output_type for cell in code for output in cell.outputs]
    assert "error" not in kinds
    pictures = [output for cell in code for output in cell.outputs if "image/png" in output.get("data", {})]
    assert len(pictures) == {"odd-figures": 6, "no-candidates": 2}[name]


def test_a_notebook_whose_report_is_gone_says_so(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="A cell of the notebook failed: FileNotFoundError"):
        executed(report(), tmp_path)


def test_two_notebooks_of_one_report_are_the_same() -> None:
    assert nbformat.writes(notebook(report())) == nbformat.writes(notebook(report()))
