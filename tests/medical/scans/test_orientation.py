"""The same anatomy is looked at in the same way, however a file has it."""

from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from medical.scans.orientation import choose_layout
from medical.scans.volume import Geometry, Plane
from tests.medical.scans.scan_files import SIGNED_PERMUTATIONS, affines, stored

SHAPE = (3, 4, 5)
VOXELS = np.arange(60).reshape(SHAPE)
WAYS = {
    "axial": ("S", "P", "L"),
    "coronal": ("A", "I", "L"),
    "sagittal": ("L", "I", "P"),
}
"""Where later slices, lower rows and columns further right lie in the patient."""
LETTERS = (("L", "R"), ("P", "A"), ("I", "S"))


def ways(geometry: Geometry) -> tuple[str, ...]:
    """Where slices, rows and columns run."""
    found = []
    for column in geometry.affine[:3, :3].T:
        axis = int(np.abs(column).argmax())
        found.append(LETTERS[axis][int(column[axis] > 0)])
    return tuple(found)


@pytest.mark.parametrize("plane", WAYS)
@pytest.mark.parametrize(("axes", "signs"), SIGNED_PERMUTATIONS)
def test_slices_rows_and_columns_run_as_radiologists_look(
    axes: Any, signs: Any, plane: Plane
) -> None:
    voxels, affine = stored(VOXELS, np.diag([1.0, 2, 3, 1]), axes, signs)

    _, geometry = choose_layout(affine, voxels.shape, plane)

    assert ways(geometry) == WAYS[plane]


@given(affines(), st.sampled_from(SIGNED_PERMUTATIONS), st.sampled_from([*get_args(Plane), None]))
def test_the_same_anatomy_gives_the_same_voxels_at_the_same_places(
    affine: Any, way: Any, plane: Plane | None
) -> None:
    spacing = sorted(np.linalg.norm(affine[:3, :3], axis=0))
    # Files round: what lies on the edge of being coarsest may fall on either side.
    assume(abs(spacing[2] / spacing[1] - 1.5) > 0.01)
    other, moved = stored(VOXELS, affine, *way)
    layout, geometry = choose_layout(affine, VOXELS.shape, plane)

    other_layout, other_geometry = choose_layout(moved, other.shape, plane)

    assert np.array_equal(layout.apply(VOXELS), other_layout.apply(other))
    assert np.allclose(geometry.affine, other_geometry.affine, atol=1e-9)


@given(affines(most=60), st.sampled_from(SIGNED_PERMUTATIONS))
def test_the_affine_of_what_is_shown_leads_each_voxel_to_its_place(affine: Any, way: Any) -> None:
    voxels, affine = stored(VOXELS, affine, *way)
    layout, geometry = choose_layout(affine, voxels.shape, None)
    places = np.stack(np.meshgrid(*map(np.arange, voxels.shape), indexing="ij"), axis=-1)
    expected = places @ affine[:3, :3].T + affine[:3, 3]

    shown = layout.apply(expected)

    indices = np.stack(np.meshgrid(*map(np.arange, shown.shape[:3]), indexing="ij"), axis=-1)
    assert np.allclose(indices @ geometry.affine[:3, :3].T + geometry.affine[:3, 3], shown)


@pytest.mark.parametrize(
    ("spacing", "plane"),
    [
        ((1, 1, 1), "axial"),
        ((1, 1, 1.4), "axial"),
        ((5, 1, 1), "sagittal"),
        ((0.5, 3, 0.5), "coronal"),
        ((3, 3, 1), "axial"),
        ((1, 1.5, 1), "coronal"),
    ],
)
def test_without_a_plane_the_finest_pixels_are_shown(spacing: Any, plane: str) -> None:
    _, geometry = choose_layout(np.diag([*spacing, 1.0]), SHAPE, None)

    assert ways(geometry) == WAYS[plane]


@pytest.mark.parametrize("shape", [(1, 4, 5), (4, 1, 5), (4, 5, 1)])
def test_a_single_layer_is_one_slice(shape: Any) -> None:
    layout, _ = choose_layout(np.eye(4), shape, None)

    assert layout.apply(np.zeros(shape)).shape[0] == 1


def test_a_flat_file_without_a_spacing_across_gets_a_millimetre() -> None:
    affine = np.diag([2.0, 3, 0, 1])

    _, geometry = choose_layout(affine, (4, 5, 1), None)

    assert geometry.spacing == pytest.approx((1, 3, 2))


@pytest.mark.parametrize(
    "matrix", [np.zeros((3, 3)), np.full((3, 3), np.nan), np.ones((3, 3)), np.diag([1, 1, np.inf])]
)
def test_an_affine_that_maps_to_no_volume_is_refused(matrix: Any) -> None:
    affine = np.eye(4)
    affine[:3, :3] = matrix

    with pytest.raises(ValueError, match="does not say where voxels lie"):
        choose_layout(affine, SHAPE, None)
