"""The charts show every case once, in units that suit it."""

from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

from medical.pages.svg import Figure
from medical.report import figures
from medical.report.links import link_of
from medical.report.rows import Scored
from medical.report.strata import by_fold
from medical.scores.rows import Row


def marks(figure: Figure, name: str, kind: str = "") -> list[ET.Element]:
    """The elements of a drawing, by name and class."""
    root = ET.fromstring(figure.drawing)  # noqa: S314 - what was just written
    return [mark for mark in root.iter(name) if kind in mark.attrib.get("class", "")]


def rows_of(scored: Scored, name: str) -> list[Row]:
    return [row for row in scored.table.rows if row.class_name == name]


def test_doubt_shows_each_case_with_a_dice_and_marks_the_flagged(scored_nuclei: Scored) -> None:
    figure = figures.doubt(scored_nuclei)

    known = [case for case in scored_nuclei.cases if case.dice == pytest.approx(case.dice)]
    assert len(marks(figure, "circle")) == len(known) == 11
    flagged = [case for case in known if case.flagged]
    assert len(marks(figure, "circle", "second")) == len(flagged)
    links = {link.attrib["href"] for link in marks(figure, "a")}
    assert links == {f"#{link_of(case.alias)}" for case in known}
    assert len(marks(figure, "line", "rule")) == 2


def test_without_a_cut_there_is_no_line(scored_nuclei: Scored) -> None:
    assert len(marks(figures.doubt(replace(scored_nuclei, review=None)), "line", "rule")) == 1


def test_folds_are_set_beside_the_mean_of_all(scored_nuclei: Scored) -> None:
    groups = by_fold(scored_nuclei.table)

    figure = figures.group_intervals(groups, title="Folds", overall=0.8)

    assert len(marks(figure, "circle")) == 3
    assert len(marks(figure, "line", "rule")) == 1
    assert "n counts cases" in figure.caption


def test_nothing_known_of_a_group_is_drawn_all_the_same(scored_nuclei: Scored) -> None:
    empty = scored_nuclei.table.select(lambda row: not row.scores.present)

    figure = figures.group_intervals(by_fold(empty), title="Folds", overall=float("nan"))

    assert marks(figure, "circle") == []


def test_calibration_has_a_curve_before_and_one_after(scored_hippocampus: Scored) -> None:
    for place, name in enumerate(("anterior", "posterior")):
        figure = figures.calibration(scored_hippocampus, place, name)
        assert len(marks(figure, "polyline")) == 2
        assert name in figure.title
        assert f"ECE {scored_hippocampus.before.error()[place]:.4f}" in figure.description


def test_volumes_agree_around_their_mean_difference(scored_nuclei: Scored) -> None:
    rows = rows_of(scored_nuclei, "nucleus")

    figure = figures.volume_agreement(rows, "px", "nucleus")

    assert len(marks(figure, "circle")) == 11, "one is rightly empty"
    assert len(marks(figure, "line", "rule")) == 3
    middle = sorted(float(rule.attrib["y1"]) for rule in marks(figure, "line", "rule"))
    assert middle[1] == pytest.approx((middle[0] + middle[2]) / 2, abs=0.2)


def test_a_single_case_has_no_limits_of_agreement(scored_nuclei: Scored) -> None:
    figure = figures.volume_agreement(rows_of(scored_nuclei, "nucleus")[:1], "px", "nucleus")

    assert len(marks(figure, "line", "rule")) == 1


def test_dice_by_volume_leaves_out_cases_without_the_class(scored_nuclei: Scored) -> None:
    figure = figures.dice_by_volume(rows_of(scored_nuclei, "nucleus"), "px", "nucleus")

    assert len(marks(figure, "circle")) == 10
    assert len(marks(figure, "circle", "second")) == 1, "the miss"


def test_cases_without_a_dice_are_in_no_histogram(scored_nuclei: Scored) -> None:
    assert "11 cases" in figures.dice_histogram(scored_nuclei).description


def test_volumes_have_the_unit_that_suits_them(
    scored_nuclei: Scored, scored_hippocampus: Scored
) -> None:
    anterior = rows_of(scored_hippocampus, "anterior")

    assert figures.volume_unit(scored_nuclei.table.rows, "px") == ("px", 1.0)
    assert figures.volume_unit(anterior, "mm") == ("ml", 1000.0)
    small = [replace(row, scores=replace(row.scores, reference_volume=20.0)) for row in anterior]
    assert figures.volume_unit(small, "mm") == ("mm³", 1.0)
    assert figures.volume_unit([], "mm") == ("mm³", 1.0)
