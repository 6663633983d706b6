"""How the axes of a file lie in the patient, and their order as slices, rows and columns."""

from collections.abc import Sequence
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from medical.scans.volume import Geometry, Layout, Plane

_SHOWN: dict[Plane, tuple[tuple[int, int], tuple[int, int], tuple[int, int]]] = {
    "axial": ((2, 1), (1, -1), (0, -1)),
    "coronal": ((1, 1), (2, -1), (0, -1)),
    "sagittal": ((0, -1), (2, -1), (1, -1)),
}
"""For slices, rows and columns of each plane: the axis of the patient (x, y, z of RAS+), and the way along it."""
_ACROSS: tuple[Plane, Plane, Plane] = ("sagittal", "coronal", "axial")
"""The plane whose slices follow each other along x, y, z."""
_COARSER = 1.5
_ROUNDING = 1e-3
_FLATTEST = 1e-3
"""Share of a box's volume that a parallelepiped with its edges must have: less is no way to lay out voxels."""


def choose_layout(
    affine: NDArray[np.float64], shape: Sequence[int], plane: Plane | None
) -> tuple[Layout, Geometry]:
    """Chooses the order of axes in which a scan is looked at, oblique ones by the nearest axes of the patient.

    Args:
        affine: (4, 4) from (i, j, k, 1) in the file's order to millimetres, RAS+.
        shape: Number of voxels along i, j, k.
        plane: Of the slices; None as in `read.read_volume`.

    Returns:
        The way from the file's order to slices, rows and columns, and the affine of these.

    Raises:
        ValueError: The affine maps voxels to no volume.
    """
    affine = _completed(affine, shape)
    places = _places_of_patient_axes(affine)
    plane = plane or _natural_plane(affine, shape, places)
    axes = [places[axis] for axis, _ in _SHOWN[plane]]
    flips = [bool(affine[axis, places[axis]] * way < 0) for axis, way in _SHOWN[plane]]
    layout = Layout((axes[0], axes[1], axes[2]), (flips[0], flips[1], flips[2]))
    return layout, Geometry(affine @ _from_shown(layout, shape))


def _completed(affine: NDArray[np.float64], shape: Sequence[int]) -> NDArray[np.float64]:
    """Gives the axis of a single layer, for which flat files have no spacing, a millimetre; checks the affine."""
    affine = np.array(affine, dtype=np.float64)
    lengths = np.linalg.norm(affine[:3, :3], axis=0)
    for axis in range(3):
        if shape[axis] == 1 and lengths[axis] == 0:
            normal = np.cross(affine[:3, axis - 2], affine[:3, axis - 1])
            affine[:3, axis] = normal / max(np.linalg.norm(normal), np.finfo(float).tiny)
    sides = np.linalg.norm(affine[:3, :3], axis=0).prod()
    if not np.isfinite(affine).all() or abs(np.linalg.det(affine[:3, :3])) <= _FLATTEST * sides:
        rows = "; ".join(" ".join(f"{number:g}" for number in row) for row in affine[:3])
        raise ValueError(
            f"its affine [{rows}] does not say where voxels lie: write it anew from the original scan"
        )
    return affine


def _places_of_patient_axes(affine: NDArray[np.float64]) -> tuple[int, ...]:
    """The axis of the file that runs most along x, y, z, each of them once."""
    columns = affine[:3, :3]
    along = np.abs(columns) / np.linalg.norm(columns, axis=0)
    return max(permutations(range(3)), key=lambda places: along[range(3), places].sum())


def _natural_plane(
    affine: NDArray[np.float64], shape: Sequence[int], places: tuple[int, ...]
) -> Plane:
    layers = [axis for axis in range(3) if shape[places[axis]] == 1]
    if len(layers) == 1:
        return _ACROSS[layers[0]]
    spacing = np.linalg.norm(affine[:3, :3], axis=0)[list(places)]
    coarsest = int(spacing.argmax())
    finer = np.delete(spacing, coarsest).max()
    return _ACROSS[coarsest] if spacing[coarsest] >= (_COARSER - _ROUNDING) * finer else "axial"


def _from_shown(layout: Layout, shape: Sequence[int]) -> NDArray[np.float64]:
    """(4, 4) from (slice, row, column, 1) to (i, j, k, 1) of the file."""
    matrix = np.zeros((4, 4))
    matrix[3, 3] = 1
    for shown, (axis, flip) in enumerate(zip(layout.axes, layout.flips, strict=True)):
        matrix[axis, shown] = -1 if flip else 1
        matrix[axis, 3] = shape[axis] - 1 if flip else 0
    return matrix
