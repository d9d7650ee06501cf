"""Views of the report: what a chart stands in: title, axes with their units, the plot itself."""

from dataclasses import dataclass

from ..markup import Content, Markup, join, tag
from .scale import Scale, tick_words

BOTTOM = 22
"""Height below a plot for the values on its x axis, pixels."""


@dataclass(frozen=True)
class Axis:
    scale: Scale
    title: str
    """With its unit: `Signal to noise, dB`."""


def figure(name: str, title: str, help_: Content, *body: Content) -> Markup:
    """A chart with its words. `name` is what tests and links know it by."""
    caption = tag("figcaption", tag("h3", title), tag("p", help_, class_="help") if help_ else None)
    return tag("figure", caption, *body, class_="card", id=f"chart-{name}")


def plot(label: str, x: Axis, y: Axis, height: int, *marks: Content) -> Markup:
    """A plot with both axes. `marks` stand in an area as wide as there is room and `height` pixels high.

    `label` says to those who do not see it what the plot shows.
    """
    heights = [(mark, round((1 - y.scale.share(mark)) * height, 1)) for mark in y.scale.ticks]
    names = [tag("text", tick_words(mark), x="100%", y=place + 4, text_anchor="end") for mark, place in heights]
    left = tag("svg", *names, class_="axis", width="100%", height=height + BOTTOM, aria_hidden="true")
    rules = [tag("line", x1="0", x2="100%", y1=place, y2=place, class_="rule") for _, place in heights]
    area = tag(
        "svg", *rules, x_ticks(x.scale, height), *marks,
        class_="area", width="100%", height=height + BOTTOM, role="img", aria_label=label,
    )  # fmt: skip
    return tag(
        "div",
        tag("p", y.title, class_="axis-title"),
        tag("div", left, area, class_="plot"),
        tag("p", x.title, class_="axis-title below"),
    )


def x_ticks(scale: Scale, height: float) -> Markup:
    """Values along the x axis below `height`, those at the ends kept inside."""
    marks = []
    for mark in scale.ticks:
        share = scale.share(mark)
        anchor = "start" if share < 0.04 else "end" if share > 0.96 else "middle"
        at = scale.percent(mark)
        marks.append(tag("line", x1=at, x2=at, y1=0, y2=height, class_="rule"))
        marks.append(tag("text", tick_words(mark), x=at, y=height + 16, text_anchor=anchor))
    return join(*marks)
