"""A slice is shown as the network sees it, with its errors where they are, and closer where that helps."""

from dataclasses import replace

import numpy as np
import pytest

from lumbar.data.image_io import read_image
from medical.learning.run import MedicalRun
from medical.report.held_out import read_held_out
from medical.report.rows import Scored
from medical.report.slices import Slice, closer, cut, pictures, read_slice
from medical.scans.decision import Decision
from medical.scans.intensity import Intensity
from medical.scans.preprocess import prepared


def blank(height: int, width: int) -> Slice:
    labels = np.zeros((2, height, width), np.uint8)
    return Slice(np.zeros((height, width, 3), np.uint8), labels[0], labels[1], (1.0, 1.0))


def test_a_picture_is_shown_as_it_is(nuclei: MedicalRun, scored_nuclei: Scored) -> None:
    case = nuclei.study.cases[0]

    shown = read_slice(nuclei, case.alias, 0, Decision())

    np.testing.assert_array_equal(shown.image, read_image(case.images[0], channels=3))
    assert shown.spacing == (1.0, 1.0)


def test_a_slice_is_shown_in_the_size_and_intensities_of_the_network(
    hippocampus: MedicalRun,
) -> None:
    zoomed = replace(
        hippocampus,
        preprocess=replace(hippocampus.preprocess, zoom=2.0, intensity=Intensity("zscore")),
    )
    held_out = read_held_out(zoomed, zoomed.study.cases[0])

    shown = cut(held_out, 7, zoomed, Decision())

    rows, columns = held_out.truth.shape[1:]
    assert shown.image.shape == (2 * rows, 2 * columns, 3)
    seen = prepared(held_out.volume, zoomed.preprocess)[7, ..., 0]
    np.testing.assert_allclose(shown.image[..., 1], seen, atol=0.51)
    np.testing.assert_array_equal(shown.truth[::2, ::2], held_out.truth[7])
    assert shown.spacing == (0.5, 0.5)


def test_labels_are_those_of_the_decision(hippocampus: MedicalRun) -> None:
    held_out = read_held_out(hippocampus, hippocampus.study.cases[0])

    few, many = (
        cut(held_out, 12, hippocampus, Decision(2.0, threshold)).labels for threshold in (0.9, 0.1)
    )

    assert 0 < (few > 0).sum() < (many > 0).sum()


def test_small_errors_are_shown_closer_around_their_middle() -> None:
    shown = blank(300, 400)
    shown.truth[100:110, 200:220] = 1

    rows, columns = closer(shown) or pytest.fail("not closer")

    assert (rows.start + rows.stop) // 2 == pytest.approx(105, abs=1)
    assert (columns.start + columns.stop) // 2 == pytest.approx(210, abs=1)
    assert rows.stop - rows.start == columns.stop - columns.start == 40


def test_of_many_errors_the_densest_are_shown_closer() -> None:
    shown = blank(300, 300)
    shown.truth[::40, ::40] = 1
    shown.truth[200:240, 220:260] = 1

    rows, columns = closer(shown) or pytest.fail("not closer")

    assert rows.start <= 200
    assert rows.stop >= 240
    assert columns.start <= 220
    assert columns.stop >= 260


@pytest.mark.parametrize("corner", [0, 290])
def test_a_window_stays_within_the_picture(corner: int) -> None:
    shown = blank(300, 300)
    shown.labels[corner : corner + 5, corner : corner + 5] = 1

    window = closer(shown) or pytest.fail("not closer")

    assert shown.labels[window].shape == (40, 40)
    assert shown.labels[window].sum() == shown.labels.sum()


def test_small_and_empty_pictures_are_not_shown_closer() -> None:
    small = blank(60, 60)
    small.truth[20:40, 20:40] = 1

    assert closer(small) is None
    assert closer(blank(300, 300)) is None


def test_pictures_say_what_they_are() -> None:
    shown = blank(300, 300)
    shown.truth[100:110, 200:220] = 1

    found = pictures(shown, "P007-2, slice 3 of 9")

    assert [one.caption for one in found] == ["image", "errors", "errors, closer"]
    assert all(one.alternative.startswith("P007-2, slice 3 of 9") for one in found)
