"""DICOM series: pixels decoded, rescaled, and laid out by the places of their slices."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medical.scans.orientation import choose_layout
from medical.scans.series import (
    DAMAGE,
    Slice,
    affine_of,
    explained,
    pydicom_library,
    read_series,
    read_with_pixels,
)
from medical.scans.values import finite, rescaled, whole_numbers
from medical.scans.volume import Layout, Plane, Volume

_JPEG = "pip install pylibjpeg pylibjpeg-libjpeg"
_JPEG_LS = "pip install pyjpegls"
_JPEG_2000 = "pip install pylibjpeg pylibjpeg-openjpeg"
_COLOURS = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT")
_GREYS = ("MONOCHROME1", "MONOCHROME2")


def read_dicom(
    path: Path, *, plane: Plane | None, max_megapixels: float, mask: bool = False
) -> Volume:
    """Reads a series.

    A grey projection whose low values are shown white (MONOCHROME1, X-rays) is inverted, so that bone is bright in all
    of them; slices, whose values are measurements, are not.

    Args:
        path: Its folder, or one file.
        plane: Of the slices; None as in `read.read_volume`.
        max_megapixels: Of a slice; a series of ten times as many pixels is refused before it is decoded.
        mask: Whether only whole numbers are right.

    Returns:
        Pixels (D, H, W, 1) by the rescale slope and intercept of each slice, or (D, H, W, 3) of colours.

    Raises:
        ValueError: What `series.read_series` refuses; compression that needs another package; damaged pixels.
    """
    slices = read_series(path, max_megapixels)
    affine = affine_of(slices)
    decoded = [_decoded(one, projection=affine is None) for one in slices]
    with explained(path):
        pixels = _stacked(decoded)
        pixels = whole_numbers(pixels) if mask else finite(pixels)
        layout, geometry = (
            (Layout(), None) if affine is None else choose_layout(affine, pixels.shape[:3], plane)
        )
        return Volume(
            pixels=np.ascontiguousarray(layout.apply(pixels)),
            geometry=geometry,
            layout=layout,
            files=(path,),
            kind="dicom",
            bits=max(int(one.header.BitsStored) for one in slices),
            colour=pixels.shape[3] == 3,
        )


def _stacked(slices: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Joins slices (H, W, C), whose dtypes may differ by what is in them."""
    kinds = {pixels.dtype.kind for pixels in slices}
    return np.stack(slices, dtype=np.float32 if "f" in kinds else None, casting="unsafe")


def _decoded(one: Slice, *, projection: bool) -> NDArray[Any]:
    """The pixels (H, W, C) of one file."""
    dataset = read_with_pixels(one)
    with explained(one.path):
        photometric = dataset.get("PhotometricInterpretation")
        if photometric not in (*_COLOURS, *_GREYS):
            raise ValueError(
                f"PhotometricInterpretation is {photometric}; convert the file to grey or RGB"
            )
        stored = _pixel_array(dataset)
        if photometric in _COLOURS:
            return stored
        if photometric == "MONOCHROME1" and projection:
            stored = _inverted(stored, int(dataset.BitsStored))
        return _measured(stored, dataset)[..., None]


def _pixel_array(dataset: Any) -> NDArray[Any]:
    """Decodes pixels, with the packages at hand."""
    syntax = dataset.file_meta.TransferSyntaxUID
    advice = _decoder_advice(syntax)
    if syntax.is_compressed and not _decodable(syntax):
        raise ValueError(
            f"compressed as {syntax.name}, for which no decoder is installed: {advice}"
        )
    try:
        pixels: NDArray[Any] = dataset.pixel_array
    except DAMAGE as error:
        if not syntax.is_encapsulated:
            raise
        raise ValueError(
            f"compressed as {syntax.name}: {error}; try another decoder: {advice}"
        ) from error
    return pixels


def _decodable(syntax: Any) -> bool:
    try:
        return bool(pydicom_library().pixels.get_decoder(syntax).is_available)
    except NotImplementedError:
        return False


def _decoder_advice(syntax: Any) -> str:
    name = syntax.name
    if "JPEG-LS" in name:
        return _JPEG_LS
    if "JPEG 2000" in name:
        return _JPEG_2000
    return _JPEG if "JPEG" in name else "convert the file, with dcmdjpeg or gdcmconv for example"


def _inverted(stored: NDArray[Any], bits: int) -> NDArray[Any]:
    """Mirrors the range of so many bits."""
    highest = -1 if stored.dtype.kind == "i" else 2**bits - 1
    return (highest - stored.astype(np.int64)).astype(stored.dtype)


def _measured(stored: NDArray[Any], dataset: Any) -> NDArray[Any]:
    """What stored numbers stand for, Hounsfield units in CT."""
    if "ModalityLUTSequence" in dataset:
        raise ValueError("values go through a table (ModalityLUTSequence): convert it to NIfTI")
    slope, intercept = dataset.get("RescaleSlope"), dataset.get("RescaleIntercept")
    return rescaled(
        stored,
        1.0 if slope is None else float(slope),
        0.0 if intercept is None else float(intercept),
    )
