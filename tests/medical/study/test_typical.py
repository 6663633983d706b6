"""What most cases are like is a median over them, in pixels of the files or of so many millimetres."""

from typing import Any

from medical.study.facts import PERCENTILES
from medical.study.lesions import Lesion
from medical.study.typical import (
    in_plane,
    labelled_range,
    share_where_any,
    typical_across,
    typical_spacing,
)
from tests.medical.study.studies import facts_of, scan_of

EMPTY: dict[str, Any] = {"foreground_values": None, "voxels": (65536, 0), "lesions": ((),)}


def test_the_range_of_tissue_is_that_of_the_median_case() -> None:
    tissue = [tuple(shift + percent for percent in PERCENTILES) for shift in (0, 7, 1000)]

    facts = [facts_of(foreground_values=values) for values in tissue] + [facts_of(**EMPTY)]

    assert labelled_range(facts) == (7.5, 106.5)
    assert labelled_range([facts_of(**EMPTY)]) is None


def test_spacing_is_the_median_edge_and_pictures_have_none() -> None:
    scans = [scan_of(spacing=(3.0, edge, edge)) for edge in (0.5, 0.7, 2.0)]

    assert typical_spacing([*scans, facts_of()]) == 0.7
    assert typical_spacing([facts_of()]) is None


def test_sizes_are_told_for_each_class_that_has_any() -> None:
    some = ((Lesion(10.0, 80), Lesion(20.0, 300), Lesion(90.0, 6000)), ())

    assert typical_across([facts_of(lesions=some)], None) == {1: 20}
    assert typical_across([scan_of(lesions=some, spacing=(3.0, 0.5, 0.5))], 1.0) == {1: 10}


def test_slices_are_as_large_as_their_millimetres() -> None:
    scan = scan_of(shape=(9, 100, 60), spacing=(3.0, 0.5, 2.0))

    assert in_plane(scan, None) == (100, 60)
    assert in_plane(scan, 1.0) == (50, 120)
    assert in_plane(facts_of(), 1.0) == (256, 256)


def test_foreground_is_a_share_of_the_slices_that_have_some() -> None:
    scan = scan_of(voxels=(0, 128 * 128), slices_with_foreground=4)
    empty = scan_of(**EMPTY, slices_with_foreground=0)

    assert share_where_any([scan, empty]) == 0.25
    assert share_where_any([empty]) == 0
