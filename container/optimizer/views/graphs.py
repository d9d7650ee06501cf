"""Views of the report: a model's graph for TensorBoard, without its weights."""

import tempfile
from pathlib import Path

import onnx

from ..weights_file import size_of

MOST_NODES = 1500
MOST_MEGABYTES = 512
"""Larger files are not read again only to draw them."""


def graph_file(model: Path, folder: Path) -> Path | str:
    """A file in `folder` with the graph alone, or why there is none."""
    megabytes = size_of(model) / 1e6
    if megabytes > MOST_MEGABYTES:
        return (
            f"The graph of {model.name} is not drawn: {megabytes:.0f} MB, at most {MOST_MEGABYTES} MB are read for it."
        )
    loaded = onnx.load(model, load_external_data=False)
    nodes = len(loaded.graph.node)
    if nodes > MOST_NODES:
        return f"The graph of {model.name} is not drawn: it has {nodes} nodes, at most {MOST_NODES} are drawn."
    bare(loaded.graph)
    path = Path(tempfile.mkstemp(suffix=".onnx", dir=folder)[1])
    onnx.save(loaded, path)
    return path


def bare(graph: onnx.GraphProto) -> None:
    """Takes out what is large, and what a node gives already: TensorBoard wants every name once."""
    made = {name for node in graph.node for name in node.output}
    inner = [output for output in graph.output if output.name not in made]
    del graph.initializer[:], graph.sparse_initializer[:], graph.value_info[:], graph.output[:]
    graph.output.extend(inner)
    for node in graph.node:
        small = [entry for entry in node.attribute if entry.ByteSize() <= 256]
        del node.attribute[:]
        node.attribute.extend(small)
