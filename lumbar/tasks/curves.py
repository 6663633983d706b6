"""Curves as a picture that a browser draws: an SVG file without any library."""

import math
from collections.abc import Sequence
from html import escape
from itertools import takewhile
from pathlib import Path
from statistics import median
from textwrap import wrap
from typing import NamedTuple

from lumbar.files import atomic_write

_WIDTH, _HEIGHT = 800, 440
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 168, 84, 52
"""Margins; the names of the curves stand in the right one, where no curve can be."""
_COLOURS = (
    *("#0072b2", "#d55e00", "#009e73", "#cc79a7"),
    *("#e69f00", "#56b4e9", "#000000", "#999999"),
)
"""Okabe and Ito 2008, for colour-blind readers too."""
_INTERVALS = 6
"""Between ticks, at most."""
_TITLE_LETTERS = 100

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
    ticks: Sequence[float]
    """Of y, from the bottom to the top."""
    logarithmic: bool

    def place(self, x: float, y: float) -> Point:
        low, high = self._scaled(self.ticks[0]), self._scaled(self.ticks[-1])
        share = (self._scaled(max(y, self.ticks[0])) - low) / (high - low)
        across = _LEFT + x / self.right * (_WIDTH - _LEFT - _RIGHT)
        return across, _HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM)

    def _scaled(self, y: float) -> float:
        return math.log10(y) if self.logarithmic else y


def seeds_curve(name: str, seeds: Sequence[Sequence[Point]], *, colour: int) -> Curve:
    """The median over several runs of the same, and their range, as far as all of them go.

    Args:
        name: What was run.
        seeds: The points of each run, at the same places.
        colour: Number of its colour.
    """
    places = [
        (points[0][0], [value for _, value in points]) for points in zip(*seeds, strict=False)
    ]
    return Curve(
        name,
        [(x, median(values)) for x, values in places],
        [(x, min(values), max(values)) for x, values in places] if len(seeds) > 1 else (),
        colour,
    )


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
    parts = [
        _text(_LEFT, 24 + 20 * row, line, size=14) for row, line in enumerate(_title_lines(title))
    ]
    parts += _grid(frame, axes)
    for row, curve in enumerate(curves):
        parts += [*_drawn(curve, frame), *_named(curve, row)]
    body = "".join(parts)
    with atomic_write(path) as unfinished:
        unfinished.write_text(
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif" '
            f'font-size="12"><rect width="100%" height="100%" fill="white"/>{body}</svg>\n',
            encoding="utf-8",
        )


def _title_lines(title: str) -> list[str]:
    question, mark, rest = title.partition("? ")
    parts = (question + mark.rstrip(), rest)
    return [line for part in parts for line in wrap(part, _TITLE_LETTERS)]


def _frame(curves: Sequence[Curve], *, logarithmic: bool) -> _Axes:
    values = [y for curve in curves for _, y in curve.points]
    values += [y for curve in curves for _, low, high in curve.band for y in (low, high)]
    right = max(x for curve in curves for x, _ in curve.points) or 1.0
    if not logarithmic:
        return _Axes(right, _round_ticks(max(values) or 1.0), logarithmic=False)
    positive = [value for value in values if value > 0] or [1.0]
    low = math.floor(math.log10(min(positive)))
    high = max(math.ceil(math.log10(max(positive))), low + 1)
    every = math.ceil((high - low) / _INTERVALS)
    powers = range(low, high + every, every)
    return _Axes(right, [10.0**power for power in powers], logarithmic=True)


def _round_ticks(top: float) -> list[float]:
    """Multiples of 1, 2 or 5 times a power of ten, from 0 to the first that is not below `top`."""
    power = 10.0 ** math.floor(math.log10(top / _INTERVALS))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor * _INTERVALS >= top)
    return [step * tick for tick in range(math.ceil(top / step - 1e-9) + 1)]


def _grid(frame: _Axes, axes: tuple[str, str]) -> list[str]:
    parts = []
    for y in frame.ticks:
        ends = [frame.place(0, y), frame.place(frame.right, y)]
        parts.append(_line(ends, "#dddddd", width=1))
        parts.append(_text(_LEFT - 6, ends[0][1] + 4, f"{y:.3g}", anchor="end"))
    bottom = _HEIGHT - _BOTTOM
    for x in takewhile(lambda tick: tick <= frame.right, _round_ticks(frame.right)):
        place = frame.place(x, frame.ticks[0])[0]
        parts.append(_line([(place, bottom), (place, bottom + 4)], "#999999", width=1))
        parts.append(_text(place, bottom + 18, f"{x:.4g}", anchor="middle"))
    middle = (_LEFT + _WIDTH - _RIGHT) / 2
    parts.append(_text(middle, _HEIGHT - 14, axes[0], anchor="middle"))
    parts.append(_text(_LEFT - 28, _TOP - 14, axes[1]))
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


def _named(curve: Curve, row: int) -> list[str]:
    colour = _COLOURS[curve.colour % len(_COLOURS)]
    left, y = _WIDTH - _RIGHT + 14, _TOP + 18 * row
    line = _line([(left, y), (left + 22, y)], colour, dashed=curve.dashed)
    return [line, _text(left + 28, y + 4, curve.name)]


def _line(points: Sequence[Point], colour: str, *, width: float = 2.0, dashed: bool = False) -> str:
    dashes = ' stroke-dasharray="6 4"' if dashed else ""
    return f'<polyline points="{_places(points)}" fill="none" stroke="{colour}" stroke-width="{width}"{dashes}/>'


def _places(points: Sequence[Point]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)


def _text(x: float, y: float, text: str, *, anchor: str = "start", size: int = 12) -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}"'
    return f'<text {place} fill="#333333">{escape(text)}</text>'
