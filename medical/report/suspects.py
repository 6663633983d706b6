"""Where a model is sure and the mask says otherwise: as likely an error of the mask as one of the model.

The model of a case has not seen its mask, so that it cannot have learned its errors.
"""

from collections.abc import Mapping
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from lumbar.data.pixel_classes import IGNORE
from medical.scores.regions import find_regions

Kind = Literal["not drawn", "drawn", "another class"]

SURE = 0.9
"""Calibrated probability from which on a model counts as sure."""
WORTH_A_LOOK = 0.05
"""Share of the foreground of a case from which on a region is worth a look."""

MEANINGS: Mapping[Kind, str] = {
    "not drawn": "the model is sure that something is here, and the mask has nothing",
    "drawn": "the mask has something here, and the model is sure that there is nothing",
    "another class": "the model is sure that it is of another class than the mask says",
}


class Suspect(NamedTuple):
    """The largest region of a case in which a model surely disagrees with the mask."""

    kind: Kind
    voxels: int
    """Of the region, without its rim."""
    share: float
    """Of the larger one of the foregrounds of mask and prediction."""
    slice: int
    """In which most of it lies."""


def find_suspect(probabilities: NDArray[np.float32], truth: NDArray[np.uint8]) -> Suspect | None:
    """Looks for a region in which a model is sure of something else than the mask.

    Rims of a pixel are left out: outlines are drawn a little further in or out, and no model can know.

    Args:
        probabilities: (K, D, H, W), calibrated.
        truth: (D, H, W) uint8, 255 where nothing counts.

    Returns:
        The largest such region, None where there is none.
    """
    said = probabilities.argmax(0)
    sure = (probabilities.max(0) >= SURE) & (said != truth) & (truth != IGNORE)
    kinds: dict[Kind, NDArray[np.bool_]] = {
        "not drawn": sure & (truth == 0),
        "drawn": sure & (said == 0),
        "another class": sure & (truth > 0) & (said > 0),
    }
    foreground = max(int(((truth > 0) & (truth != IGNORE)).sum()), int((said > 0).sum()), 1)
    found = [
        suspect
        for kind, where in kinds.items()
        if (suspect := _largest(kind, where, foreground)) is not None
    ]
    return max(found, key=lambda suspect: suspect.voxels, default=None)


def _largest(kind: Kind, where: NDArray[np.bool_], foreground: int) -> Suspect | None:
    core = ndimage.binary_erosion(where, np.ones((1, 3, 3), np.bool_))
    if not core.any():
        return None
    regions = find_regions(core)
    largest = int(regions.sizes.argmax())
    by_slice = (regions.labels == largest + 1).sum((1, 2))
    voxels = int(regions.sizes[largest])
    return Suspect(kind, voxels, voxels / foreground, int(by_slice.argmax()))
