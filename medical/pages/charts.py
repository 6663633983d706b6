"""Charts: histogram, bars, scatter, lines with a diagonal for calibration, and dots with intervals."""

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from medical.pages.axes import WIDTH, Axis, Plot
from medical.pages.svg import Figure, drawing, element, hint, line, path, text
from medical.pages.words import brief, count, number

Tone = Literal["first", "second", "third", "quiet"]
"""A colour of the style sheet; all can be told apart with any kind of colour vision."""

_BINS = 24
_ROW = 26.0
_LETTER = 6.6
_LONGEST = 26


class Dot(NamedTuple):
    """A mark of a scatter chart."""

    x: float
    y: float
    name: str
    """Shown while the mouse rests on it."""
    tone: Tone = "first"
    link: str = ""
    """Name of the place on the page where a click leads, without `#`."""


class Rule(NamedTuple):
    """A line across a chart."""

    kind: Literal["x", "y", "diagonal"]
    value: float = 0.0
    """Where it stands on its axis; of a diagonal how far y lies above x."""
    name: str = ""


class Curve(NamedTuple):
    """A line of a calibration chart."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    tone: Tone = "first"


class Estimate(NamedTuple):
    """A number with its interval; nan where it is unknown."""

    name: str
    value: float
    low: float
    high: float
    note: str = ""
    """Right of it: how many it stands for."""


def histogram(
    values: Sequence[float] | NDArray[np.floating],
    *,
    title: str,
    axis: str,
    unit: str = "",
    counted: str = "case",
    log: bool = False,
    caption: str = "",
) -> Figure:
    """How often numbers lie where.

    Args:
        values: The numbers; nan and infinity are left out, with `log` also what is not positive.
        title: Of the chart.
        axis: What the numbers are.
        unit: In which.
        counted: What there is one number of each, in the singular.
        log: Whether equal factors are equally far apart.
        caption: How to read it.
    """
    known = np.asarray([v for v in values if math.isfinite(v) and (v > 0 or not log)], float)
    along, edges = _bins(known, axis, unit, log=log)
    amounts = np.histogram(known, edges)[0]
    up = Axis.around([0, max(1, *amounts)], f"number of {counted}s", whole=True)
    plot = Plot(along, up)
    marks = [
        _bar(plot, edges[k], edges[k + 1], int(amounts[k]), counted) for k in amounts.nonzero()[0]
    ]
    told = f"{title}: {count(len(known), counted)}"
    if len(known):
        low, middle, high = (brief(float(v)) for v in np.percentile(known, (0, 50, 100)))
        told += f", {along.label} from {low} to {high}, half of them up to {middle}"
    return Figure(title, plot.draw(marks, f"{told}."), told, caption)


def bars(
    names: Sequence[str],
    values: Sequence[float],
    *,
    title: str,
    axis: str,
    unit: str = "",
    digits: int = 0,
    caption: str = "",
) -> Figure:
    """A bar for each name, one below the other.

    Args:
        names: What the bars are of.
        values: How long they are, from 0.
        title: Of the chart.
        axis: What the numbers are.
        unit: In which.
        digits: Of the numbers after the point.
        caption: How to read it.
    """
    left, right = _names_width(names), 64.0
    along = Axis.around([0.0, *values], axis, unit=unit)
    span = WIDTH - left - right
    marks: list[Markup] = []
    for row, (name, value) in enumerate(zip(names, values, strict=True)):
        top, length = 24 + row * _ROW, along.share(value) * span
        marks += [
            text(_cut(name), (left - 8, top + 13), "tick", "end"),
            element("rect", x=left, y=top, width=length, height=_ROW - 8, class_="first fill"),
            text(number(value, digits), (left + length + 6, top + 13), "tick", "start"),
        ]
    marks += [
        text(along.label, (4, 14), "axis", "start"),
        line((left, 20), (left, 20 + len(names) * _ROW), "base"),
    ]
    written = [f"{name} {number(v, digits)}" for name, v in zip(names, values, strict=True)]
    told = f"{title}, {along.label}: {', '.join(written)}."
    return Figure(title, drawing(WIDTH, 26 + len(names) * _ROW, told, marks), told, caption)


def scatter(
    dots: Sequence[Dot],
    *,
    title: str,
    x: Axis,
    y: Axis,
    rules: Sequence[Rule] = (),
    caption: str = "",
) -> Figure:
    """A dot for each pair of numbers; pairs with a nan are left out, and counted in the description.

    Args:
        dots: The pairs.
        title: Of the chart.
        x: The axis along the bottom, see `Axis.around`.
        y: The upright axis.
        rules: Lines across the chart.
        caption: How to read it.
    """
    plot = Plot(x, y)
    known = [dot for dot in dots if math.isfinite(dot.x) and math.isfinite(dot.y)]
    # The marked ones are drawn last, over the others.
    order = sorted(known, key=lambda dot: dot.tone in ("first", "quiet"), reverse=True)
    marks = [mark for rule in rules for mark in _rule(plot, rule)]
    marks += [_dot(plot, dot) for dot in order]
    told = f"{title}: {count(len(known), 'dot')}, {x.label} against {y.label}"
    missing = len(dots) - len(known)
    told += f"; {missing} without a number are left out." if missing else "."
    return Figure(title, plot.draw(marks, told), told, caption)


def reliability(curves: Sequence[Curve], *, title: str, caption: str = "") -> Figure:
    """How often what was said with some probability was true; on the diagonal the probability keeps its word.

    Args:
        curves: Mean probabilities in [0, 1] and how often they were right.
        title: Of the chart.
        caption: How to read it.
    """
    plot = Plot(Axis("predicted probability", 0, 1), Axis("how often it was true", 0, 1))
    marks = _rule(plot, Rule("diagonal"))
    for row, curve in enumerate(curves):
        places = [plot.place(x, y) for x, y in zip(curve.x, curve.y, strict=True)]
        marks.append(path(places, f"{curve.tone} curve"))
        marks += [_circle(place, 3.2, curve.tone) for place in places]
        level = plot.place(0, 1)[1] + 16 + row * 18
        start = plot.left + 10
        marks += [
            line((start, level - 4), (start + 18, level - 4), f"{curve.tone} curve"),
            text(curve.name, (start + 24, level), "tick", "start"),
        ]
    ways = [f"{curve.name}: {_pairs(curve)}" for curve in curves]
    told = f"{title}. {' '.join(ways)}"
    return Figure(title, plot.draw(marks, told), told, caption)


def intervals(
    estimates: Sequence[Estimate],
    *,
    title: str,
    axis: Axis,
    digits: int = 3,
    reference: float | None = None,
    caption: str = "",
) -> Figure:
    """A dot with an interval for each name, one below the other.

    Args:
        estimates: The numbers.
        title: Of the chart.
        axis: Along which they lie, see `Axis.around`.
        digits: Of the numbers after the point.
        reference: Where a dashed line stands.
        caption: How to read it.
    """
    left, right = _names_width([row.name for row in estimates]), 104.0
    bottom = 26 + len(estimates) * _ROW

    def across(value: float) -> float:
        return left + axis.share(value) * (WIDTH - left - right)

    marks = [line((across(v), 22), (across(v), bottom), "grid") for v, _ in axis.ticks()]
    marks += [text(written, (across(v), bottom + 16), "tick") for v, written in axis.ticks()[::2]]
    marks.append(text(axis.label, (4, 14), "axis", "start"))
    if reference is not None:
        marks.append(line((across(reference), 22), (across(reference), bottom), "rule"))
    for row, estimate in enumerate(estimates):
        level = 24 + (row + 0.5) * _ROW
        marks.append(text(_cut(estimate.name), (left - 8, level + 4), "tick", "end"))
        marks.append(
            text(number(estimate.value, digits), (WIDTH - right + 10, level + 4), "", "start")
        )
        marks.append(text(estimate.note, (WIDTH - 4, level + 4), "tick", "end"))
        if math.isfinite(estimate.low) and math.isfinite(estimate.high):
            ends = (across(estimate.low), level), (across(estimate.high), level)
            marks.append(line(*ends, "first curve"))
        if math.isfinite(estimate.value):
            marks.append(_circle((across(estimate.value), level), 4.5, "first"))
    told = f"{title}, {axis.label}: " + "; ".join(_estimate(row, digits) for row in estimates)
    return Figure(title, drawing(WIDTH, bottom + 22, f"{told}.", marks), told, caption)


def _bins(
    known: NDArray[np.float64], title: str, unit: str, *, log: bool
) -> tuple[Axis, NDArray[np.float64]]:
    """The axis of a histogram and the edges of its bars; a few whole numbers have a bar each."""
    if len(known) and not log and (known == known.round()).all() and np.ptp(known) < _BINS:
        edges = np.arange(known.min() - 0.5, known.max() + 1)
        return Axis(title, float(edges[0]), float(edges[-1]), unit, whole=True), edges
    axis = Axis.around(known, title, unit=unit, log=log)
    return axis, (np.geomspace if log else np.linspace)(axis.low, axis.high, _BINS + 1)


def _bar(plot: Plot, low: float, high: float, amount: int, counted: str) -> Markup:
    (left, top), (right, bottom) = plot.place(low, amount), plot.place(high, 0)
    span = brief((low + high) / 2) if plot.x.whole else f"{brief(low)} to {brief(high)}"
    words = hint(f"{span}: {count(amount, counted)}")
    width = max(right - left - 1, 1)
    return element(
        "rect", words, x=left + 0.5, y=top, width=width, height=bottom - top, class_="first fill"
    )


def _dot(plot: Plot, dot: Dot) -> Markup:
    mark = _circle(plot.place(dot.x, dot.y), 4, f"{dot.tone} dot", hint(dot.name))
    return element("a", mark, href=f"#{dot.link}", tabindex=-1) if dot.link else mark


def _circle(place: tuple[float, float], radius: float, kind: str, *inside: Markup) -> Markup:
    return element("circle", *inside, cx=place[0], cy=place[1], r=radius, class_=f"{kind} fill")


def _rule(plot: Plot, rule: Rule) -> list[Markup]:
    x, y = plot.x, plot.y
    if rule.kind == "x":
        start, end = plot.place(rule.value, y.low), plot.place(rule.value, y.high)
        label = text(rule.name, (end[0] + 5, end[1] + 12), "tick", "start")
    elif rule.kind == "y":
        start, end = plot.place(x.low, rule.value), plot.place(x.high, rule.value)
        label = text(rule.name, (end[0] - 4, end[1] - 5), "tick", "end")
    else:
        low = max(x.low, y.low - rule.value)
        high = min(x.high, y.high - rule.value)
        start, end = plot.place(low, low + rule.value), plot.place(high, high + rule.value)
        label = text(rule.name, (end[0] - 8, end[1] + 18), "tick", "end")
    return [line(start, end, "rule"), *([label] if rule.name else [])]


def _names_width(names: Sequence[str]) -> float:
    return 16 + _LETTER * max((len(_cut(name)) for name in names), default=0)


def _cut(name: str) -> str:
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"


def _pairs(curve: Curve) -> str:
    pairs = zip(curve.x, curve.y, strict=True)
    return ", ".join(f"{number(x, 2)} was true in {number(y, 2)}" for x, y in pairs) + "."


def _estimate(row: Estimate, digits: int) -> str:
    span = f"{number(row.low, digits)} to {number(row.high, digits)}"
    return f"{row.name} {number(row.value, digits)} ({span})"
