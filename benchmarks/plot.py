"""Curves as a picture that a browser draws: an SVG file without any library."""

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

WIDTH, HEIGHT, MARGIN = 640, 360, 48
COLOURS = (
    "#0072b2",
    "#d55e00",
    "#009e73",
    "#cc79a7",
)  # Okabe and Ito 2008, for colour-blind readers too
_TICKS = 5


def write_curves(
    path: Path, curves: Mapping[str, Sequence[tuple[float, float]]], *, title: str
) -> None:
    """Draws curves over common axes that start at zero.

    Args:
        path: The .svg file.
        curves: Points (x, y), none of them negative, by name.
        title: What x and y are.
    """
    right = max(x for points in curves.values() for x, _ in points)
    top = max(y for points in curves.values() for _, y in points) * 1.05

    def place(x: float, y: float) -> tuple[float, float]:
        inner_width, inner_height = WIDTH - 2 * MARGIN, HEIGHT - 2 * MARGIN
        return MARGIN + x / right * inner_width, HEIGHT - MARGIN - y / top * inner_height

    parts = [_text(MARGIN, MARGIN / 2, title)]
    for tick in range(_TICKS + 1):
        x, y = right * tick / _TICKS, top * tick / _TICKS
        parts.append(_line([place(0, y), place(right, y)], "#dddddd", 1))
        parts.append(_text(MARGIN - 6, place(0, y)[1] + 4, f"{y:.2g}", anchor="end"))
        parts.append(_text(place(x, 0)[0], HEIGHT - MARGIN + 18, f"{x:.3g}", anchor="middle"))
    for row, ((name, points), colour) in enumerate(zip(curves.items(), COLOURS, strict=False)):
        placed = [place(*point) for point in points]
        parts.append(_line(placed, colour, 2.5))
        parts.append(_text(MARGIN + 12, MARGIN + 16 * (row + 1), name, colour=colour))
    path.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
        f'font-size="12"><rect width="100%" height="100%" fill="white"/>{"".join(parts)}</svg>\n',
        encoding="utf-8",
    )


def _line(points: Sequence[tuple[float, float]], colour: str, width: float) -> str:
    places = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline points="{places}" fill="none" stroke="{colour}" stroke-width="{width}"/>'


def _text(x: float, y: float, text: str, *, anchor: str = "start", colour: str = "#333333") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{escape(text)}</text>'
