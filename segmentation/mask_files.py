"""Predicted masks as files: the values of the masks of the data, which a viewer shows in the colours of the classes."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lumbar.data.image_io import resolve_inside
from lumbar.data.mask_tiff import Values
from lumbar.data.pixel_classes import Colour, PixelClasses

_BLACK: Colour = (0, 0, 0)
_FULL = 255


def values_of(labels: NDArray[np.uint8], classes: PixelClasses) -> Values:
    """Replaces labels, of any shape, by the numbers of their classes in mask files; uint16 where one is beyond 255."""
    numbers = np.array(classes.ids)
    return numbers.astype(np.min_scalar_type(numbers.max()))[labels]


def palette_of(classes: PixelClasses) -> NDArray[np.uint8] | None:
    """Colours (256, 3) of the numbers in mask files, None where these go beyond 255."""
    if max(classes.ids) > _FULL:
        return None
    palette = np.zeros((_FULL + 1, 3), dtype=np.uint8)
    palette[list(classes.ids)] = classes.colours
    return palette


def alone(classes: PixelClasses, label: int) -> PixelClasses:
    """The values in a mask file of one class: 0 where a pixel is not of it, else its number, or 255 where that is 0."""
    value = classes.ids[label] or _FULL
    colours = (_BLACK, classes.colours[label])
    return PixelClasses(("none", classes.names[label]), ((0,), (value,)), colours)


def write_masks(
    folder: Path, name: str, labels: NDArray[np.uint8], classes: PixelClasses
) -> list[Path]:
    """Writes the labels of an image as PNG files, in the layout that training reads.

    Args:
        folder: `NAME.png` goes into it, or `CLASS/NAME.png` for each class where pixels may have several.
        name: Of the image.
        labels: (H, W) class of each pixel, or (K, H, W) 0 or 1.
        classes: What they mean.

    Returns:
        The files.
    """
    if labels.ndim == 2:
        return [_write(folder / f"{name}.png", labels, classes)]
    return [
        _write(
            class_folder(folder, classes.names[label]) / f"{name}.png", mask, alone(classes, label)
        )
        for label, mask in enumerate(labels)
    ]


def class_folder(folder: Path, name: str) -> Path:
    """The folder of the masks of one class, whatever its name."""
    return resolve_inside(folder, name.replace("/", "_").replace("\\", "_").lstrip(".") or "_")


def _write(path: Path, labels: NDArray[np.uint8], classes: PixelClasses) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(values_of(labels, classes))
    palette = palette_of(classes)
    if palette is not None:
        image.putpalette(palette.ravel().tolist())
    image.save(path)
    return path
