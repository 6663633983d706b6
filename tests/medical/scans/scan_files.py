"""Scans as files, written for tests."""

from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st
from pydicom.data import get_testdata_file
from pydicom.uid import generate_uid

nib: Any = import_module("nibabel")  # half typed
pydicom: Any = import_module("pydicom")

SIGNED_PERMUTATIONS = [
    (axes, signs)
    for axes in [(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)]
    for signs in np.ndindex(2, 2, 2)
]
"""The 48 ways to store a block of voxels: which axis becomes which, and which of the new ones are mirrored."""


def dicom_file(name: str) -> Path:
    """One of the real files that come with pydicom."""
    path = get_testdata_file(name, download=False)
    assert isinstance(path, str), name
    return Path(path)


def stored(
    voxels: Any, affine: Any, axes: tuple[int, int, int], signs: tuple[int, ...]
) -> tuple[Any, Any]:
    """The same anatomy with other axes: voxels (X, Y, Z, ...) and the affine (4, 4) of them."""
    matrix = np.eye(4)
    matrix[:3, :3] = 0
    for new, (old, mirrored) in enumerate(zip(axes, signs, strict=True)):
        matrix[old, new] = -1 if mirrored else 1
        matrix[old, 3] = voxels.shape[old] - 1 if mirrored else 0
    turned = voxels.transpose(*axes, *range(3, voxels.ndim))
    mirrors = tuple(np.s_[::-1] if mirrored else np.s_[:] for mirrored in signs)
    return turned[mirrors].copy(), affine @ matrix


def rotation(x: float, y: float, z: float) -> Any:
    """(3, 3) by angles in degrees around the axes."""
    turned = np.eye(3)
    for axis, angle in enumerate(np.radians([x, y, z])):
        one, other = [number for number in range(3) if number != axis]
        around = np.eye(3)
        around[[one, other], [one, other]] = np.cos(angle)
        around[one, other], around[other, one] = -np.sin(angle), np.sin(angle)
        turned = turned @ around
    return turned


@st.composite
def affines(draw: st.DrawFn, most: float = 20.0) -> Any:
    """(4, 4) of scans whose axes lie up to so many degrees oblique around each axis of the patient."""
    angles = [draw(st.floats(-most, most)) for _ in range(3)]
    spacing = [draw(st.floats(0.2, 6)) for _ in range(3)]
    affine = np.eye(4)
    affine[:3, :3] = rotation(*angles) * spacing
    affine[:3, 3] = [draw(st.floats(-300, 300)) for _ in range(3)]
    return affine


def write_scan(path: Path, voxels: Any, affine: Any = None, **header: Any) -> Path:
    """Writes a NIfTI; further arguments are fields of its header."""
    image = nib.Nifti1Image(voxels, np.eye(4) if affine is None else affine)
    image.header.set_xyzt_units("mm", "sec")
    for field, value in header.items():
        image.header[field] = value
    nib.save(image, path)
    return path


def stack_of(count: int, seed: int = 0) -> Any:
    """(D, 128, 128) int16 as CT_small stores them, all different."""
    image = pydicom.dcmread(dicom_file("CT_small.dcm")).pixel_array
    noise = np.random.default_rng(seed).integers(0, 50, (count, *image.shape))
    return (image + noise).astype(np.int16)


def write_series(
    folder: Path, pixels: Any, *, gap: float = 2.5, order: Any = None, **changed: Any
) -> Path:
    """Writes a real CT slice as a series, one file for each of pixels (D, 128, 128); `order` is that of the names.

    Further arguments are attributes; a list has one for each slice.
    """
    folder.mkdir(parents=True, exist_ok=True)
    series = generate_uid(entropy_srcs=[str(folder)])
    for place, image in enumerate(pixels):
        dataset = pydicom.dcmread(dicom_file("CT_small.dcm"))
        dataset.PixelData = image.astype("<i2").tobytes()
        dataset.ImagePositionPatient = [-158.1, -179.0, -75.7 + gap * place]
        dataset.SOPInstanceUID = generate_uid(entropy_srcs=[str(folder), str(place)])
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        dataset.SeriesInstanceUID = series
        for name, value in changed.items():
            setattr(dataset, name, value[place] if isinstance(value, list) else value)
        number = place if order is None else order[place]
        dataset.save_as(folder / f"IM{number:04d}.dcm")
    return folder
