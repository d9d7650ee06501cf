"""Views of the report: a line through measured points."""

from collections.abc import Sequence
from itertools import pairwise

from ..markup import Markup, tag
from .frame import Axis, plot

HEIGHT = 180


def curve(label: str, points: Sequence[tuple[float, float]], x: Axis, y: Axis) -> Markup:
    """`points` in the order of their x."""
    places = [(x.scale.percent(across), round((1 - y.scale.share(up)) * HEIGHT, 1)) for across, up in points]
    # A polyline takes no percentages, lines do.
    lines = [
        tag("line", x1=start[0], y1=start[1], x2=end[0], y2=end[1], class_="curve") for start, end in pairwise(places)
    ]
    dots = [
        tag("circle", tag("title", f"{across:g}: {up:.4g}"), cx=place[0], cy=place[1], r=3, class_="curve-dot")
        for (across, up), place in zip(points, places, strict=True)
    ]
    return plot(label, x, y, HEIGHT, *lines, *dots)
