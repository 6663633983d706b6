"""Where the lesions of a case are: its connected components, each with a few of its voxels, in small arrays."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from medical.scores.regions import find_regions

_VOXELS = 64


class Lesions(NamedTuple):
    """The n lesions of one case, by class and place."""

    classes: NDArray[np.uint8]
    """(n,) in 1..K-1."""
    boxes: NDArray[np.int32]
    """(n, 3, 2): first and last-but-one slice, row and column."""
    voxels: NDArray[np.int32]
    """(n, 64, 3) slice, row and column: evenly chosen voxels, which repeat where a lesion has fewer."""


def find_lesions(labels: NDArray[np.uint8], num_classes: int) -> Lesions:
    """Finds the connected components of every class but the background.

    Args:
        labels: (D, h, w) of classes, 255 for void.
        num_classes: K.

    Returns:
        The lesions, in the order of classes and places.
    """
    classes: list[int] = []
    boxes: list[NDArray[np.int32]] = []
    voxels: list[NDArray[np.int32]] = []
    for kind in range(1, num_classes):
        regions = find_regions(labels == kind)
        for number, box in enumerate(regions.boxes, start=1):
            start = np.array([side.start for side in box], np.int32)
            places = np.argwhere(regions.labels[box] == number).astype(np.int32) + start
            classes.append(kind)
            boxes.append(np.array([(side.start, side.stop) for side in box], np.int32))
            voxels.append(places[np.linspace(0, len(places) - 1, _VOXELS).round().astype(int)])
    return Lesions(
        np.array(classes, np.uint8),
        np.array(boxes, np.int32).reshape(-1, 3, 2),
        np.array(voxels, np.int32).reshape(-1, _VOXELS, 3),
    )
