"""Views of the report: horizontal bars, a line of words above each, one axis below all."""

from collections.abc import Sequence
from dataclasses import dataclass

from ..markup import Content, Markup, tag
from .frame import Axis, x_ticks
from .scale import Scale

HEIGHT = 14


@dataclass(frozen=True)
class Bar:
    name: str
    value: float
    words: str
    """The value for people."""
    kind: str = "plain"
    """Names its colour: served, passed, rejected, reference, plain, warn."""
    beyond: float | None = None
    """A second value, drawn thinner and behind, such as p95 behind p50."""


def bars(label: str, rows: Sequence[Bar], axis: Axis) -> Markup:
    """`label` says what the bars are to those who do not see them."""
    ticks = tag("svg", x_ticks(axis.scale, 4), class_="axis foot", width="100%", height=22, aria_hidden="true")
    lines = [tag("li", *row(entry, axis.scale)) for entry in rows]
    return tag(
        "div",
        tag("ul", *lines, class_="bars", aria_label=label),
        ticks,
        tag("p", axis.title, class_="axis-title below"),
    )


def row(bar: Bar, scale: Scale) -> list[Content]:
    marks = [] if bar.beyond is None else [rect(scale, bar.beyond, "beyond", 4, HEIGHT - 8)]
    drawn = tag(
        "svg", *marks, rect(scale, bar.value, "bar", 0, HEIGHT), width="100%", height=HEIGHT, aria_hidden="true",
        class_=f"kind-{bar.kind}",
    )  # fmt: skip
    return [tag("span", bar.name, class_="name"), tag("span", bar.words, class_="value"), drawn]


def rect(scale: Scale, value: float, class_: str, y: int, height: int) -> Markup:
    """From 0 to the value, whichever is the left one; a sliver where the value is the axis' own 0."""
    start, end = sorted((scale.share(0.0), scale.share(value)))
    width = max(end - start, 0.004)
    return tag("rect", x=f"{start * 100:.2f}%", width=f"{width * 100:.2f}%", y=y, height=height, rx=2, class_=class_)
