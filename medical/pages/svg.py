"""Elements of SVG as text, with all their attributes escaped."""

from collections.abc import Sequence
from typing import NamedTuple

from markupsafe import Markup, escape

from medical.pages.render import render

Point = tuple[float, float]
"""Right and down, in units of the drawing."""


class Figure(NamedTuple):
    """A chart with its title; a block of a page."""

    title: str
    drawing: Markup
    """An `svg` element."""
    description: str
    """What it shows, in words, for those who do not see it."""
    caption: str = ""
    """How to read it, below."""

    def html(self) -> Markup:
        """The figure with its title above and its caption below."""
        return render("figure.html", figure=self)


def element(name: str, *children: Markup | str, **attributes: str | float) -> Markup:
    """Writes an element.

    Args:
        name: Of the element.
        children: Elements, and text, which is escaped.
        attributes: `stroke_width` is written `stroke-width`, and `class_` is `class`.
    """
    written = (
        Markup(' {}="{}"').format(key.rstrip("_").replace("_", "-"), _short(value))
        for key, value in attributes.items()
        if value != ""
    )
    opened = Markup("<{}{}").format(name, Markup().join(written))
    if not children:
        return opened + Markup("/>")
    return opened + Markup(">{}</{}>").format(Markup().join(map(escape, children)), name)


def line(start: Point, end: Point, kind: str) -> Markup:
    """A straight line of a class of the style sheet."""
    return element("line", x1=start[0], y1=start[1], x2=end[0], y2=end[1], class_=kind)


def text(words: str, place: Point, kind: str = "", anchor: str = "middle") -> Markup:
    """Words at a place: the middle, the start or the end of their base line."""
    return element("text", words, x=place[0], y=place[1], class_=kind, text_anchor=anchor)


def path(points: Sequence[Point], kind: str) -> Markup:
    """A line through points."""
    steps = " ".join(f"{_short(x)},{_short(y)}" for x, y in points)
    return element("polyline", points=steps, class_=kind)


def hint(words: str) -> Markup:
    """What is shown while the mouse rests on the element that this is a child of."""
    return element("title", words)


def drawing(width: float, height: float, description: str, children: Sequence[Markup]) -> Markup:
    """The whole drawing, as wide as there is room for; `description` is read out instead of it."""
    return element(
        "svg",
        *children,
        viewBox=f"0 0 {_short(width)} {_short(height)}",
        role="img",
        aria_label=description,
        class_="chart",
    )


def _short(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:.1f}".removesuffix(".0")
