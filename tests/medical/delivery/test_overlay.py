"""Pictures of results show the slice that matters, in the colours of the classes and the patient's proportions."""

import numpy as np
import pytest

from lumbar.data.pixel_classes import PixelClasses
from medical.delivery.overlay import busiest_slice, draw_overlay
from medical.scans.intensity import Intensity
from tests.medical.scans.made_up import of_pixels, volume

CLASSES = PixelClasses.parse({"background": 0, "organ": 1})
PLAIN = Intensity("none")


def test_the_slice_with_most_foreground_is_shown() -> None:
    labels = np.zeros((7, 10, 10), np.uint8)

    assert busiest_slice(labels) == 3
    labels[1, 0, 0] = labels[5, 0, :3] = 1
    assert busiest_slice(labels) == 5


def test_the_foreground_has_its_colour_and_the_rest_is_the_scan() -> None:
    scan = of_pixels(np.full((3, 480, 480, 1), 100, np.uint8), spacing=(1, 1, 1))
    labels = np.zeros((3, 480, 480), np.uint8)
    labels[1, 100:300, 100:300] = 1

    picture = draw_overlay(scan, labels, CLASSES, intensity=PLAIN, legend=["organ 40 ml"])

    assert picture.shape[1:] == (480, 3)
    assert len(picture) > 490, "with a legend below"
    assert (picture[20:80, 20:80] == 100).all()
    inside = picture[120:140, 120:140].reshape(-1, 3).mean(0)
    np.testing.assert_allclose(
        inside, (np.array(CLASSES.colours[1]) * 118 + 100 * 138) / 256, atol=2
    )


@pytest.mark.parametrize(
    ("spacing", "size"), [((1, 1, 1), (60, 40)), ((9, 3, 1), (180, 40)), ((9, 1, 2), (60, 80))]
)
def test_pixels_are_as_high_as_they_are_wide(
    spacing: tuple[float, float, float], size: tuple[int, int]
) -> None:
    scan = volume(2, 60, 40, 1, spacing=spacing)

    picture = draw_overlay(
        scan, np.zeros(scan.shape, np.uint8), CLASSES, intensity=PLAIN, legend=["organ"]
    )

    factor = picture.shape[1] / size[1]
    assert factor == round(factor), "enlarged by a whole number"
    assert len(picture) > factor * size[0]


@pytest.mark.parametrize("rule", [Intensity("zscore"), Intensity("window", -100, 300)])
def test_scans_of_any_numbers_and_channels_can_be_drawn(rule: Intensity) -> None:
    pixels = np.random.default_rng(0).normal(100, 50, (4, 60, 50, 2))
    scan = of_pixels(pixels, spacing=(1, 1, 1))

    picture = draw_overlay(
        scan, np.ones(scan.shape, np.uint8), CLASSES, intensity=rule, legend=["organ"]
    )

    assert np.ptp(picture[:100].astype(int)) > 100


def test_colours_stay_colours() -> None:
    pixels = np.zeros((1, 50, 60, 3), np.uint8)
    pixels[..., 0] = 200

    picture = draw_overlay(
        of_pixels(pixels), np.zeros((1, 50, 60), np.uint8), CLASSES, intensity=PLAIN, legend=["x"]
    )

    assert picture[10, 10].tolist() == [200, 0, 0]
