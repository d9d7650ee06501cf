"""The report of a run, step 2: how far answers and inputs have parted from the samples, over all the time and along it.

Only the standard library: the notebook carries this file's text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from watch.distances import chance, jensen_shannon, kolmogorov_smirnov, psi, smoothed

OF = ("side", "tensor", "statistic")
MOST_RANGES = 10
Figure = tuple[str, ...]
"""`side`, `tensor` and `statistic`."""


def drift(series: Mapping[str, Any], asked: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Each figure that is watched, outputs first. Empty where the model has no reference.

    `asked`: `psi` from which on it is drift, unless chance explains more; `minCount`, rows that a window needs; and
    `stepSeconds`, the width of the pieces that were counted.
    """
    if not series["samples"]:
        return []
    # A model that was replaced meanwhile has another reference; its bins are not compared with these.
    latest = max(series["samples"], key=lambda entry: entry["points"][-1][0])
    reference, samples = latest["labels"]["reference"], latest["points"][-1][1]
    bins = bins_of(series["referenceBins"], reference)
    whole = counts_of(series["wholeBins"], reference)
    along = counts_of(series["bins"], reference)
    sides = [figure[0] for figure in bins]
    found = []
    for figure in sorted(bins, key=lambda name: (name[0] != "output", name)):
        scale = Scale(figure, bins[figure], samples, sides.count(figure[0]), asked)
        windows = scale.windows(along.get(figure, {}))
        counts = scale.row(next(iter(whole.get(figure, {}).values()), {}))
        since = since_of(windows)
        found.append(
            {
                **dict(zip(OF, figure, strict=True)),
                **scale.judge(counts),
                "since": since,
                "windows": windows,
                "bins": [
                    {"bin": name, "upper": upper, "expected": share, "seen": count / max(1.0, sum(counts))}
                    for (name, upper, share), count in zip(bins[figure], counts, strict=True)
                ],
            }
        )
    return found


class Scale:
    """What one figure is measured by."""

    def __init__(
        self,
        figure: Figure,
        bins: Sequence[tuple[str, str, float]],
        samples: float,
        figures: int,
        asked: Mapping[str, Any],
    ) -> None:
        self.names = [name for name, _, _ in bins]
        self.expected = [share for _, _, share in bins]
        self.ordered = figure[2] != "class"
        self.samples, self.figures, self.asked = samples, figures, asked

    def row(self, counts: Mapping[str, float]) -> list[float]:
        return [counts.get(name, 0.0) for name in self.names]

    def judge(self, counts: Sequence[float]) -> dict[str, Any]:
        """Distances of what was counted, and whether it is drift; None of each where there are too few rows to tell."""
        rows = sum(counts)
        if rows < self.asked["minCount"]:
            return {"rows": rows, "psi": None, "limit": None, "js": None, "ks": None, "drifted": None}
        seen = smoothed(counts)
        apart = psi(seen, self.expected)
        limit = max(self.asked["psi"], chance(rows, self.samples, len(self.names), self.figures))
        return {
            "rows": rows,
            "psi": apart,
            "limit": limit,
            "js": jensen_shannon(seen, self.expected),
            "ks": kolmogorov_smirnov(counts, self.expected) if self.ordered else None,
            "drifted": apart > limit,
        }

    def windows(self, along: Mapping[float, Mapping[str, float]]) -> list[dict[str, Any]]:
        """Time cut so that each piece has rows enough; what is left at the end is none."""
        found, kept, start = [], [0.0] * len(self.names), None
        for at in sorted(along):
            kept = [count + more for count, more in zip(kept, self.row(along[at]), strict=True)]
            start = at - self.asked["stepSeconds"] if start is None else start
            if sum(kept) >= self.asked["minCount"]:
                found.append({"start": start, "end": at, **self.judge(kept)})
                kept, start = [0.0] * len(self.names), None
        return found


def since_of(windows: Sequence[Mapping[str, Any]]) -> float | None:
    """The start of the first of those at the end that drifted without a break; None where the last one has not."""
    since = None
    for window in reversed(windows):
        if not window["drifted"]:
            break
        since = window["start"]
    return since


def bins_of(found: Sequence[Mapping[str, Any]], reference: str) -> dict[Figure, list[tuple[str, str, float]]]:
    """Name, upper end and expected share of each bin, in order, the one for what fits no other last."""
    bins: dict[Figure, list[tuple[str, str, float]]] = {}
    for entry in found:
        labels = entry["labels"]
        if labels["reference"] == reference:
            figure = tuple(labels[key] for key in OF)
            bins.setdefault(figure, []).append((labels["bin"], labels.get("upper", ""), entry["points"][-1][1]))
    for figure, entries in bins.items():
        entries.sort(key=(lambda entry: (entry[0] == "other", -entry[2])) if figure[2] == "class" else place_of)
    return bins


def place_of(entry: tuple[str, str, float]) -> float:
    return MOST_RANGES + 1 if entry[0] == "nan" else float(entry[0])


def counts_of(found: Sequence[Mapping[str, Any]], reference: str) -> dict[Figure, dict[float, dict[str, float]]]:
    """Rows in each bin, by figure and time."""
    counts: dict[Figure, dict[float, dict[str, float]]] = {}
    for entry in found:
        labels = entry["labels"]
        if labels["reference"] != reference:
            continue
        of_figure = counts.setdefault(tuple(labels[key] for key in OF), {})
        for at, value in entry["points"]:
            of_figure.setdefault(at, {})[labels["bin"]] = value or 0.0
    return counts
