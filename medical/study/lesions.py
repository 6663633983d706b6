"""The regions of a class one by one, and how large they are."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lumbar.data.pixel_classes import PixelClasses
from medical.scores.regions import bounding_box, find_regions
from medical.study.truth import Marks


class Lesion(NamedTuple):
    """The size of one region."""

    across: float
    """Diameter in pixels of the disc with the area of its largest section in the plane."""
    voxels: int


def find_lesions(marks: Marks, classes: PixelClasses) -> list[list[Lesion]]:
    """Measures the regions of each foreground class.

    A region is what touches, at edges or corners; of a class that is `any` number, each number is one.

    Args:
        marks: (D, H, W) labels and codes.
        classes: What they mean.

    Returns:
        The regions of the classes 1..K-1.
    """
    return [
        _measured(_numbered(marks, label, own="any" in classes.values[label]))
        for label in range(1, len(classes))
    ]


def _numbered(marks: Marks, label: int, *, own: bool) -> NDArray[Any]:
    """(d, h, w) number of the region of each voxel of a class, 0 elsewhere; cut out to the voxels that have one."""
    mask = marks.labels == label
    box = bounding_box(mask)
    if box is None:
        return np.zeros((1, 1, 1), np.int64)
    if not own:
        return find_regions(mask[box]).labels
    _, places = np.unique(marks.codes[box], return_inverse=True)
    return np.where(mask[box], places.reshape(mask[box].shape) + 1, 0)


def _measured(numbers: NDArray[Any]) -> list[Lesion]:
    depth, count = len(numbers), int(numbers.max()) + 1
    slices = np.arange(depth)[:, None, None]
    sections = np.bincount((numbers * depth + slices).ravel(), minlength=count * depth)
    sections = sections.reshape(count, depth)[1:]
    largest = 2 * np.sqrt(sections.max(1, initial=0) / np.pi)
    voxels = sections.sum(1)
    # Numbers of objects have gaps where those of others lie.
    return [
        Lesion(round(float(across), 2), int(size))
        for across, size in zip(largest, voxels, strict=True)
        if size
    ]
