"""NIfTI files: scans and masks in, and masks and maps out with the header's geometry as it came."""

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lumbar.files import atomic_write
from medical.scans.orientation import choose_layout
from medical.scans.values import check_size, finite, rescaled, whole_numbers
from medical.scans.volume import Plane, Volume

_MILLIMETRES = {"meter": 1000.0, "micron": 0.001}
_GEOMETRY = (
    *("dim", "pixdim", "xyzt_units", "dim_info", "qform_code", "sform_code"),
    *("quatern_b", "quatern_c", "quatern_d", "qoffset_x", "qoffset_y", "qoffset_z"),
    *("srow_x", "srow_y", "srow_z"),
)
"""What a mask takes over from the header of its scan: no text, which may name the patient."""
_WIDEST = 8
"""Bytes of a number; NIfTI has some of 16, which differ from machine to machine."""
_QUICK = 1
"""Level of compression: maps of a scan are hundreds of megabytes, and higher levels hardly make them smaller."""

# What nibabel raises for damaged files, besides its own errors.
_DAMAGE = (OSError, EOFError, ValueError, TypeError, LookupError, ArithmeticError, zlib.error)


def read_nifti(
    path: Path, *, plane: Plane | None, max_megapixels: float, mask: bool = False
) -> Volume:
    """Reads a scan or a mask.

    Args:
        path: A `.nii` or `.nii.gz` file.
        plane: Of the slices; None as in `read.read_volume`.
        max_megapixels: Of a slice; a scan of ten times as many voxels is refused before it is decoded.
        mask: Whether only whole numbers are right.

    Returns:
        Pixels (D, H, W, 1), scaled as the header says.

    Raises:
        ValueError: The file is missing, damaged or too large, has several volumes or colours, or is no right mask.
    """
    with _opened(path) as image:
        shape = _three_axes(image.shape)
        check_size(shape, max_megapixels)
        _check_grey(image.get_data_dtype())
        layout, geometry = choose_layout(_affine(image), shape, plane)
        proxy = image.dataobj
        values = rescaled(np.asarray(proxy.get_unscaled()), proxy.slope, proxy.inter)
        values = whole_numbers(values) if mask else finite(values)
        return Volume(
            pixels=np.ascontiguousarray(layout.apply(values.reshape(*shape, 1))),
            geometry=geometry,
            layout=layout,
            files=(path,),
            kind="nifti",
            bits=image.get_data_dtype().itemsize * 8,
            colour=False,
        )


def write_nifti(path: Path, voxels: NDArray[Any], *, like: Volume) -> None:
    """Writes voxels in the geometry of a scan.

    Where the scan is a NIfTI file, shape, affine, codes, spacing and units are those of its header, which is read
    again.

    Args:
        path: A `.nii` or `.nii.gz` file.
        voxels: (D, H, W) of the dtype to be stored.
        like: The scan, with a geometry.

    Raises:
        ValueError: The file of the scan is gone, or the system refuses to write.
    """
    image = _like_file(voxels, like) if like.kind == "nifti" else _like_geometry(voxels, like)
    with atomic_write(path) as partial, partial.open("wb") as file:
        if path.suffix == ".gz":
            with gzip.GzipFile("", "wb", _QUICK, file, mtime=0) as stream:
                image.to_stream(stream)
        else:
            image.to_stream(file)


def _like_file(voxels: NDArray[Any], like: Volume) -> Any:
    with _opened(like.files[0]) as scan:
        header = type(scan.header)()
        for field in _GEOMETRY:
            header[field] = scan.header[field]
        stored = like.layout.undo(voxels).reshape(scan.shape)
        header.set_data_dtype(stored.dtype)
        return type(scan)(stored, None, header)


def _like_geometry(voxels: NDArray[Any], like: Volume) -> Any:
    """Stores columns, rows, slices, so that programs that know no affine show slices as they are."""
    assert like.geometry
    affine = like.geometry.affine[:, [2, 1, 0, 3]]
    image = _nibabel().Nifti1Image(voxels.transpose(2, 1, 0), affine)
    image.set_sform(affine, "scanner")
    # A quaternion cannot hold the shear of a tilted gantry.
    axes = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    image.set_qform(affine, "scanner" if np.allclose(axes.T @ axes, np.eye(3), atol=1e-4) else 0)
    image.header.set_xyzt_units("mm")
    return image


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    library = _nibabel()
    # Reading of a file that is shorter than it says ends in a bus error where it is mapped into memory.
    try:
        yield library.load(path, mmap=False)
    except FileNotFoundError as error:
        raise ValueError(f"{path}: no such file") from error
    except (library.filebasedimages.ImageFileError, library.spatialimages.HeaderDataError) as error:
        raise ValueError(f"{path}: not a NIfTI file, or a damaged one: {error}") from error
    except _DAMAGE as error:
        raise ValueError(f"{path}: cannot be read: {error}") from error


def _nibabel() -> Any:
    try:
        import nibabel
    except ImportError as error:
        raise ValueError("NIfTI files need nibabel: pip install 'lumbar[medical]'") from error
    return nibabel


def _three_axes(shape: tuple[int, ...]) -> tuple[int, int, int]:
    if any(length > 1 for length in shape[3:]):
        text = " x ".join(map(str, shape))
        raise ValueError(
            f"{text} voxels: more than one volume in a file; save each as a file of its own, channels of one scan as "
            "NAME_0000.nii.gz, NAME_0001.nii.gz"
        )
    first, second, third = (*shape, 1, 1, 1)[:3]
    return int(first), int(second), int(third)


def _check_grey(dtype: np.dtype[Any]) -> None:
    if dtype.names is not None:
        raise ValueError("voxels are colours (RGB): save colour pictures as PNG or TIFF")
    if dtype.kind not in "uif" or dtype.itemsize > _WIDEST:
        raise ValueError(f"voxels are {dtype} numbers: save real ones as float32")


def _affine(image: Any) -> NDArray[np.float64]:
    """The affine in millimetres, whatever unit the file has."""
    affine = np.array(image.affine, dtype=np.float64)
    affine[:3] *= _MILLIMETRES.get(image.header.get_xyzt_units()[0], 1.0)
    return affine
