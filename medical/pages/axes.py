"""Axes of charts: a range with round numbers along it, and the frame of two of them."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

from markupsafe import Markup

from medical.pages.svg import Point, drawing, element, line, text
from medical.pages.words import brief, number

WIDTH, HEIGHT = 440.0, 300.0
"""Of a chart; its letters are 12 high, so that they can be read on a phone, too."""
_TOP, _BOTTOM = 30.0, 44.0
_LETTER = 6.6
_TICKS = 6
_WIDEST_LOG = 4


@dataclass(frozen=True)
class Axis:
    """A range of numbers along an edge of a chart."""

    title: str
    low: float
    high: float
    unit: str = ""
    log: bool = False
    """Equal factors are equally far apart."""
    whole: bool = False
    """Only whole numbers are written along it, as of counts."""

    @classmethod
    def around(
        cls,
        values: Iterable[float],
        title: str,
        *,
        unit: str = "",
        log: bool = False,
        whole: bool = False,
    ) -> Self:
        """The axis that has room for these numbers and begins and ends at round ones; nan and infinity are left out.

        Args:
            values: Some of them may be missing.
            title: What they are.
            unit: In which.
            log: Whether equal factors are equally far apart; numbers that are not positive are left out.
            whole: Whether the numbers are counts.
        """
        known = [v for v in values if math.isfinite(v) and (v > 0 or not log)] or [1.0 * log, 1.0]
        low, high = min(known), max(known)
        if log:
            below, above = math.floor(math.log10(low)), math.ceil(math.log10(high))
            return cls(title, 10.0**below, 10.0 ** max(above, below + 1), unit, log)
        step = max(_round_step((high - low) or abs(high) or 1.0), float(whole))
        low, high = math.floor(low / step) * step, math.ceil(high / step) * step
        return cls(title, low, high if high > low else low + step, unit, log, whole)

    @property
    def label(self) -> str:
        """Title and unit."""
        return f"{self.title} ({self.unit})" if self.unit else self.title

    def share(self, value: float) -> float:
        """Where a number lies: 0 at the low end, 1 at the high end; what is beyond lies at the end."""
        if self.log:
            low, high, value = (math.log10(max(v, 1e-300)) for v in (self.low, self.high, value))
        else:
            low, high = self.low, self.high
        return min(max((value - low) / (high - low), 0.0), 1.0)

    def ticks(self) -> list[tuple[float, str]]:
        """Round numbers along the axis, and how they are written."""
        if self.log:
            first, last = round(math.log10(self.low)), round(math.log10(self.high))
            every = max(1, math.ceil((last - first) / _WIDEST_LOG))
            return [(10.0**power, brief(10.0**power)) for power in range(first, last + 1, every)]
        step = max(_round_step(self.high - self.low), float(self.whole))
        digits = max(0, -math.floor(math.log10(step)))
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [(place * step, number(place * step, digits)) for place in range(first, last + 1)]


@dataclass(frozen=True)
class Plot:
    """The frame of two axes, and where a pair of numbers lies in it."""

    x: Axis
    y: Axis

    @property
    def left(self) -> float:
        """The left edge of the frame, behind the numbers of the upright axis."""
        return 14 + _LETTER * max(len(written) for _, written in self.y.ticks())

    @property
    def right(self) -> float:
        """The right edge of the frame, with room for half of the last number below it."""
        return WIDTH - max(10.0, 4 + _LETTER * len(self.x.ticks()[-1][1]) / 2)

    def place(self, x: float, y: float) -> Point:
        """Where a pair of numbers lies in the drawing."""
        across = self.left + self.x.share(x) * (self.right - self.left)
        down = HEIGHT - _BOTTOM - self.y.share(y) * (HEIGHT - _BOTTOM - _TOP)
        return across, down

    def draw(self, marks: Sequence[Markup], description: str) -> Markup:
        """The drawing: grid lines below, marks above, numbers and titles outside."""
        x, y = self.x, self.y
        across = [(self.place(value, y.low), written) for value, written in x.ticks()]
        upward = [(self.place(x.low, value), written) for value, written in y.ticks()]
        right, top = self.place(x.high, y.high)
        grid = [line((left, down), (right, down), "grid") for (left, down), _ in upward]
        grid += [line((left, down), (left, top), "grid") for (left, down), _ in across]
        base = line(self.place(x.low, y.low), self.place(x.high, y.low), "base")
        below = [text(written, (left, down + 18), "tick") for (left, down), written in across]
        aside = [text(words, (left - 7, down + 4), "tick", "end") for (left, down), words in upward]
        titles = [
            text(y.label, (4, 14), "axis", "start"),
            text(x.label, ((self.left + right) / 2, HEIGHT - 6), "axis"),
        ]
        inside = element("g", *marks)
        parts = [*grid, base, *below, *aside, *titles, inside]
        return drawing(WIDTH, HEIGHT, description, parts)


def _round_step(span: float) -> float:
    """The distance of round numbers of which a few fit into a span."""
    rough = span / _TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    return power * next(factor for factor in (1, 2, 5, 10) if factor * power >= rough * (1 - 1e-9))
