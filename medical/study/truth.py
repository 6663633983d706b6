"""The labels of a case, as the slices of its image are looked at: every value has a meaning, every voxel its place."""

from collections import Counter
from itertools import permutations
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lumbar.data.pixel_classes import HIGHEST, UNDECLARED, PixelClasses
from medical.scans.read import read_mask, same_geometry, scan_kind
from medical.scans.volume import Geometry, Plane, Volume
from medical.study.cases import Case
from medical.study.mask_slices import read_mask_slices
from medical.study.values import codes, counted, undeclared

_PLANES: tuple[Plane, ...] = ("sagittal", "coronal", "axial")


class UndeclaredError(ValueError):
    """A mask has values that stand for nothing."""

    def __init__(self, mask: Path, counts: Counter[int], classes: PixelClasses) -> None:
        """Keeps how many pixels each of them has."""
        super().__init__(f"{mask}: {undeclared(counts, classes)}")
        self.counts = counts


class Marks(NamedTuple):
    """What a mask says of each voxel."""

    labels: NDArray[np.uint8]
    """(D, H, W) of classes in 0..K-1, and IGNORE (255) for void."""
    codes: NDArray[Any]
    """(D, H, W) of the numbers in the file, which tell objects of one class apart where each has its own."""


def read_truth(case: Case, volume: Volume, classes: PixelClasses) -> NDArray[np.uint8]:
    """Reads the mask of a case.

    Args:
        case: With a mask.
        volume: Its image, which the mask has to fit.
        classes: What the values mean.

    Returns:
        (D, H, W) of classes in 0..K-1, and IGNORE (255) for void, of the voxels of `volume`.

    Raises:
        ValueError: The mask is damaged or lossy, has another shape or another place than the image, or values that
            stand for nothing; the message names them, and the line of the settings that would give them a meaning.
    """
    return read_marks(case, volume, classes).labels


def read_marks(case: Case, volume: Volume, classes: PixelClasses) -> Marks:
    """Reads the mask of a case, and keeps its numbers; for the rest as `read_truth`.

    Raises:
        ValueError: As of `read_truth`.
    """
    if case.mask is None:
        raise ValueError(f"{case.images[0]}: nobody has annotated it: there is no mask")
    mask = _read(case.mask, volume, coloured=classes.coloured)
    difference = same_geometry(volume, mask)
    if difference:
        raise ValueError(
            f"{case.mask}: the mask does not fit {case.images[0]}: {difference}: export both from the same scan, or "
            "resample the mask onto the image with nearest-neighbour interpolation"
        )
    values = codes(mask)
    labels, unknown = label(values, classes)
    if unknown:
        raise UndeclaredError(case.mask, unknown, classes)
    return Marks(labels, values)


def _read(file: Path, volume: Volume, *, coloured: bool) -> Volume:
    if file.is_dir() and scan_kind(file) is None:
        return read_mask_slices(file, volume, coloured=coloured)
    return read_mask(file, plane=plane_of(volume.geometry), coloured=coloured, like=volume)


def label(values: NDArray[Any], classes: PixelClasses) -> tuple[NDArray[np.uint8], Counter[int]]:
    """Looks up the meaning of numbers.

    Args:
        values: Whole numbers of any shape, as `codes` gives them.
        classes: What they mean.

    Returns:
        The labels in the same shape, UNDECLARED where there is none; and how often each number without one occurs.
    """
    table = classes.table
    inside = (values >= 0) & (values < len(table))
    labels: NDArray[np.uint8] = table[np.where(inside, values, 0)]
    if not inside.all():
        # Numbers of objects may be larger than any file of pictures can hold.
        beyond = next((k for k, own in enumerate(classes.values) if "any" in own), UNDECLARED)
        labels[~inside] = np.where(values[~inside] > HIGHEST, beyond, UNDECLARED)
    return labels, counted(values[labels == UNDECLARED])


def plane_of(geometry: Geometry | None) -> Plane | None:
    """The plane in which the slices of a scan lie, None for pictures."""
    if geometry is None:
        return None
    along = np.abs(geometry.affine[:3, :3]) / geometry.spacing
    # Of oblique scans each axis is taken for another one of the patient, the nearest on the whole.
    nearest = max(permutations(range(3)), key=lambda axes: along[axes, range(3)].sum())
    return _PLANES[nearest[0]]
