"""Repair's first half: how much each node hurts when it alone is made smaller, found out without making candidates.

`python -m optimizer.sensitivity QUESTION.json`, in a process of its own as candidates are.
"""

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import onnx
from onnxruntime.quantization.registry import QDQRegistry, QLinearOpsRegistry

from . import lifeline
from .answer_files import load_arrays
from .fidelity import compare
from .progress import own_standard_output
from .recipe import Candidate, Dynamic, Float16, Static, Weights, candidate
from .switches import float_tensors, switchable

EVERY_STATIC_OP = frozenset({*QDQRegistry, *QLinearOpsRegistry})
"""What a static candidate takes that names no operators."""
MOST_NODES = 400
"""Nodes that are looked at one by one, the first in the graph; a network with more is rescued as a whole or not."""


@dataclass(frozen=True)
class Question:
    """What the process has to know; paths as text."""

    candidate: dict
    source: str
    """The normalized model."""
    samples: str
    rows: Sequence[int]
    ranges: str
    """The calibrated ranges; read for static candidates."""
    share: float
    """Of its nodes, most that may be left out."""
    enough_db: float
    """Signal to noise at which the answers are taken to be good enough."""
    target: str
    """Where the answer is written."""


@dataclass(frozen=True)
class Node:
    """A node and how much it hurts."""

    node: str
    op: str
    sqnr_db: float
    """Signal to noise of the model's worst output with this node alone made smaller."""


@dataclass(frozen=True)
class Ranking:
    nodes: tuple[Node, ...]
    """The one that hurts most first."""
    first_guess: int
    """How many of them to leave out first: the fewest that should do, by the same simulation."""
    of: int
    """Nodes that could have been looked at."""


def rank(question: Question, announce: Callable[[int, int], None]) -> Ranking:
    """Answer the question; `announce` gets nodes done and in all."""
    asked = candidate(question.candidate)
    ranges = json.loads(Path(question.ranges).read_text()) if isinstance(asked, Static) else {}
    model = onnx.load(question.source)
    all_nodes = reducible(model.graph, asked)
    nodes = all_nodes[:MOST_NODES]
    inputs = {name.removeprefix("input:"): values for name, values in load_arrays(Path(question.samples)).items()}
    answers = switchable(model, nodes, asked, ranges, inputs, question.rows)
    exact = answers(np.zeros(len(nodes), dtype=bool))

    def noise(switches: np.ndarray) -> float:
        return compare(exact, answers(switches)).sqnr_db

    alone = []
    for index, node in enumerate(nodes):
        announce(index, len(nodes))
        alone.append(Node(node.name, node.op_type, round(noise(np.arange(len(nodes)) == index), 2)))
    order = sorted(range(len(nodes)), key=lambda index: alone[index].sqnr_db)

    def without(count: int) -> float:
        switches = np.ones(len(nodes), dtype=bool)
        switches[order[:count]] = False
        return noise(switches)

    most = most_excluded(len(nodes), question.share)
    first_guess = fewest(lambda k: without(k) >= question.enough_db, most)
    return Ranking(tuple(alone[index] for index in order), first_guess, len(all_nodes))


def most_excluded(nodes: int, share: float) -> int:
    """Nodes that may be left out: at least one, and never all; 0 where there is only one."""
    return min(max(1, int(nodes * share)), nodes - 1) if nodes else 0


def fewest(enough: Callable[[int], bool], most: int) -> int:
    """The least count from 1 to `most` that is enough, taking for granted that more is better; `most` when none is."""
    low, high = 1, max(most, 1)
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle + 1, high)
    return low


def reducible(graph: onnx.GraphProto, asked: Candidate) -> list[onnx.NodeProto]:
    """Nodes of the graph that the candidate makes smaller and that can be left out: those with a name."""
    floats = float_tensors(graph)
    constants = {entry.name for entry in graph.initializer}
    return [
        node
        for node in graph.node
        if node.name
        and node.name not in asked.exclude_nodes
        and fits(node, asked, constants)
        and any(name in floats for name in node.input)
    ]


def fits(node: onnx.NodeProto, asked: Candidate, constants: set[str]) -> bool:
    if any(entry.type in (onnx.AttributeProto.GRAPH, onnx.AttributeProto.GRAPHS) for entry in node.attribute):
        return False
    if isinstance(asked, Float16):
        return node.op_type not in asked.keep_op_types and node.op_type not in ("Cast", "Shape", "Constant")
    weighted = len(node.input) > 1 and node.input[1] in constants
    if isinstance(asked, Weights):
        return node.op_type == "MatMul" and weighted
    if isinstance(asked, Dynamic):
        return node.op_type in asked.op_types and weighted
    return node.op_type in asked.op_types if asked.op_types else node.op_type in EVERY_STATIC_OP


def main() -> int:
    lifeline.attach()
    output = own_standard_output()
    question = Question(**json.loads(Path(sys.argv[1]).read_text()))
    ranking = rank(question, lambda done, total: print(f"{done} of {total}", file=output))
    Path(question.target).write_text(json.dumps(asdict(ranking)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
