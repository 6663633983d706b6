"""A figure is well-formed, holds every curve, and places points where they belong."""

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from classification.curves import Curve, draw_curves

SVG = "{http://www.w3.org/2000/svg}"
CURVES = [
    Curve("a & b", [(0, 10), (5, 1), (10, 0)], [(0, 8, 12), (10, 0, 1)]),
    Curve("c", [(0, 0.1), (10, 5)], colour=1, dashed=True),
]


def lines(root: ET.Element, colour: str) -> list[list[tuple[float, float]]]:
    found = [line for line in root.iter(f"{SVG}polyline") if line.get("stroke") == colour]
    return [
        [tuple(map(float, pair.split(","))) for pair in str(line.get("points")).split()]  # type: ignore[misc]
        for line in found
    ]


@pytest.mark.parametrize("logarithmic", [False, True])
def test_curves_are_drawn_in_their_places(tmp_path: Path, logarithmic: bool) -> None:
    path = tmp_path / "figure.svg"
    draw_curves(path, CURVES, title="<why>", axes=("x", "y"), logarithmic=logarithmic)

    root = ET.fromstring(path.read_text())  # noqa: S314 - written here

    texts = [text.text for text in root.iter(f"{SVG}text")]
    assert {"<why>", "a & b", "c", "x", "y"} <= {*texts}
    first = next(line for line in lines(root, "#0072b2") if len(line) == 3)
    xs, ys = zip(*first, strict=True)
    assert xs[0] < xs[1] < xs[2]
    assert ys[0] < ys[1] < ys[2]
    assert xs[1] == pytest.approx((xs[0] + xs[2]) / 2, abs=0.1)
    assert len(list(root.iter(f"{SVG}polygon"))) == 1
    assert len(re.findall("stroke-dasharray", path.read_text())) == 2


def test_equal_distances_are_equal_factors_on_a_logarithmic_axis(tmp_path: Path) -> None:
    curve = Curve("a", [(0, 1), (1, 10), (2, 100)])
    draw_curves(tmp_path / "x.svg", [curve], title="", axes=("", ""), logarithmic=True)

    root = ET.fromstring((tmp_path / "x.svg").read_text())  # noqa: S314 - written here
    [points] = [line for line in lines(root, "#0072b2") if len(line) == 3]
    assert points[0][1] - points[1][1] == pytest.approx(points[1][1] - points[2][1], abs=0.2)


def test_a_curve_of_zeros_can_be_drawn(tmp_path: Path) -> None:
    for logarithmic in (False, True):
        draw_curves(
            tmp_path / "x.svg",
            [Curve("a", [(0, 0)])],
            title="",
            axes=("", ""),
            logarithmic=logarithmic,
        )
        assert (tmp_path / "x.svg").is_file()
