"""A figure is well-formed, holds every curve, and places points where they belong."""

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from lumbar.tasks.curves import Curve, draw_curves, seeds_curve

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


def test_a_curve_of_seeds_goes_as_far_as_all_of_them() -> None:
    curve = seeds_curve(
        "a", [[(0, 3), (5, 1), (9, 0)], [(0, 5), (5, 2)], [(0, 1), (5, 9)]], colour=1
    )

    assert curve == Curve("a", [(0, 3), (5, 2)], [(0, 1, 5), (5, 1, 9)], 1)
    assert not seeds_curve("a", [[(0, 3)]], colour=0).band


@pytest.mark.parametrize(
    ("highest", "ticks"),
    [
        (50.1, ["0", "10", "20", "30", "40", "50", "60"]),
        (0.3, ["0", "0.05", "0.1", "0.15", "0.2", "0.25", "0.3"]),
        (1.0, ["0", "0.2", "0.4", "0.6", "0.8", "1"]),
    ],
)
def test_ticks_are_round_and_enclose_the_curves(
    tmp_path: Path, highest: float, ticks: list[str]
) -> None:
    draw_curves(tmp_path / "x.svg", [Curve("a", [(0, highest)])], title="", axes=("", ""))

    root = ET.fromstring((tmp_path / "x.svg").read_text())  # noqa: S314 - written here
    left = [text.text for text in root.iter(f"{SVG}text") if text.get("text-anchor") == "end"]
    assert left == ticks
    [point] = lines(root, "#0072b2")[0]
    tops = [line[0][1] for line in lines(root, "#dddddd")]
    assert min(tops) <= point[1] <= max(tops)


def test_names_stand_beside_the_curves_and_long_titles_are_broken(tmp_path: Path) -> None:
    title = "Which of these many networks is the best one, " * 4
    draw_curves(tmp_path / "x.svg", CURVES, title=title, axes=("x", "y"))

    root = ET.fromstring((tmp_path / "x.svg").read_text())  # noqa: S314 - written here
    texts = {text.text: text for text in root.iter(f"{SVG}text")}
    rightmost = max(x for line in lines(root, "#dddddd") for x, _ in line)
    assert float(texts["c"].get("x", 0)) > rightmost
    assert len([text for text in texts.values() if text.get("font-size") == "14"]) == 2
