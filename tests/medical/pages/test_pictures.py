"""Pictures in a page are what they were before, of a sensible size, and their pixels are square."""

import base64
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from medical.pages.pictures import Picture, as_rgb, drawn_size, picture, spread, within


def decoded(shown: Picture) -> NDArray[np.uint8]:
    """The pixels of a picture in a page."""
    kind, data = shown.address.split(",")
    with Image.open(BytesIO(base64.b64decode(data))) as image:
        assert kind == f"data:image/{image.format.lower()};base64"
        return np.array(image)


def noise(height: int, width: int) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(256, size=(height, width, 3)).astype(np.uint8)


def test_a_small_picture_is_kept_as_it_is() -> None:
    pixels = noise(40, 30)

    shown = picture(pixels, "noise", caption="of nothing")

    np.testing.assert_array_equal(decoded(shown), pixels)
    assert (shown.height, shown.width) == (40, 30)


def test_a_large_picture_takes_less_room_and_looks_alike() -> None:
    smooth = np.asarray(Image.fromarray(noise(16, 16)).resize((500, 500), Image.Resampling.BICUBIC))

    shown = picture(smooth, "blurred noise")

    assert shown.address.startswith("data:image/webp")
    assert len(shown.address) < smooth.size / 8
    assert np.abs(decoded(shown).astype(int) - smooth).mean() < 4


def test_a_large_picture_can_be_kept_as_it_is() -> None:
    pixels = noise(200, 200)

    np.testing.assert_array_equal(decoded(picture(pixels, "noise", lossless=True)), pixels)


def test_numbers_become_colours_or_grey() -> None:
    values = np.array([[-5.0, 100.4, 300.0, np.nan]], np.float32)

    assert as_rgb(values)[0].tolist() == [[0] * 3, [100] * 3, [255] * 3, [0] * 3]
    np.testing.assert_array_equal(as_rgb(noise(4, 5)), noise(4, 5))
    two = np.stack((values, values + 1), axis=-1)
    np.testing.assert_array_equal(as_rgb(two), as_rgb(values))


@given(
    st.tuples(st.integers(1, 900), st.integers(1, 900)),
    st.tuples(st.floats(0.2, 5), st.floats(0.2, 5)),
)
def test_pixels_are_drawn_square_and_none_is_lost(
    shape: tuple[int, int], spacing: tuple[float, float]
) -> None:
    height, width = drawn_size(shape, spacing, edge=480)

    tall, wide = shape[0] * spacing[0], shape[1] * spacing[1]
    assert abs(height / width - tall / wide) <= (1 + tall / wide) / min(height, width)
    assert height >= shape[0]
    assert width >= shape[1]


def test_small_pictures_are_enlarged_by_a_whole_number() -> None:
    assert drawn_size((35, 50), edge=480) == (35 * 9, 50 * 9)
    assert drawn_size((800, 600), edge=480) == (800, 600)
    assert drawn_size((36, 50), (4.0, 1.0), edge=480) == (36 * 4 * 3, 50 * 3)


def test_spreading_repeats_pixels() -> None:
    labels = np.arange(6, dtype=np.uint8).reshape(2, 3)

    np.testing.assert_array_equal(spread(labels, (6, 9)), labels.repeat(3, 0).repeat(3, 1))
    assert spread(noise(4, 5), (8, 20)).shape == (8, 20, 3)


@pytest.mark.parametrize(("height", "width"), [(100, 200), (960, 300), (300, 961)])
def test_a_picture_is_at_most_as_long_as_told(height: int, width: int) -> None:
    shown = within(noise(height, width), 480)

    assert max(shown.shape) == min(480, max(height, width))
    assert shown.shape[0] / shown.shape[1] == pytest.approx(height / width, rel=0.01)
