"""Counts answers and inputs in the bins of the report, so that Prometheus can tell when they part from the samples.

Rows are copied while a run's arrays are at hand and counted together a moment later, ten times a second; nothing of a
row is kept after that. Of more rows than there is room for by then, some are counted and the others are not.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import orjson

from server.errors import StartError, cause, quote
from server.log import log
from server.metrics import Labels, Metrics, labelled
from server.oip import Signature
from watch.bins import Bins, ratios
from watch.figures import WHOLE, Block, figures, rows_of, spread

ROWS = 256
"""Rows of one tensor that are counted together, and at most between two folds."""
KEPT_VALUES = 1024
"""Of a row; wider ones are counted as they come."""
MOST_LETTERS = 96
"""Of a tensor's name in a label."""


class Watched:
    """One figure of one tensor, and how often each of its bins was met. `labels` are those of all its series."""

    __slots__ = ("bins", "column", "counts", "labels", "reference", "statistic")

    def __init__(self, entry: dict[str, Any], labels: Labels) -> None:
        self.statistic: str = entry["statistic"]
        self.column: int | None = entry["column"]
        self.bins = Bins(entry["edges"], entry["categories"])
        self.labels = labels
        if len(entry["counts"]) != len(self.bins.names):
            of = f"the {entry['statistic']} of {entry['side']} {quote(entry['tensor'])}"
            given = f"{len(entry['counts'])} counts for {len(self.bins.names)} bins"
            raise StartError(f"The report has {given} of {of}. Optimize the model again, or set drift to off.")
        self.reference = ratios(entry["counts"])
        self.counts = np.zeros(len(self.reference), np.int64)

    def count(self, block: Block) -> None:
        self.counts += self.bins.count(figures(self.statistic, block, self.column))

    def series(self) -> list[Labels]:
        return [(*self.labels, ("bin", name)) for name in self.bins.names]

    def uppers(self) -> list[str]:
        """Up to where each bin reaches; categories reach nowhere."""
        if not self.bins.ordered:
            return [""] * len(self.bins.names)
        return [*(repr(edge) for edge in self.bins.edges.tolist()), "+Inf", "NaN"]


class Tensor:
    """One output or input: its figures, and room for rows that are not counted yet."""

    __slots__ = ("_filled", "_kept", "_used", "_watched", "_whole", "place")

    def __init__(self, place: int, watched: Sequence[Watched]) -> None:
        self.place = place
        self._watched = watched
        self._whole = any(entry.statistic in WHOLE for entry in watched)
        self._kept: Block = np.empty((0, 0))
        self._used = self._filled = 0

    def take(self, array: np.ndarray, rows: int) -> None:
        """Takes the rows of one run: as many as there is room for, at equal distances."""
        room = ROWS - self._used
        block = rows_of(array, rows) if room > 0 and rows > 0 else None
        if block is None:
            return
        if rows > room:
            block = block[:: -(-rows // room)]
        if not self._whole:
            block = spread(block)
        self._used += len(block)
        if self._fits(block):
            end = self._filled + len(block)
            self._kept[self._filled : end] = block
            self._filled = end
        else:
            self._count(block)

    def fold(self) -> None:
        """Counts what was taken, and forgets it."""
        kept = self._kept[: self._filled]
        self._used = self._filled = 0
        if len(kept):
            try:
                self._count(kept)
            finally:
                kept.fill(0)

    def _fits(self, block: Block) -> bool:
        """Whether rows of this width are kept. Those of another width than before are, once nothing else is."""
        width = block.shape[1]
        if width == self._kept.shape[1]:
            return width > 0
        if self._filled or width > KEPT_VALUES or block.dtype.kind == "O":
            return False
        self._kept = np.empty((ROWS, width), block.dtype)
        return True

    def _count(self, block: Block) -> None:
        for entry in self._watched:
            entry.count(block)


class Drift:
    """What is watched of one model. Every method is for the event loop."""

    def __init__(self, section: dict[str, Any], side: str, signature: Signature) -> None:
        """`section`: `drift` of report.json. `side`: 'all', or 'outputs' alone. Raises StartError."""
        content = orjson.dumps(section, option=orjson.OPT_SORT_KEYS)
        # Counts of another model's bins must never be compared with these.
        of: Labels = (("model", signature.name), ("reference", hashlib.sha256(content).hexdigest()[:8]))
        self._of = of
        self._samples: int = section["samples"]
        self._told = False
        found: dict[tuple[str, int], list[Watched]] = {}
        places = {"output": signature.output_index, "input": signature.input_index}
        for entry in section["watched"]:
            place = places[entry["side"]].get(entry["tensor"])
            if place is None or (side == "outputs" and entry["side"] == "input"):
                continue
            labels = (*of, ("side", entry["side"]), ("tensor", _tensor(entry)), ("statistic", entry["statistic"]))
            found.setdefault((entry["side"], place), []).append(Watched(entry, labels))
        tensors = [(of_side, Tensor(place, watched)) for (of_side, place), watched in found.items()]
        self._outputs = [tensor for of_side, tensor in tensors if of_side == "output"]
        self._inputs = [tensor for of_side, tensor in tensors if of_side == "input"]
        self.watched = [entry for watched in found.values() for entry in watched]

    def show(self, metrics: Metrics) -> None:
        """Adds the series: every bin from the start, since one that appears with its first count hides that count."""
        if not self.watched:
            return
        keys = [labelled(labels) for entry in self.watched for labels in entry.series()]
        reference = [
            (labelled((*labels, ("upper", upper))), ratio)
            for entry in self.watched
            for labels, upper, ratio in zip(entry.series(), entry.uppers(), entry.reference, strict=True)
        ]

        def observed() -> Iterator[tuple[str, float]]:
            self.fold()
            return zip(keys, (count for entry in self.watched for count in entry.counts.tolist()), strict=True)

        metrics.family("onnx_observed_bin_total", "counter", observed)
        metrics.family("onnx_reference_bin_ratio", "gauge", lambda: reference)
        metrics.family("onnx_reference_samples", "gauge", lambda: [(labelled(self._of), self._samples)])

    def add(self, arrays: Sequence[np.ndarray], outputs: Sequence[np.ndarray], rows: int) -> None:
        """Takes a run's inputs and outputs, in the signature's order. They are not looked at after it."""
        try:
            for tensor in self._inputs:
                tensor.take(arrays[tensor.place], rows)
            for tensor in self._outputs:
                tensor.take(outputs[tensor.place], rows)
        except Exception as error:
            self._failed(error)

    def fold(self) -> None:
        """Counts what was taken. Call several times a second."""
        for tensor in (*self._inputs, *self._outputs):
            try:
                tensor.fold()
            except Exception as error:
                self._failed(error)

    def _failed(self, error: Exception) -> None:
        """Watching never costs an answer, and one row that cannot be counted not the others; it is told once."""
        if not self._told:
            log("error", "some rows are not counted for drift", error=cause(error))
        self._told = True


def _tensor(entry: dict[str, Any]) -> str:
    """A tensor's name, or one column of it; a long name ends with a digest, so that no two are the same."""
    name: str = entry["tensor"]
    if len(name) > MOST_LETTERS:
        name = f"{name[:MOST_LETTERS]}~{hashlib.sha256(name.encode('utf-8', 'replace')).hexdigest()[:8]}"
    return name if entry["column"] is None else f"{name}[{entry['column']}]"
