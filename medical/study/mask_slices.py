"""A mask as a folder of pictures, one for each file of a DICOM series and named as it is."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from lumbar.data.faults import refuse
from lumbar.data.image_io import is_image_file
from medical.scans.read import read_mask
from medical.scans.series import read_series
from medical.scans.volume import Volume

_NO_LIMIT = float("inf")


def read_mask_slices(folder: Path, volume: Volume, *, coloured: bool | None) -> Volume:
    """Reads the pictures, and lays them out as the slices of the series lie in the patient.

    Args:
        folder: With `IM0001.png` for each `IM0001.dcm`; their order means nothing.
        volume: The series.
        coloured: Whether the pictures hold colours, as for `read_mask`.

    Raises:
        ValueError: Names of pictures and of the files of the series differ, or a picture is damaged or of another size.
    """
    if volume.kind != "dicom" or volume.geometry is None:
        raise ValueError(f"{folder}: a folder of masks is for a DICOM series; save one file")
    pictures = {path.stem: path for path in sorted(folder.iterdir()) if is_image_file(path)}
    slices = [one.path for one in read_series(volume.files[0], _NO_LIMIT)]
    named = {path.stem for path in slices}
    refuse(
        [f"{path}: no mask" for path in slices if path.stem not in pictures]
        + [
            f"{path}: no slice of that name" for name, path in pictures.items() if name not in named
        ],
        what=f"{folder}: masks that are not named as the files of their series",
        fix="Only the names tell which mask is of which slice: give each the name of its DICOM file, or save all masks "
        "as one NIfTI file",
    )
    masks = [read_mask(pictures[path.stem], coloured=coloured) for path in slices]
    sizes = {mask.shape for mask in masks}
    if len(sizes) > 1:
        raise ValueError(f"{folder}: pictures of different sizes: {sorted(sizes)}")
    stored = np.concatenate([mask.pixels for mask in masks])
    return replace(
        masks[0],
        pixels=volume.layout.apply(stored),
        geometry=volume.geometry,
        layout=volume.layout,
        files=(folder,),
    )
