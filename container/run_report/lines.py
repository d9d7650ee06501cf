"""The report of a run: charts over time for its page, several lines in one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from optimizer.views.charts.frame import Axis, figure, plot
from optimizer.views.charts.scale import scale
from optimizer.views.markup import Markup, tag

HEIGHT = 200
COLOURS = 6
"""Lines beyond these share colours with the first ones."""
STYLE = """
.line-0 { --line-colour: #0072b2; } .line-1 { --line-colour: #c46a00; } .line-2 { --line-colour: #0b7a57; }
.line-3 { --line-colour: #b0428a; } .line-4 { --line-colour: #6b7681; } .line-5 { --line-colour: #8f6f00; }
@media (prefers-color-scheme: dark) {
  .line-0 { --line-colour: #56b4e9; } .line-1 { --line-colour: #f0a13c; } .line-2 { --line-colour: #35c495; }
  .line-3 { --line-colour: #e58ac6; } .line-4 { --line-colour: #9ba7b3; } .line-5 { --line-colour: #e0c84a; }
}
.over-time { stroke: var(--line-colour); stroke-width: 2px; stroke-linecap: round; }
.over-time-dot { fill: var(--line-colour); }
.key li.line b { color: var(--line-colour); }
.findings li + li { margin-top: 10px; }
.findings li { padding-left: 1.6em; text-indent: -1.6em; overflow-wrap: anywhere; }
.findings li p { text-indent: 0; color: var(--soft); }
.findings .good b { color: var(--good); } .findings .bad b { color: var(--bad); }
.findings .note b { color: var(--soft); }
"""
UNITS = ((2 * 86_400, 86_400, "Days"), (2 * 3600, 3600, "Hours"), (0, 60, "Minutes"))

Point = tuple[float, float | None]
"""Seconds since the epoch, and a value where there is one."""


def over_time(
    name: str,
    title: str,
    unit: str,
    series: Mapping[str, Sequence[Point]],
    span: tuple[float, float],
    bound: tuple[float, str] | None = None,
) -> Markup | None:
    """A chart with a line for each series; None where none has a value. `bound`: a value to keep to, and its name."""
    values = [value for points in series.values() for _, value in points if value is not None]
    if not values:
        return None
    start, end = span
    width, name_of = next((width, name_of) for least, width, name_of in UNITS if end - start >= least)
    x = Axis(scale([(start - end) / width, 0.0], margin=0), f"{name_of} before the end")
    y = Axis(scale([*values, *([bound[0]] if bound else [])], zero=True), unit)
    marks = [
        mark
        for place, points in enumerate(series.values())
        for mark in line(place, [((at - end) / width, value) for at, value in points], x, y)
    ]
    if bound is not None:
        up = down(y, bound[0])
        marks.append(tag("line", x1="0", x2="100%", y1=up, y2=up, class_="bound"))
        marks.append(tag("text", bound[1], x="0", y=max(10.0, up - 5), dx=4, class_="said"))
    keys = [
        tag("li", tag("b", "\u25cf"), f" {each}", class_=f"line line-{place % COLOURS}")
        for place, each in enumerate(series)
    ]
    key = tag("ul", *keys, class_="key", aria_label="Lines") if len(series) > 1 else None
    return figure(name, title, None, key, plot(f"{title}: {', '.join(series)}", x, y, HEIGHT, *marks))


def line(place: int, points: Sequence[Point], x: Axis, y: Axis) -> list[Markup]:
    """Pieces between points that have values; a value without neighbours is a dot."""
    colour, drawn, joined = f"line-{place % COLOURS}", [], set()
    for (left, low), (right, high) in pairwise(points):
        if low is not None and high is not None:
            joined |= {left, right}
            drawn.append(
                tag("line", x1=x.scale.percent(left), y1=down(y, low), x2=x.scale.percent(right), y2=down(y, high),
                    class_=f"over-time {colour}")
            )  # fmt: skip
    for at, value in points:
        if value is not None and at not in joined:
            drawn.append(
                tag("circle", cx=x.scale.percent(at), cy=down(y, value), r=3, class_=f"over-time-dot {colour}")
            )
    return drawn


def down(axis: Axis, value: float) -> float:
    """Pixels from the top."""
    return round((1 - axis.scale.share(value)) * HEIGHT, 1)
