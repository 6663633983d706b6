"""Charts show every number that they are given, where it lies, and say in words what they show."""

import math
import re
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from medical.pages.axes import Axis
from medical.pages.charts import (
    Curve,
    Dot,
    Estimate,
    Rule,
    bars,
    histogram,
    intervals,
    reliability,
    scatter,
)
from medical.pages.svg import Figure

SHARE = Axis("share", 0, 1)


def marks(figure: Figure, name: str, kind: str = "") -> list[ET.Element]:
    """The elements of a drawing, by name and class."""
    root = ET.fromstring(figure.drawing)  # noqa: S314 - what was just written
    return [mark for mark in root.iter(name) if kind in mark.attrib.get("class", "")]


def test_the_bars_of_a_histogram_count_all_numbers() -> None:
    values = np.random.default_rng(0).gamma(2, 4, 200)

    figure = histogram([*values, math.nan], title="Sizes", axis="diameter", unit="mm")

    said = [re.search(r": (\d+) case", hint.text) for hint in marks(figure, "title")]
    assert sum(int(amount[1]) for amount in said if amount) == 200
    assert "200 cases, diameter (mm) from" in figure.description


@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize("values", [[], [5.0], [3.0] * 10, [0.0, 1.0, 2.0]])
def test_a_histogram_of_few_numbers_is_drawn(values: list[float], log: bool) -> None:
    figure = histogram(values, title="Sizes", axis="size", log=log)

    drawn = sum(value > 0 for value in values) if log else len(values)
    assert (len(marks(figure, "rect")) > 0) == (drawn > 0)


def test_whole_numbers_have_a_bar_each() -> None:
    figure = histogram([1, 1, 2, 3, 3, 3], title="Lesions", axis="lesions", counted="scan")

    heights = [float(bar.attrib["height"]) for bar in marks(figure, "rect")]
    assert heights == pytest.approx([2 * heights[1], heights[1], 3 * heights[1]], rel=0.02)


def test_bars_are_as_long_as_their_values() -> None:
    figure = bars(["a", "b & c", "d" * 50], [10, 20, 0], title="Cases", axis="cases")

    widths = [float(bar.attrib["width"]) for bar in marks(figure, "rect")]
    assert widths[1] == pytest.approx(2 * widths[0], abs=0.2)
    assert widths[2] == 0
    assert "b & c 20" in figure.description


def test_a_scatter_draws_what_has_two_numbers_and_leads_to_it() -> None:
    dots = [Dot(0.1, 0.2, "P001", link="case-1"), Dot(math.nan, 0.5, "P002"), Dot(0.9, 0.8, "P003")]

    figure = scatter(dots, title="Doubt", x=SHARE, y=SHARE, rules=[Rule("x", 0.6, "review")])

    circles = marks(figure, "circle")
    assert len(circles) == 2
    assert float(circles[0].attrib["cx"]) < float(circles[1].attrib["cx"])
    assert float(circles[0].attrib["cy"]) > float(circles[1].attrib["cy"])
    assert [link.attrib["href"] for link in marks(figure, "a")] == ["#case-1"]
    assert "1 without a number" in figure.description
    assert len(marks(figure, "line", "rule")) == 1


def test_marked_dots_lie_over_the_others() -> None:
    dots = [Dot(0.5, 0.5, "flagged", "second"), Dot(0.5, 0.5, "plain")]

    drawn = marks(scatter(dots, title="", x=SHARE, y=SHARE), "circle")

    assert [circle.attrib["class"].split()[0] for circle in drawn] == ["first", "second"]


def test_a_diagonal_rule_stays_within_the_axes() -> None:
    figure = scatter([], title="", x=SHARE, y=Axis("y", 0, 2), rules=[Rule("diagonal", 0.5)])

    (rule,) = marks(figure, "line", "rule")
    plain = marks(scatter([], title="", x=SHARE, y=Axis("y", 0, 2)), "line", "base")[0]
    assert float(rule.attrib["x1"]) == float(plain.attrib["x1"])
    assert float(rule.attrib["y1"]) < float(plain.attrib["y1"])


def test_a_reliability_chart_has_a_diagonal_and_names_its_curves() -> None:
    before = Curve("before", [0.1, 0.9], [0.2, 0.7])

    figure = reliability([before, before._replace(name="after", tone="second")], title="Honesty")

    assert len(marks(figure, "polyline")) == 2
    assert len(marks(figure, "line", "rule")) == 1
    assert {"before", "after"} <= {label.text for label in marks(figure, "text")}
    assert "0.90 was true in 0.70" in figure.description


def test_intervals_lie_around_their_dots_and_unknown_ones_have_none() -> None:
    rows = [Estimate("fold 0", 0.8, 0.7, 0.9, "n 5"), Estimate("fold 1", 0.5, math.nan, math.nan)]

    figure = intervals(rows, title="Folds", axis=SHARE, reference=0.75)

    (span,) = marks(figure, "line", "curve")
    first, second = marks(figure, "circle")
    assert (
        float(span.attrib["x1"])
        < float(second.attrib["cx"]) + float(first.attrib["cx"])
        > float(span.attrib["x2"])
    )
    assert float(span.attrib["x1"]) < float(first.attrib["cx"]) < float(span.attrib["x2"])
    assert float(second.attrib["cx"]) < float(first.attrib["cx"])
    assert "fold 0 0.800 (0.700 to 0.900)" in figure.description
