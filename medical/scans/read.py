"""Scans and masks from files of any kind: pictures, NIfTI, DICOM."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np

from lumbar.data.image_io import is_image_file
from medical.scans.dicom import read_dicom
from medical.scans.dicom_seg import find_dicom_seg, read_dicom_seg
from medical.scans.nifti import read_nifti
from medical.scans.pictures import read_picture, read_picture_mask
from medical.scans.series import SUFFIXES, holds_dicom, is_dicom
from medical.scans.volume import Kind, Plane, Volume

_APART = 0.1
"""Share of the finest spacing by which voxels of two scans may lie apart: files round differently."""


def scan_kind(path: Path) -> Kind | None:
    """Says what a file or folder is, by its suffix or its first bytes.

    Args:
        path: A file; or a folder, which is "dicom" when DICOM files lie directly in it.

    Returns:
        None for what is no scan.
    """
    if path.is_dir():
        return "dicom" if holds_dicom(path) else None
    if path.name.lower().endswith((".nii", ".nii.gz")):
        return "nifti" if path.is_file() else None
    if is_image_file(path):
        return "picture"
    named = path.suffix.lower() in SUFFIXES and path.is_file()
    return "dicom" if named or is_dicom(path) else None


def read_volume(
    files: Sequence[Path], *, plane: Plane | None = None, max_megapixels: float = 100.0
) -> Volume:
    """Reads a scan or a picture.

    Args:
        files: A picture (PNG, TIFF, JPEG, BMP; the pages of a TIFF are slices), a `.nii` or `.nii.gz`, a DICOM file or
            the folder of a series. Several of them are the channels of one scan (nnU-Net's `_0000`, `_0001`).
        plane: Of the slices; None takes that with the finest pixels: across the axis whose spacing is at least 1.5
            times that of both others, or which has one layer only, else axial. Pictures are as they are.
        max_megapixels: A larger slice is refused before it is decoded, and a scan of ten times as many voxels.

    Returns:
        The scan.

    Raises:
        ValueError: A file is missing, damaged, too large or of a kind that cannot be read, or channels do not fit.
    """
    if not files:
        raise ValueError("a scan without a file")
    channels = [_read(file, plane, max_megapixels) for file in files]
    if len(channels) == 1:
        return channels[0]
    first = channels[0]
    for file, other in zip(files, channels, strict=True):
        if other.kind != first.kind or first.colour or other.colour:
            raise ValueError(
                f"{files[0]}, {file}: the channels of one scan must be grey files of one kind; a file in colours "
                "stands alone"
            )
        if difference := same_geometry(first, other):
            raise ValueError(
                f"{files[0]}, {file}: channels of one scan, but {difference}: resample one of them to the other"
            )
    return replace(
        first,
        pixels=np.concatenate([channel.pixels for channel in channels], axis=3),
        files=tuple(files),
        bits=max(channel.bits for channel in channels),
    )


def read_mask(
    file: Path,
    *,
    plane: Plane | None = None,
    coloured: bool | None = None,
    like: Volume | None = None,
    max_megapixels: float = 100.0,
) -> Volume:
    """Reads the whole numbers, or the colours, of a mask.

    Args:
        file: A picture without loss, NIfTI, DICOM, or DICOM-SEG.
        plane: As in `read_volume`; give that of the scan where it was given.
        coloured: Of pictures: True for colours, False for numbers, which of a palette are its indices. None: colours
            only where the file has some and is not of a palette.
        like: The scan that the mask is of, which only DICOM-SEG needs: its frames name the slices that they lie on.
        max_megapixels: As in `read_volume`.

    Returns:
        Pixels (D, H, W, 1) of an integer dtype, or (D, H, W, 3) uint8 for colours. Of a DICOM-SEG the number of the
        segment, 0 where there is none.

    Raises:
        ValueError: As in `read_volume`; also a file with loss, and numbers that are not whole.
    """
    kind = _known_kind(file)
    if kind == "picture":
        return read_picture_mask(file, coloured=coloured, max_megapixels=max_megapixels)
    if kind == "nifti":
        return read_nifti(file, plane=plane, max_megapixels=max_megapixels, mask=True)
    if segmentation := find_dicom_seg(file):
        if like is None:
            raise ValueError(f"{file}: a DICOM-SEG can be read only beside the series it is of")
        return read_dicom_seg(segmentation, like=like, max_megapixels=max_megapixels)
    return read_dicom(file, plane=plane, max_megapixels=max_megapixels, mask=True)


def same_geometry(a: Volume, b: Volume) -> str | None:
    """Compares the voxels of two scans: their number, and where both say so, their places.

    Args:
        a: One scan.
        b: The other, of the same plane.

    Returns:
        None where no voxel lies more than a tenth of the finest spacing beside the other's, else a clause that says
        what differs: shapes, or affines and by how many millimetres.
    """
    if a.shape != b.shape:
        sizes = [" x ".join(map(str, one.shape)) for one in (a, b)]
        return f"their shapes differ: {sizes[0]} and {sizes[1]} (slices, rows, columns)"
    if a.geometry is None or b.geometry is None:
        return None
    corners = np.array([(*corner, 1) for corner in product(*((0, n - 1) for n in a.shape))])
    shifts = corners @ (a.geometry.affine - b.geometry.affine)[:3].T
    apart = float(np.linalg.norm(shifts, axis=1).max())
    allowed = _APART * min(a.geometry.spacing)
    if apart <= allowed:
        return None
    return (
        f"their affines differ: voxels lie up to {apart:.3g} mm apart, and no more than {allowed:.2g} mm, a tenth of "
        "the finest spacing, could be rounding"
    )


def _read(file: Path, plane: Plane | None, max_megapixels: float) -> Volume:
    kind = _known_kind(file)
    if kind == "picture":
        return read_picture(file, max_megapixels=max_megapixels)
    reader = read_nifti if kind == "nifti" else read_dicom
    return reader(file, plane=plane, max_megapixels=max_megapixels)


def _known_kind(file: Path) -> Kind:
    if not file.exists():
        raise ValueError(f"{file}: no such file or folder")
    kind = scan_kind(file)
    if kind is None:
        raise ValueError(
            f"{file}: not a scan; scans are PNG, TIFF, JPEG and BMP pictures, .nii and .nii.gz, DICOM files and "
            "folders of them"
        )
    return kind
