"""Views of the report: how the values of one tensor are spread, small enough for dozens on a page."""

from collections.abc import Sequence

from ..markup import Markup, join, tag

HEIGHT = 64


def histogram(label: str, edges: Sequence[float], counts: Sequence[int]) -> Markup:
    """Bars between `edges`; the values at both ends stand below. One edge more than counts."""
    reach, most = edges[-1] - edges[0], max(counts, default=0)
    drawn = []
    for index, count in enumerate(counts):
        if count == 0:
            continue
        start, end = edges[index], edges[index + 1]
        # A tensor with one value has edges without distance: its bars share the width.
        left, width = (
            ((start - edges[0]) / reach, (end - start) / reach) if reach > 0 else (index / len(counts), 1 / len(counts))
        )
        height = max(1.0, count / most * HEIGHT)
        drawn.append(
            tag(
                "rect",
                x=f"{left * 100:.2f}%",
                width=f"{width * 100:.2f}%",
                y=round(HEIGHT - height, 1),
                height=round(height, 1),
            )
        )
    ends = join(
        tag("text", f"{edges[0]:.3g}", x="0", y=HEIGHT + 14),
        tag("text", f"{edges[-1]:.3g}", x="100%", y=HEIGHT + 14, text_anchor="end"),
    )
    base = tag("line", x1="0", x2="100%", y1=HEIGHT, y2=HEIGHT, class_="rule")
    return tag(
        "svg", base, *drawn, ends, class_="histogram", width="100%", height=HEIGHT + 18, role="img", aria_label=label
    )
