"""Boxes become square images of the pixels around their middle, and nothing else."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from classification.boxes import cut_out, read_boxes, windows_of
from classification.data_config import BoxCropConfig, ImageSplitConfig
from classification.labelled import Decoding
from lumbar.data.image_io import read_image

SPLIT = ImageSplitConfig(images="images", annotations="annotations/test.json")


@given(st.integers(-40, 60), st.integers(-40, 60), st.integers(1, 30), st.floats(0, 2, width=16))
def test_a_window_is_a_square_around_the_middle(
    left: int, top: int, width: int, context: float
) -> None:
    box = np.array([[left, top, left + width, top + 7.5]])

    [window] = windows_of(box, context).tolist()

    side = window[2] - window[0]
    assert side == window[3] - window[1] == np.ceil(max(width, 7.5) * (1 + context))
    assert abs((window[0] + window[2]) / 2 - (left + width / 2)) <= 0.5
    assert abs((window[1] + window[3]) / 2 - (top + 3.75)) <= 0.5


@given(arrays(np.uint8, (9, 13, 3)), st.integers(-20, 20), st.integers(-20, 20), st.integers(1, 16))
def test_windows_are_moved_into_the_image_and_filled_where_they_cannot(
    image: NDArray[np.uint8], left: int, top: int, side: int
) -> None:
    cut = cut_out(image, np.array([left, top, left + side, top + side]))

    assert cut.shape == (side, side, 3)
    x, y = min(max(0, left), max(0, 13 - side)), min(max(0, top), max(0, 9 - side))
    seen = image[y : y + side, x : x + side]
    margins = [
        (edge // 2 + edge % 2, edge // 2) for edge in (side - len(seen), side - len(seen[0]))
    ]
    assert np.array_equal(cut, np.pad(seen, [*margins, (0, 0)], constant_values=128))


def test_all_usable_boxes_of_a_file_are_images(examples: Path) -> None:
    images = read_boxes(SPLIT, examples / "bccd", BoxCropConfig(), name="test")
    all_of_them = read_boxes(SPLIT, examples / "bccd", BoxCropConfig(min_edge=1), name="test")
    large = read_boxes(SPLIT, examples / "bccd", BoxCropConfig(min_edge=150), name="test")

    assert images.class_names == ("RBC", "WBC", "Platelets")
    assert len(large) < len(images) <= len(all_of_them)
    pixels = images.read(0, Decoding())
    assert pixels.shape[0] == pixels.shape[1]
    assert images.name(0).startswith("BloodImage_")
    assert {*large.places} < {*all_of_them.places}


def test_a_crop_is_cut_from_its_image(examples: Path) -> None:
    crop = BoxCropConfig(context=0.5)
    images = read_boxes(SPLIT, examples / "bccd", crop, name="test")
    name, _, place = images.name(5).partition("[")
    (left, right), (top, bottom) = (
        map(int, edges.split(":")) for edges in place.rstrip("]").split(",")
    )
    whole = read_image(examples / "bccd" / "images" / name)

    cut = images.read(5, Decoding())

    assert np.array_equal(cut, cut_out(whole, np.array([left, top, right, bottom])))


def test_too_few_boxes_are_told(examples: Path) -> None:
    with pytest.raises(ValueError, match=r"none of the \d+ boxes .* at least 4000 pixels long"):
        read_boxes(SPLIT, examples / "bccd", BoxCropConfig(min_edge=4000), name="test")
