"""Views of the report: the figures that matter most, at the top of the page."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..words import decibels, percent, size, times
from .findings import KEPT, NONE


@dataclass(frozen=True)
class Tile:
    name: str
    value: str
    words: str


def tiles(report: Mapping[str, Any]) -> list[Tile]:
    """Of what is served. Figures that were not measured are left out, but for speed."""
    winner, reference = report["winner"], report["reference"]
    own, right = own_metric(report), reference["accuracy"]
    found = [
        Tile("speed", NONE if winner["speedup"] is None else times(winner["speedup"]), speed_words(winner)),
        Tile("size", size(winner["bytes"]), f"fp32 has {size(reference['bytes'])}"),
    ]
    if winner["agreement"] is not None and winner["name"] != "fp32":
        found.append(Tile(KEPT[report["task"]], percent(winner["agreement"]), "as fp32, of the samples"))
    if winner["accuracy"] is not None:
        found.append(
            Tile("accuracy", percent(winner["accuracy"]), f"fp32 has {percent(right)}" if right else "by labels")
        )
    if own is not None:
        found.append(own)
    if winner["sqnrDb"] is not None:
        found.append(Tile("signal to noise", decibels(winner["sqnrDb"]), "against fp32"))
    return found


def speed_words(winner: Mapping[str, Any]) -> str:
    if not winner["speedJudged"]:
        return "not judged where it was built"
    if winner["speedupInterval"] is not None:
        low, high = winner["speedupInterval"]
        return f"95 % interval {times(low)} to {times(high)}"
    return "fp32 itself" if winner["name"] == "fp32" else "times fp32's"


def own_metric(report: Mapping[str, Any]) -> Tile | None:
    reference = report["reference"]["task"]
    if reference is None:
        return None
    served = next((entry for entry in report["candidates"] if entry["name"] == report["winner"]["name"]), None)
    if served is None or served["metric"] is None:
        return Tile(reference["metric"], f"{reference['value']:.4g}", "fp32's")
    return Tile(reference["metric"], f"{served['metric']['value']:.4g}", f"fp32 has {reference['value']:.4g}")
