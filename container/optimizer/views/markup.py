"""Views of the report: HTML and SVG as text, with everything that is not markup escaped."""

import re
from html import escape

UNSHOWABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff\u202a-\u202e\u2066-\u2069]")
"""Control characters, halves of pairs, and marks that turn the direction of the text after them."""
VOID = frozenset({"meta", "link", "br"})


class Markup(str):
    """Text that is markup already."""

    __slots__ = ()


Content = Markup | str | int | None


def plain(text: object) -> str:
    """Text without characters that cannot be shown; each becomes a replacement character."""
    return UNSHOWABLE.sub("\ufffd", str(text))


def text(value: object) -> Markup:
    """Escaped, unless it is markup."""
    return value if isinstance(value, Markup) else Markup(escape(plain(value)))


def tag(name: str, /, *children: Content, **attributes: object) -> Markup:
    """An element. `class_` stands for class, `_` in other names for `-`; None leaves a child or an attribute out."""
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(plain(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    inner = join(*children)
    return Markup(f"<{name}{written}>" if name in VOID else f"<{name}{written}>{inner}</{name}>")


def join(*children: Content) -> Markup:
    return Markup("".join(text(child) for child in children if child is not None))
