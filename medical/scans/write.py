"""Labels and maps as files, in the format and geometry of the scan that they are of."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lumbar.data.image_io import resolve_inside
from lumbar.data.pixel_classes import IGNORE, PixelClasses
from lumbar.files import atomic_write
from medical.scans.nifti import write_nifti
from medical.scans.volume import Volume

_FULL = 255
_WHITE = 65535
_NOT_FOR_NAMES = re.compile(r"[^\w.+-]+")


def write_labels(
    folder: Path,
    name: str,
    labels: NDArray[np.uint8],
    *,
    like: Volume,
    classes: PixelClasses,
) -> Path:
    """Writes the labels of a scan with the numbers of the classes in mask files.

    Of a picture, and of an X-ray projection, `NAME.png` in the colours of the classes, of several pages `NAME.tif`; of
    NIfTI `NAME.nii.gz`, or `.nii`, with the shape, affine and units of the scan; of a DICOM series `NAME.nii.gz`, too.

    Args:
        folder: Where it goes; made where it is missing.
        name: Without suffix; may have folders.
        labels: (D, H, W) class of each voxel, or IGNORE.
        like: The scan; the first file of a NIfTI must still be there.
        classes: What the labels mean.

    Returns:
        The file.

    Raises:
        ValueError: Shapes differ, a label stands for no class, the name leads out of the folder, the scan's file is
            gone, or the system refuses to write.
    """
    _check_shape(labels.shape, like)
    values = _values(labels, classes)
    path = _path(folder, name, like)
    if like.geometry is None:
        _write_picture(path, values, classes)
    else:
        write_nifti(path, values, like=like)
    return path


def write_maps(
    folder: Path,
    name: str,
    maps: NDArray[np.float32],
    *,
    like: Volume,
    names: Sequence[str],
) -> list[Path]:
    """Writes maps of probability or uncertainty, each as `NAME_MAP` in a file of its own.

    Of pictures PNG, or TIFF for several pages, with 16 bits, 65535 for 1; else NIfTI with float32.

    Args:
        folder: Where they go; made where it is missing.
        name: Without suffix; may have folders.
        maps: (M, D, H, W) in [0, 1].
        like: The scan; the first file of a NIfTI must still be there.
        names: Of the M maps; in names of files, what is no letter or digit becomes an underscore.

    Returns:
        The files.

    Raises:
        ValueError: As in `write_labels`; also two maps of one name.
    """
    endings = [_NOT_FOR_NAMES.sub("_", one) for one in names]
    if len({*endings}) < len(endings):
        raise ValueError(f"names of maps must differ in their letters and digits: {[*names]}")
    paths = [_path(folder, f"{name}_{ending}", like) for ending in endings]
    for path, values in zip(paths, maps, strict=True):
        _check_shape(values.shape, like)
        if like.geometry is None:
            _write_picture(path, np.rint(values.clip(0, 1) * _WHITE).astype(np.uint16))
        else:
            write_nifti(path, values.astype(np.float32, copy=False), like=like)
    return paths


def _path(folder: Path, name: str, like: Volume) -> Path:
    """The file of a name, with the suffix of what is written for such a scan."""
    if like.geometry is None:
        suffix = ".png" if len(like.pixels) == 1 else ".tif"
    else:
        suffix = ".nii" if like.files[0].suffix.lower() == ".nii" else ".nii.gz"
    return resolve_inside(folder, name + suffix)


def _check_shape(shape: tuple[int, ...], like: Volume) -> None:
    if shape != like.shape:
        raise ValueError(f"{like.files[0]}: of {like.shape} voxels, but {shape} are to be written")


def _values(labels: NDArray[np.uint8], classes: PixelClasses) -> NDArray[Any]:
    """The numbers in mask files, uint8 or uint16; those of IGNORE are void."""
    ids = classes.ids
    void = [value for value in classes.void if isinstance(value, int)]
    present = np.flatnonzero(np.bincount(labels.ravel(), minlength=IGNORE + 1))
    known = {*range(len(ids)), *([IGNORE] if void else [])}
    if unknown := {*present.tolist()} - known:
        raise ValueError(f"labels {sorted(unknown)} stand for none of {len(ids)} classes")
    numbers = np.zeros(IGNORE + 1, dtype=np.min_scalar_type(max([*ids, *void])))
    numbers[: len(ids)] = ids
    numbers[IGNORE] = void[0] if void else 0
    values: NDArray[Any] = numbers[labels]
    return values


def _write_picture(path: Path, pages: NDArray[Any], classes: PixelClasses | None = None) -> None:
    """Writes pages (D, H, W) as PNG or TIFF, those of 8 bits in the colours of classes."""
    images = [Image.fromarray(page) for page in pages]
    if classes and pages.itemsize == 1:
        palette = np.zeros((_FULL + 1, 3), dtype=np.uint8)
        palette[list(classes.ids)] = classes.colours
        for image in images:
            image.putpalette(palette.ravel().tolist())
    with atomic_write(path) as partial:
        if path.suffix == ".png":
            images[0].save(partial, format="PNG")
        else:
            images[0].save(
                partial,
                format="TIFF",
                save_all=True,
                append_images=images[1:],
                compression="tiff_adobe_deflate",
            )
