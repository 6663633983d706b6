"""Regions are counted one by one, and measured by their largest section."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from lumbar.data.pixel_classes import IGNORE, PixelClasses
from medical.study.lesions import find_lesions
from medical.study.truth import Marks
from tests.medical.study.studies import PARSED, disc

OBJECTS = PixelClasses.parse({"background": 0, "cell": "any"})


def marks(labels: np.ndarray) -> Marks:
    """Labels that are the numbers of their file."""
    return Marks(labels.astype(np.uint8), labels)


@pytest.mark.parametrize("radius", [3, 8, 15])
def test_a_disc_is_as_wide_as_it_is(radius: int) -> None:
    ((lesion,),) = find_lesions(marks(disc((1, 64, 64), radius)), PARSED)

    assert lesion.across == pytest.approx(2 * radius, rel=0.1)


def test_a_ball_is_as_wide_as_its_largest_section() -> None:
    ball = disc((21, 40, 40), 9)

    ((lesion,),) = find_lesions(marks(ball), PARSED)

    assert lesion.voxels == ball.sum()
    assert lesion.across == pytest.approx(2 * np.sqrt(ball.sum((1, 2)).max() / np.pi), abs=0.01)


@given(st.integers(0, 10_000))
def test_regions_are_those_that_touch_at_edges_or_corners(seed: int) -> None:
    labels = (np.random.default_rng(seed).random((3, 9, 11)) > 0.85).astype(np.uint8)

    (lesions,) = find_lesions(marks(labels), PARSED)

    _, count = ndimage.label(labels, np.ones((3, 3, 3)))
    assert len(lesions) == count
    assert sum(lesion.voxels for lesion in lesions) == labels.sum()


def test_objects_that_touch_are_told_apart_by_their_numbers() -> None:
    codes = np.zeros((1, 8, 8), np.int64)
    codes[0, :4], codes[0, 4:] = 700, 3
    codes[0, 0, 0] = 0

    (cells,) = find_lesions(Marks((codes > 0).astype(np.uint8), codes), OBJECTS)

    assert sorted(cell.voxels for cell in cells) == [31, 32]


def test_classes_are_apart_and_void_is_none() -> None:
    labels = np.zeros((1, 6, 9), np.uint8)
    labels[0, :, 0], labels[0, :, 1], labels[0, :, 4], labels[0, :, 8] = 1, 2, 2, IGNORE
    classes = PixelClasses.parse({"background": 0, "organ": 1, "cyst": 2, "stone": 3})

    organ, cyst, stone = find_lesions(marks(labels), classes)

    assert ([one.voxels for one in organ], [one.voxels for one in cyst], stone) == ([6], [6, 6], [])
