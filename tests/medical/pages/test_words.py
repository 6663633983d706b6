"""Numbers are written as people read them."""

import math

import pytest

from medical.pages.words import NOTHING, brief, count, interval, listed, number


@pytest.mark.parametrize(
    ("value", "digits", "written"),
    [
        (0.8374, 3, "0.837"),
        (1234567.0, 0, "1\u202f234\u202f567"),
        (-1.5, 1, "\u22121.5"),
        (-0.0001, 2, "0.00"),
        (None, 3, NOTHING),
        (math.nan, 3, NOTHING),
        (math.inf, 1, "∞"),
    ],
)
def test_numbers(value: float | None, digits: int, written: str) -> None:
    assert number(value, digits) == written


@pytest.mark.parametrize(
    ("value", "written"),
    [(0.0, "0"), (0.012345, "0.0123"), (3.0, "3"), (10.0, "10"), (123.4, "123"), (0.5, "0.5")],
)
def test_brief_numbers_have_three_digits(value: float, written: str) -> None:
    assert brief(value) == written


def test_counts_know_one_from_many() -> None:
    assert [count(n, "case") for n in (0, 1, 2)] == ["0 cases", "1 case", "2 cases"]
    assert count(2, "study", "studies") == "2 studies"


def test_intervals_and_lists() -> None:
    assert interval(0.811, 0.87, 2) == "0.81 to 0.87"
    assert interval(math.nan, math.nan) == f"{NOTHING} to {NOTHING}"
    assert [listed(names) for names in ([], ["a"], ["a", "b"], "abc")] == [
        "",
        "a",
        "a and b",
        "a, b and c",
    ]
