"""Connected regions of a mask: lesions are its voxels that touch, across edges and corners too."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Mask = NDArray[np.bool_]
Box = tuple[slice, ...]
"""A window of an array, one slice for each axis."""


class Regions(NamedTuple):
    """The connected regions of a mask, numbered 1..n in the order of their first voxels."""

    labels: NDArray[np.int32]
    """In the shape of the mask: the number of the region of each voxel, 0 outside the mask."""
    sizes: NDArray[np.int64]
    """(n,) voxels of each."""

    @property
    def boxes(self) -> list[Box]:
        """The smallest window around each region."""
        return [box for box in ndimage.find_objects(self.labels) if box is not None]

    def __len__(self) -> int:
        """Number of regions."""
        return len(self.sizes)


def find_regions(mask: Mask) -> Regions:
    """Finds the connected regions of a mask.

    Voxels are connected where they share a face, an edge or a corner: each has 8 neighbours in two dimensions, 26 in
    three. So a vessel that runs askew is one region, and two lesions that touch count as one.

    Args:
        mask: (H, W) or (D, H, W) bool; with D == 1 it is a picture.

    Returns:
        Its regions.
    """
    labels = np.empty(mask.shape, np.int32)
    count = int(ndimage.label(mask, structure=np.ones((3,) * mask.ndim), output=labels))
    # Regions lie in a small part of most scans, and counting labels reads all of what it is given.
    box = bounding_box(mask)
    inside = labels if box is None else labels[box]
    return Regions(labels, np.bincount(inside.ravel(), minlength=count + 1)[1:])


def bounding_box(mask: Mask) -> Box | None:
    """The smallest window that holds all of a mask.

    Args:
        mask: Of any number of axes.

    Returns:
        A slice for each axis, None where the mask is empty.
    """
    window = []
    for axis in range(mask.ndim):
        others = tuple(other for other in range(mask.ndim) if other != axis)
        places = np.flatnonzero(mask.any(others))
        if not len(places):
            return None
        window.append(slice(int(places[0]), int(places[-1]) + 1))
    return tuple(window)
