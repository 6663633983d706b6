"""Curves and bars as pictures that a browser draws: SVG files without any library."""

import math
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import NamedTuple

WIDTH, HEIGHT, MARGIN = 640, 360, 48
NAMES_WIDTH, ROW = 280, 22
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
    _write(path, parts, HEIGHT)


class Bar(NamedTuple):
    """One row of a bar chart; none of its numbers is negative."""

    name: str
    value: float
    low: float
    high: float
    """Ends of the whisker."""
    goal: float | None
    """Where a mark stands."""


def write_bars(path: Path, bars: Sequence[Bar], *, title: str) -> None:
    """Draws bars that start at zero, on a logarithmic axis above 1 so that large and small ones can be seen.

    Args:
        path: The .svg file.
        bars: At least one, from top to bottom.
        title: What they are.
    """
    right = max(_stretched(max(bar.high, bar.goal or 0)) for bar in bars)

    def place(value: float) -> float:
        return NAMES_WIDTH + _stretched(value) / right * (WIDTH - NAMES_WIDTH - MARGIN)

    parts = [_text(MARGIN, MARGIN / 2, title)]
    for row, bar in enumerate(bars):
        y = MARGIN + ROW * (row + 0.5)
        parts.append(_text(NAMES_WIDTH - 8, y + 4, bar.name, anchor="end"))
        parts.append(_line([(place(0), y), (place(bar.value), y)], COLOURS[0], ROW / 2))
        parts.append(_line([(place(bar.low), y), (place(bar.high), y)], "#333333", 1.5))
        if bar.goal is not None:
            x = place(bar.goal)
            parts.append(_line([(x, y - ROW / 2.5), (x, y + ROW / 2.5)], COLOURS[1], 2.5))
        parts.append(_text(place(max(bar.high, bar.goal or 0)) + 6, y + 4, f"{bar.value:.2f}"))
    _write(path, parts, MARGIN + ROW * len(bars) + MARGIN // 2)


def _stretched(value: float) -> float:
    return min(value, 1.0) + math.log2(max(value, 1.0))


def _write(path: Path, parts: Sequence[str], height: int) -> None:
    path.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" '
        f'font-size="12"><rect width="100%" height="100%" fill="white"/>{"".join(parts)}</svg>\n',
        encoding="utf-8",
    )


def _line(points: Sequence[tuple[float, float]], colour: str, width: float) -> str:
    places = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline points="{places}" fill="none" stroke="{colour}" stroke-width="{width}"/>'


def _text(x: float, y: float, text: str, *, anchor: str = "start", colour: str = "#333333") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{escape(text)}</text>'
