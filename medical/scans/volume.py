"""The nouns of a scan: voxels as slices to be looked at, their places in the patient, and the order of the file."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Plane = Literal["axial", "coronal", "sagittal"]
"""How slices lie in the patient."""
Kind = Literal["picture", "nifti", "dicom"]
"""What a file is: PNG, TIFF and their like; `.nii` and `.nii.gz`; one DICOM file, or the folder of a series."""


@dataclass(frozen=True, eq=False)
class Geometry:
    """Where voxels lie in the patient."""

    affine: NDArray[np.float64]
    """(4, 4): (slice, row, column, 1) of `Volume.pixels` to millimetres of the patient, x to the right, y to the front,
    z upwards (RAS+, NIfTI's frame)."""

    @property
    def spacing(self) -> tuple[float, float, float]:
        """Millimetres between neighbouring slices, rows and columns."""
        slices, rows, columns = np.linalg.norm(self.affine[:3, :3], axis=0)
        return float(slices), float(rows), float(columns)


@dataclass(frozen=True)
class Layout:
    """How the three axes of a file became slices, rows and columns: by a permutation, then by mirroring."""

    axes: tuple[int, int, int] = (0, 1, 2)
    """The axis of the file that became slices, rows, columns."""
    flips: tuple[bool, bool, bool] = (False, False, False)
    """Whether slices, rows, columns run against the file."""

    def apply(self, stored: NDArray[Any]) -> NDArray[Any]:
        """Brings an array from the file's order to slices, rows and columns.

        Args:
            stored: (three axes in the file's order, ...); further axes stay.

        Returns:
            (D, H, W, ...), a view.
        """
        rest = range(3, stored.ndim)
        return stored.transpose(*self.axes, *rest)[self._mirror]

    def undo(self, shown: NDArray[Any]) -> NDArray[Any]:
        """Brings slices, rows and columns back to the file's order: `undo(apply(x))` is x.

        Args:
            shown: (D, H, W, ...).

        Returns:
            (three axes in the file's order, ...), a view.
        """
        back = (self.axes.index(axis) for axis in range(3))
        return shown[self._mirror].transpose(*back, *range(3, shown.ndim))

    @property
    def _mirror(self) -> tuple[slice, ...]:
        return tuple(slice(None, None, -1 if flip else 1) for flip in self.flips)


@dataclass(frozen=True, eq=False, kw_only=True)
class Volume:
    """One scan, or one picture.

    Slices are ordered and turned as they are looked at. Axial: slices from below upwards, rows from front to back,
    columns from the patient's right to the left. Coronal: slices from back to front, rows from above downwards, columns
    from right to left. Sagittal: slices from right to left, rows from above downwards, columns from front to back. Axes
    are permuted and mirrored, nothing is interpolated.
    """

    pixels: NDArray[Any]
    """(D, H, W, C), contiguous, with the numbers of the file, rescaled where it says how; a picture has D = 1, a TIFF
    file a slice for each of its pages."""
    geometry: Geometry | None
    """None for pictures and X-ray projections, whose unit is the pixel."""
    layout: Layout
    """The way back to the order of the file."""
    files: tuple[Path, ...]
    """One for each channel where these are files of their own; of a DICOM series the folder."""
    kind: Kind
    """What the files are."""
    bits: int
    """Of the numbers in the file, 12 for most CT scanners."""
    colour: bool
    """Whether the three channels are red, green and blue."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """Number of slices, rows and columns."""
        slices, rows, columns, _ = self.pixels.shape
        return slices, rows, columns
