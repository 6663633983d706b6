"""A figure is well-formed, holds every curve, and places points where they belong."""

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from lumbar.tasks.curves import Curve, draw_curves, drawing, seeds_curve

SVG = "{http://www.w3.org/2000/svg}"
CURVES = [
    Curve("a & b", [(0, 10), (5, 2), (10, 1)], [(0, 8, 12), (10, 1, 2)]),
    Curve("c", [(0, 0.1), (10, 5)], colour=1, dashed=True),
]
POINT = re.compile(r"[ML] ([-\d.]+) ([-\d.]+)")


def figure(path: Path) -> ET.Element:
    return ET.fromstring(path.read_text())  # noqa: S314 - written here


def lines(root: ET.Element, colour: str) -> list[list[tuple[float, float]]]:
    """The curves of a colour, without their samples in the legend."""
    paths = (path for group in root.iter(f"{SVG}g") for path in group.findall(f"{SVG}path"))
    drawn = [path for path in paths if f"stroke: {colour}" in path.get("style", "")]
    return [
        [(float(x), float(y)) for x, y in POINT.findall(path.get("d", ""))]
        for path in drawn
        if path.get("clip-path")
    ]


@pytest.mark.parametrize("logarithmic", [False, True])
def test_curves_are_drawn_in_their_places(tmp_path: Path, logarithmic: bool) -> None:
    path = tmp_path / "figure.svg"
    draw_curves(path, CURVES, title="<why>", axes=("x", "y"), logarithmic=logarithmic)

    texts = {text.text for text in figure(path).iter(f"{SVG}text")}
    [(first, second, third)] = lines(figure(path), "#0072b2")
    assert {"<why>", "a & b", "c", "x", "y"} <= texts
    assert first[0] < second[0] < third[0]
    assert first[1] < second[1] < third[1]
    assert second[0] == pytest.approx((first[0] + third[0]) / 2, abs=0.1)
    assert path.read_text().count("stroke-dasharray") == 2, "the curve, and its sample"


def test_equal_distances_are_equal_factors_on_a_logarithmic_axis(tmp_path: Path) -> None:
    curve = Curve("a", [(0, 1), (1, 10), (2, 1000)])
    draw_curves(tmp_path / "x.svg", [curve], title="", axes=("", ""), logarithmic=True)

    [(one, ten, thousand)] = lines(figure(tmp_path / "x.svg"), "#0072b2")
    assert ten[1] - thousand[1] == pytest.approx(2 * (one[1] - ten[1]), abs=0.1)


@pytest.mark.parametrize("logarithmic", [False, True])
def test_a_curve_of_zeros_can_be_drawn(tmp_path: Path, logarithmic: bool) -> None:
    zeros = Curve("a", [(0, 0), (1, 0)])
    draw_curves(tmp_path / "x.svg", [zeros], title="", axes=("", ""), logarithmic=logarithmic)

    assert "a" in {text.text for text in figure(tmp_path / "x.svg").iter(f"{SVG}text")}


def test_the_same_curves_give_the_same_file(tmp_path: Path) -> None:
    for name in ("one.svg", "other.svg"):
        draw_curves(tmp_path / name, CURVES, title="t", axes=("x", "y"))

    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "other.svg").read_bytes()


def test_a_drawing_that_fails_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), drawing(tmp_path / "x.svg", "t"):
        raise ZeroDivisionError

    assert not list(tmp_path.iterdir())


def test_a_curve_of_seeds_goes_as_far_as_all_of_them() -> None:
    curve = seeds_curve(
        "a", [[(0, 3), (5, 1), (9, 0)], [(0, 5), (5, 2)], [(0, 1), (5, 9)]], colour=1
    )

    assert curve == Curve("a", [(0, 3), (5, 2)], [(0, 1, 5), (5, 1, 9)], 1)
    assert not seeds_curve("a", [[(0, 3)]], colour=0).band
