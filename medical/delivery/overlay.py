"""A scan and what was found in it as one picture for people."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lumbar.data.draw_masks import draw_masks, with_legend
from lumbar.data.pixel_classes import PixelClasses
from medical.scans.intensity import Intensity
from medical.scans.resample import resize, resize_labels
from medical.scans.volume import Volume

_CONTRAST = Intensity("percentile", 0.5, 99.5)


def draw_overlay(
    volume: Volume,
    labels: NDArray[np.uint8],
    classes: PixelClasses,
    *,
    intensity: Intensity,
    legend: Sequence[str],
) -> NDArray[np.uint8]:
    """Draws the slice with most foreground, the middle one where there is none, under the colours of the classes.

    Args:
        volume: The scan, (D, H, W, C); of channels that are not colours the first is shown.
        labels: (D, H, W) class of each voxel.
        classes: What they mean.
        intensity: How the network sees its numbers; where this depends on the whole scan, the slice alone counts.
        legend: What is written under the picture for each class but the background.

    Returns:
        (h, w, 3) RGB, in the proportions of the patient.
    """
    index = busiest_slice(labels)
    shown = np.s_[index : index + 1]
    rule = intensity if intensity.kind in ("window", "none") else _CONTRAST
    pixels = rule(volume.pixels[shown])
    pixels = pixels if volume.colour else pixels[..., :1]
    size = _square_pixels(volume)
    picture = resize(pixels, size)[0].round().astype(np.uint8)
    drawn = draw_masks(
        picture, resize_labels(labels[shown], size)[0], classes.names, classes.colours
    )
    return with_legend(drawn, legend, classes.colours[1:])


def busiest_slice(labels: NDArray[np.uint8]) -> int:
    """The slice of (D, H, W) labels with most foreground, the middle one where there is none."""
    counts = np.count_nonzero(labels, axis=(1, 2))
    return int(counts.argmax()) if counts.any() else len(labels) // 2


def _square_pixels(volume: Volume) -> tuple[int, int]:
    """Height and width of a slice whose pixels are as high as they are wide; none of its own is lost."""
    _, height, width = volume.shape
    if volume.geometry is None:
        return height, width
    _, rows, columns = volume.geometry.spacing
    finest = min(rows, columns)
    return round(height * rows / finest), round(width * columns / finest)
