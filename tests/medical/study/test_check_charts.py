"""Charts and tables hold what was measured, and leave out what would say nothing."""

from typing import Any

import pytest

from lumbar.data.pixel_classes import PixelClasses
from medical.pages.blocks import Side
from medical.study.cases import Study
from medical.study.check_charts import (
    case_table,
    class_charts,
    intensity_charts,
    lesion_charts,
    size_charts,
)
from medical.study.facts import PERCENTILES
from medical.study.lesions import Lesion
from tests.medical.study.studies import PARSED, facts_of, scan_of

STUDY = Study((), PARSED)


def charts(side: Side) -> list[Any]:
    """Those that stand side by side."""
    return [*side.blocks]


def titles(side: Side) -> list[str]:
    """Of the charts side by side."""
    return [chart.title for chart in charts(side)]


def test_a_scan_of_another_unit_does_not_flatten_the_histogram() -> None:
    strange = facts_of(9, values=tuple(1e6 * k for k in range(103)))

    usual, _ = charts(intensity_charts([*map(facts_of, range(30)), strange]))

    assert "farther out" in usual.caption
    assert "from 2 to" in usual.description
    assert "farther out" not in charts(intensity_charts([facts_of()]))[0].caption


def test_units_that_differ_by_powers_of_ten_are_shown_by_their_powers() -> None:
    scans = [
        facts_of(k, values=tuple(10.0 ** (k % 5) * (k + percent) for percent in PERCENTILES))
        for k in range(1, 20)
    ]

    usual, _ = charts(intensity_charts(scans))

    assert "farther out" not in usual.caption
    assert ">1</text>" in usual.drawing
    assert ">1\u202f000\u202f000</text>" in usual.drawing


def test_without_labels_there_is_one_histogram() -> None:
    assert titles(intensity_charts([facts_of(foreground_values=None)])) == [
        "Intensities of all pixels"
    ]


def test_images_of_one_value_have_a_histogram() -> None:
    assert (
        "99 hundredths" in charts(intensity_charts([facts_of(values=(7.0,) * 103)]))[0].description
    )


def test_slices_and_spacing_are_shown_where_there_are_any() -> None:
    different = [scan_of(1), scan_of(2, spacing=(2.0, 1.5, 1.5))]

    assert titles(size_charts([facts_of(1), facts_of(2)])) == ["Sizes of the images"]
    assert titles(size_charts(different)) == [
        "Sizes of the images",
        "Slices",
        "Width of a pixel",
        "Distance of slices",
    ]


def test_classes_are_counted_by_pixels_and_by_cases() -> None:
    pixels, cases = charts(class_charts(STUDY, [facts_of(1), facts_of(2, voxels=(65536, 0))]))

    assert "background 99.24, tumour 0.76" in pixels.description
    assert "background 2, tumour 1" in cases.description


@pytest.mark.parametrize(
    ("spacing", "count"), [(None, 1), ((3.0, 1.0, 1.0), 1), ((3.0, 0.5, 0.5), 2)]
)
def test_millimetres_are_shown_where_they_are_not_pixels(spacing: None, count: int) -> None:
    assert len(charts(lesion_charts(STUDY, [scan_of(spacing=spacing)]))) == count


def test_a_row_for_each_case() -> None:
    facts = [facts_of(1, lesions=((Lesion(9.5, 70), Lesion(12, 110)),)), facts_of(2, lesions=((),))]

    table = case_table(STUDY, facts)

    assert [column.title for column in table.columns] == [
        *("case", "alias", "size", "foreground", "regions", "largest")
    ]
    assert [cell.value for cell in table.rows[0]][-2:] == [2, 12]
    assert [cell.value for cell in table.rows[1]][-2:] == [0, None]
    assert "case2" in table.html()


def test_columns_of_scans_and_patients_appear_with_them() -> None:
    facts = [scan_of(1, patient="p"), scan_of(2, patient="p", orientation="LPS")]

    titles = [column.title for column in case_table(STUDY, facts).columns]

    assert {"patient", "pixel", "slice", "stored"} <= {*titles}


def test_classes_without_regions_have_no_chart() -> None:
    study = Study((), PixelClasses.parse({"background": 0, "tumour": 1, "cyst": 2}))

    assert titles(lesion_charts(study, [facts_of(lesions=((Lesion(9, 60),), ()))])) == [
        "Size of tumour"
    ]
