"""Views of the report: speed against a measure of likeness, with the gate's bounds; a number at each point."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..markup import Markup, join, tag
from .frame import Axis, plot
from .scale import Scale

HEIGHT = 240
NARROWEST = 250
"""Width for which numbers are placed, pixels: what does not collide here does not in a wider column."""
HEAP = 16
"""Points nearer than this, pixels, share one number."""
Box = tuple[float, float, float, float]
"""Left, top, right, bottom, in pixels of a plot that is NARROWEST wide."""


@dataclass(frozen=True)
class Point:
    number: int
    name: str
    x: float
    y: float
    kind: str
    """served, passed or rejected."""
    words: str
    """All about it, shown when it is pointed at."""
    x_interval: tuple[float, float] | None = None


@dataclass(frozen=True)
class Bound:
    """A line of the gate."""

    axis: str
    """x or y."""
    value: float
    words: str
    decides: bool = True
    """False: a warning only, or not judged on this host."""
    least: bool = True
    """Whether the good side is above the value."""


def scatter(label: str, points: Sequence[Point], bounds: Sequence[Bound], x: Axis, y: Axis) -> Markup:
    taken = [around(point, x.scale, y.scale) for point in points]
    areas = [refused(bound, x.scale, y.scale) for bound in bounds if bound.decides]
    lines = [line(bound, x.scale, y.scale, taken) for bound in bounds]
    # The served one comes last, so that it lies on top.
    marks = [mark(point, x.scale, y.scale) for point in sorted(points, key=lambda point: point.kind == "served")]
    return plot(label, x, y, HEIGHT, *areas, *lines, *marks, numbers(points, x.scale, y.scale, taken))


def down(scale: Scale, value: float) -> float:
    """Pixels from the top."""
    return round((1 - scale.share(value)) * HEIGHT, 1)


def refused(bound: Bound, x: Scale, y: Scale) -> Markup:
    """The side of a bound on which a candidate is refused."""
    if bound.axis == "x":
        start, end = (0.0, x.share(bound.value)) if bound.least else (x.share(bound.value), 1.0)
        return tag(
            "rect", x=f"{start * 100:.2f}%", width=f"{(end - start) * 100:.2f}%", y=0, height=HEIGHT, class_="refused"
        )
    edge = down(y, bound.value)
    top, bottom = (edge, HEIGHT) if bound.least else (0, edge)
    return tag("rect", x="0", width="100%", y=top, height=round(bottom - top, 1), class_="refused")


def line(bound: Bound, x: Scale, y: Scale, taken: list[Box]) -> Markup:
    """A bound and its words, which stand where they cover the least; their place is added to `taken`."""
    class_ = "bound" if bound.decides else "bound faint"
    width = 6.2 * len(bound.words)
    if bound.axis == "x":
        across = x.share(bound.value) * NARROWEST
        drawn = tag("line", x1=x.percent(bound.value), x2=x.percent(bound.value), y1=0, y2=HEIGHT, class_=class_)
        at, places = x.percent(bound.value), [(across + 5, up, 5, "start") for up in (12, HEIGHT - 8)]
        places += [(across - 5 - width, up, -5, "end") for up in (12, HEIGHT - 8)]
        choices = [(at, up, dx, anchor, (left, up - 10, left + width, up + 3)) for left, up, dx, anchor in places]
    else:
        level = down(y, bound.value)
        drawn = tag("line", x1="0", x2="100%", y1=level, y2=level, class_=class_)
        choices = [
            (at, up, dx, anchor, (left, up - 10, left + width, up + 3))
            for at, dx, anchor, left in (("0", 4, "start", 4.0), ("100%", -4, "end", NARROWEST - 4 - width))
            for up in (level - 5, level + 14)
        ]
    at, up, dx, anchor, box = min(choices, key=lambda choice: covered(choice[-1], taken))
    taken.append(box)
    words = tag("text", bound.words, x=at, y=round(up, 1), dx=dx, text_anchor=anchor, class_="said")
    return join(drawn, words)


def mark(point: Point, x: Scale, y: Scale) -> Markup:
    at_x, at_y = x.percent(point.x), down(y, point.y)
    whiskers = None
    if point.x_interval is not None:
        low, high = (x.percent(end) for end in point.x_interval)
        whiskers = tag("line", x1=low, x2=high, y1=at_y, y2=at_y, class_="whisker")
    if point.kind == "rejected":
        arms = [tag("line", x1=-5, y1=-5, x2=5, y2=5), tag("line", x1=-5, y1=5, x2=5, y2=-5)]
        shape = tag("svg", *arms, x=at_x, y=at_y, class_="cross")
    else:
        ring = tag("circle", cx=at_x, cy=at_y, r=10, class_="ring") if point.kind == "served" else None
        shape = join(ring, tag("circle", cx=at_x, cy=at_y, r=5.5, class_="dot"))
    return tag("g", tag("title", point.words), whiskers, shape, class_=f"mark kind-{point.kind}")


PLACES = ((15, 4, "start"), (-15, 4, "end"), (0, -13, "middle"), (0, 21, "middle"),
          (13, -9, "start"), (-13, -9, "end"), (13, 17, "start"), (-13, 17, "end"),
          (28, 4, "start"), (-28, 4, "end"), (0, -26, "middle"), (0, 34, "middle"))  # fmt: skip
"""Where a number may stand beside its point: right, down (to the base line), how it is anchored."""


def around(point: Point, x: Scale, y: Scale) -> Box:
    across, at = x.share(point.x) * NARROWEST, down(y, point.y)
    return across - 8, at - 8, across + 8, at + 8


def numbers(points: Sequence[Point], x: Scale, y: Scale, taken: list[Box]) -> Markup:
    """The number of each point, or of each heap of points, where it covers the least."""
    written = []
    for heap in heaps(points, x, y):
        point, words = heap[0], runs([point.number for point in heap])
        across, at = x.share(point.x) * NARROWEST, down(y, point.y)
        boxes = [(place, text_box(words, across, at, *place)) for place in PLACES]
        (dx, dy, anchor), box = min(boxes, key=lambda entry: covered(entry[1], taken))
        taken.append(box)
        written.append(
            tag("text", words, x=x.percent(point.x), y=at, dx=dx, dy=dy, text_anchor=anchor, class_="number")
        )
    return join(*written)


def heaps(points: Sequence[Point], x: Scale, y: Scale) -> list[list[Point]]:
    """Points that lie upon each other in the narrowest plot, together."""
    found: list[list[Point]] = []
    for point in points:
        for heap in found:
            apart = abs(x.share(point.x) - x.share(heap[0].x)) * NARROWEST, abs(down(y, point.y) - down(y, heap[0].y))
            if max(apart) < HEAP:
                heap.append(point)
                break
        else:
            found.append([point])
    return found


def runs(numbers: Sequence[int]) -> str:
    """1, 2, 3, 5 as `1-3, 5`."""
    found: list[list[int]] = []
    for number in sorted(numbers):
        if found and number == found[-1][-1] + 1:
            found[-1].append(number)
        else:
            found.append([number])
    return ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 2 else ", ".join(map(str, run)) for run in found)


def text_box(words: str, across: float, at: float, dx: float, dy: float, anchor: str) -> Box:
    width = 7.6 * len(words)
    left = across + dx - {"start": 0.0, "middle": width / 2, "end": width}[anchor]
    return left, at + dy - 11, left + width, at + dy + 2


def covered(box: Box, taken: Iterable[Box]) -> float:
    """How much of what is drawn a text would cover, and how far it would reach out of the plot."""
    left, top, right, bottom = box
    outside = max(0.0, -left) + max(0.0, right - NARROWEST) + max(0.0, -top) + max(0.0, bottom - HEIGHT)
    shared = (
        max(0.0, min(right, other[2]) - max(left, other[0])) * max(0.0, min(bottom, other[3]) - max(top, other[1]))
        for other in taken
    )
    return sum(shared) + 20 * outside
