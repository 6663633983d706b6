"""Axes hold their numbers, end at round ones, and never turn round."""

import math
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medical.pages.axes import HEIGHT, WIDTH, Axis, Plot

NUMBERS = st.floats(-1e9, 1e9).filter(lambda value: value == 0 or abs(value) > 1e-9)


@given(st.lists(NUMBERS, min_size=1))
def test_an_axis_holds_its_numbers_between_its_ends(values: list[float]) -> None:
    axis = Axis.around(values, "x")

    slack = 1e-9 * (axis.high - axis.low)
    assert axis.low - slack <= min(values) <= max(values) <= axis.high + slack
    places = [axis.share(value) for value in sorted(values)]
    assert places == sorted(places)
    assert all(0 <= place <= 1 for place in places)


@given(st.lists(st.floats(1e-6, 1e9), min_size=1))
def test_on_a_log_axis_equal_factors_are_equally_far_apart(values: list[float]) -> None:
    axis = Axis.around(values, "x", log=True)

    middle = math.sqrt(axis.low * axis.high)
    assert axis.share(middle) == pytest.approx(0.5)
    assert all(0 <= axis.share(value) <= 1 for value in values)
    assert axis.share(0.0) == 0


@given(st.lists(NUMBERS), st.booleans())
def test_ticks_are_few_round_and_on_the_axis(values: list[float], log: bool) -> None:
    axis = Axis.around(values, "x", log=log)
    ticks = axis.ticks()

    assert 2 <= len(ticks) <= 8
    assert len({written for _, written in ticks}) == len(ticks)
    slack = 1e-6 * (axis.high - axis.low)
    assert all(axis.low - slack <= value <= axis.high + slack for value, _ in ticks)


def test_numbers_that_are_none_are_left_out() -> None:
    assert Axis.around([math.nan, math.inf, 1, 3], "x") == Axis.around([1, 3], "x")
    assert Axis.around([], "x").high > Axis.around([], "x").low
    assert Axis.around([-1, 0, 5, 50], "x", log=True) == Axis("x", 1, 100, log=True)


def test_counts_have_whole_numbers_only() -> None:
    assert [written for _, written in Axis.around([0, 2], "cases", whole=True).ticks()] == [
        *("0", "1", "2")
    ]


def test_labels_carry_the_unit() -> None:
    assert Axis("volume", 0, 1, "ml").label == "volume (ml)"
    assert Axis("Dice", 0, 1).label == "Dice"


def test_a_plot_places_pairs_right_and_up_within_the_drawing() -> None:
    plot = Plot(Axis("x", 0, 10), Axis("y", 0, 1_000_000))

    left, low = plot.place(0, 0)
    right, high = plot.place(10, 1_000_000)
    assert 0 < left < right < WIDTH
    assert 0 < high < low < HEIGHT
    assert plot.place(-5, 0) == plot.place(0, 0)
    drawn = ET.fromstring(plot.draw([], "nothing"))  # noqa: S314
    assert "x" in [label.text for label in drawn.iter("text")]
