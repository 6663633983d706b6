"""Curves as a picture that a browser draws: an SVG file without any library."""

import math
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import NamedTuple

from lumbar.files import atomic_write

_WIDTH, _HEIGHT, _MARGIN = 720, 420, 56
_COLOURS = (
    *("#0072b2", "#d55e00", "#009e73", "#cc79a7"),
    *("#e69f00", "#56b4e9", "#000000", "#999999"),
)
"""Okabe and Ito 2008, for colour-blind readers too."""
_TICKS = 5

Point = tuple[float, float]


class Curve(NamedTuple):
    """A line, and the range around it."""

    name: str
    points: Sequence[Point]
    band: Sequence[tuple[float, float, float]] = ()
    """Place, lowest and highest value there."""
    colour: int = 0
    """Curves of one number share their colour."""
    dashed: bool = False


class _Axes(NamedTuple):
    right: float
    low: float
    high: float
    logarithmic: bool

    def place(self, x: float, y: float) -> Point:
        low, high = self._scaled(self.low), self._scaled(self.high)
        share = (self._scaled(max(y, self.low)) - low) / (high - low)
        across = _MARGIN + x / self.right * (_WIDTH - 2 * _MARGIN)
        return across, _HEIGHT - _MARGIN - share * (_HEIGHT - 2 * _MARGIN)

    def ticks(self) -> list[float]:
        low, high = self._scaled(self.low), self._scaled(self.high)
        values = [low + (high - low) * tick / _TICKS for tick in range(_TICKS + 1)]
        return [10**value if self.logarithmic else value for value in values]

    def _scaled(self, y: float) -> float:
        return math.log10(y) if self.logarithmic else y


def draw_curves(
    path: Path,
    curves: Sequence[Curve],
    *,
    title: str,
    axes: tuple[str, str],
    logarithmic: bool = False,
) -> None:
    """Writes a figure.

    Args:
        path: The .svg file.
        curves: At least one, of points that are not negative.
        title: Stands above it.
        axes: What x and y are.
        logarithmic: Whether y has the same distance from 1 to 10 as from 10 to 100; zeros are drawn at the bottom.
    """
    frame = _frame(curves, logarithmic=logarithmic)
    parts = [_text(_MARGIN, 22, title, size=14), *_grid(frame, axes)]
    for curve in curves:
        parts += _drawn(curve, frame)
    for row, curve in enumerate(curves):
        y = _MARGIN + 10 + 16 * row
        colour = _COLOURS[curve.colour % len(_COLOURS)]
        left = _WIDTH - _MARGIN - 150
        parts.append(_line([(left, y), (left + 24, y)], colour, dashed=curve.dashed))
        parts.append(_text(left + 30, y + 4, curve.name))
    body = "".join(parts)
    with atomic_write(path) as partial:
        partial.write_text(
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif" '
            f'font-size="12"><rect width="100%" height="100%" fill="white"/>{body}</svg>\n',
            encoding="utf-8",
        )


def _frame(curves: Sequence[Curve], *, logarithmic: bool) -> _Axes:
    values = [y for curve in curves for _, y in curve.points]
    values += [y for curve in curves for _, low, high in curve.band for y in (low, high)]
    right = max(x for curve in curves for x, _ in curve.points) or 1.0
    if not logarithmic:
        return _Axes(right, 0.0, max(values) * 1.05 or 1.0, logarithmic=False)
    positive = [value for value in values if value > 0] or [1.0]
    low = 10 ** math.floor(math.log10(min(positive)))
    high = 10 ** math.ceil(math.log10(max(positive)))
    return _Axes(right, low, max(high, 10 * low), logarithmic=True)


def _grid(frame: _Axes, axes: tuple[str, str]) -> list[str]:
    parts = []
    for y in frame.ticks():
        ends = [frame.place(0, y), frame.place(frame.right, y)]
        parts.append(_line(ends, "#dddddd", width=1))
        parts.append(_text(_MARGIN - 6, ends[0][1] + 4, f"{y:.3g}", anchor="end"))
    bottom = _HEIGHT - _MARGIN
    for tick in range(_TICKS + 1):
        x = frame.right * tick / _TICKS
        place = frame.place(x, frame.low)[0]
        parts.append(_text(place, bottom + 18, f"{x:.4g}", anchor="middle"))
    parts.append(_text(_WIDTH / 2, _HEIGHT - 12, axes[0], anchor="middle"))
    parts.append(_text(_MARGIN - 40, _MARGIN - 12, axes[1]))
    return parts


def _drawn(curve: Curve, frame: _Axes) -> list[str]:
    colour = _COLOURS[curve.colour % len(_COLOURS)]
    parts = []
    if curve.band:
        above = [frame.place(x, high) for x, _, high in curve.band]
        below = [frame.place(x, low) for x, low, _ in reversed(curve.band)]
        outline = _places([*above, *below])
        parts.append(f'<polygon points="{outline}" fill="{colour}" fill-opacity="0.15"/>')
    parts.append(
        _line([frame.place(*point) for point in curve.points], colour, dashed=curve.dashed)
    )
    return parts


def _line(points: Sequence[Point], colour: str, *, width: float = 2.0, dashed: bool = False) -> str:
    dashes = ' stroke-dasharray="6 4"' if dashed else ""
    return f'<polyline points="{_places(points)}" fill="none" stroke="{colour}" stroke-width="{width}"{dashes}/>'


def _places(points: Sequence[Point]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)


def _text(x: float, y: float, text: str, *, anchor: str = "start", size: int = 12) -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}"'
    return f'<text {place} fill="#333333">{escape(text)}</text>'
