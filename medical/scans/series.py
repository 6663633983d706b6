"""The DICOM files of one series, in the order of their places in the patient; what names the patient is never read."""

import struct
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lumbar.data.pixel_classes import shortened
from medical.scans.values import check_size

SUFFIXES = (".dcm", ".dicom", ".ima")
"""Of DICOM files; many have none."""

_MARK, _MARK_AT = b"DICM", 128
_LOOKED_AT = 16
"""Files of a folder, until it is clear that no DICOM files are in it."""
_PLACE = ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing")
_HEADER = (
    *("SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "Modality", *_PLACE),
    *("SliceThickness", "SpacingBetweenSlices", "Rows", "Columns", "NumberOfFrames"),
    *("SamplesPerPixel", "PhotometricInterpretation", "PlanarConfiguration", "BitsAllocated"),
    *("BitsStored", "HighBit", "PixelRepresentation", "RescaleSlope", "RescaleIntercept"),
    *("ModalityLUTSequence",),
)
"""All that is read of a file besides its pixels."""
_PIXELS = (
    *("PixelData", "FloatPixelData", "DoubleFloatPixelData"),
    *("ExtendedOffsetTable", "ExtendedOffsetTableLengths"),
)
_UNEVEN = 0.05
"""Share of the distance of slices by which one may lie beside its place."""
_ROUNDING = 1e-3
_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0])

DAMAGE = (
    *(OSError, EOFError, ValueError, TypeError, LookupError, AttributeError, RuntimeError),
    *(NotImplementedError, ArithmeticError, struct.error),
)
"""What pydicom raises for damaged files, depending on where."""


class Slice(NamedTuple):
    """One image of a series."""

    path: Path
    """Its file."""
    header: Any
    """A pydicom data set of what is read; without pixels, and without the patient."""


def is_dicom(path: Path) -> bool:
    """Tells by the mark behind its first 128 bytes whether a file is DICOM."""
    try:
        with path.open("rb") as file:
            return file.read(_MARK_AT + len(_MARK))[_MARK_AT:] == _MARK
    except OSError:
        return False


def holds_dicom(folder: Path) -> bool:
    """Tells by the first files that lie directly in a folder whether it is that of a series."""
    files = _visible_files(folder)
    return any(file.suffix.lower() in SUFFIXES for file in files) or any(
        is_dicom(file) for file in files[:_LOOKED_AT]
    )


def list_dicom(path: Path) -> list[Path]:
    """Lists what should be DICOM: one file; or those directly in a folder that have the suffix or the mark."""
    if not path.is_dir():
        return [path]
    files = _visible_files(path)
    return [file for file in files if file.suffix.lower() in SUFFIXES or is_dicom(file)]


def read_series(path: Path, max_megapixels: float) -> list[Slice]:
    """Reads the headers of a series, and sorts them by their places along the normal of the slices.

    Names of files and numbers of instances mean nothing. What is DICOM but no image, such as a report or a
    segmentation, is passed over.

    Args:
        path: A folder, or one file.
        max_megapixels: Of a slice; a series of ten times as many pixels is refused.

    Returns:
        The slices; one of them need not say where it lies.

    Raises:
        ValueError: A file is damaged, there is no image, there is more than one series, slices are missing, lie
            unevenly or differ in size or orientation, or a file has several frames.
    """
    slices = [Slice(file, header) for file in list_dicom(path) if (header := _header(file))]
    if not slices:
        raise ValueError(f"{path}: no DICOM image here")
    with explained(path):
        _check_one_series(slices)
        _check_alike(slices)
        rows, columns = int(slices[0].header.Rows), int(slices[0].header.Columns)
        check_size((len(slices), rows, columns), max_megapixels)
        if len(slices) == 1:
            return slices
        slices = sorted(slices, key=lambda one: float(_position(one) @ _normal(one)))
        _check_even(slices)
        return slices


def affine_of(slices: Sequence[Slice]) -> NDArray[np.float64] | None:
    """Says where the pixels of sorted slices lie.

    Args:
        slices: As `read_series` gives them.

    Returns:
        (4, 4) from (slice, row, column, 1) to millimetres, RAS+; None for a projection, which has no place.

    Raises:
        ValueError: The header is damaged.
    """
    first, last = slices[0], slices[-1]
    with explained(first.path):
        if len(slices) == 1 and not all(first.header.get(name) for name in _PLACE):
            return None
        row_spacing, column_spacing = _numbers(first, "PixelSpacing", 2)
        along_rows, along_columns = _directions(first)
        affine = np.eye(4)
        affine[:3, 0] = (
            (_position(last) - _position(first)) / (len(slices) - 1)
            if len(slices) > 1
            else _normal(first) * _thickness(first.header)
        )
        affine[:3, 1] = along_columns * row_spacing
        affine[:3, 2] = along_rows * column_spacing
        affine[:3, 3] = _position(first)
        affine[:3] = _LPS_TO_RAS @ affine[:3]
        return affine


def read_with_pixels(one: Slice) -> Any:
    """Reads the file of a slice again, this time with its pixels, still encoded, and without the patient.

    Raises:
        ValueError: The file is missing or damaged.
    """
    with explained(one.path):
        return pydicom_library().dcmread(one.path, specific_tags=[*_HEADER, *_PIXELS])


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Names the file in what goes wrong with it; what pydicom warns of is passed over, for it may cite the patient.

    Raises:
        ValueError: Whatever goes wrong.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except FileNotFoundError as error:
        raise ValueError(f"{path}: no such file") from error
    except DAMAGE as error:
        raise ValueError(_told(path, error)) from error
    except _own_errors() as error:
        raise ValueError(_told(path, error)) from error


def pydicom_library() -> Any:
    """Imports pydicom, which is optional.

    Raises:
        ValueError: It is not installed.
    """
    try:
        import pydicom
    except ImportError as error:
        raise ValueError("DICOM files need pydicom: pip install 'lumbar[medical]'") from error
    return pydicom


def _own_errors() -> tuple[type[Exception], ...]:
    """Errors of pydicom that are none of Python's; looked up only where nothing else was raised."""
    from pydicom.errors import BytesLengthException, InvalidDicomError

    return BytesLengthException, InvalidDicomError


def _told(path: Path, error: Exception) -> str:
    text = " ".join(str(error).split())
    return text if text.startswith(str(path)) else f"{path}: cannot be read: {text}"


def _visible_files(folder: Path) -> list[Path]:
    return sorted(
        path for path in folder.iterdir() if path.is_file() and not path.name.startswith(".")
    )


def _header(path: Path) -> Any | None:
    """Reads the header of an image, None for DICOM of another kind."""
    with explained(path):
        if path.is_file() and not is_dicom(path):
            raise ValueError("not a DICOM file: the mark DICM is missing after 128 bytes")
        header = pydicom_library().dcmread(path, stop_before_pixels=True, specific_tags=[*_HEADER])
        kind = header.file_meta.get("MediaStorageSOPClassUID", "")
        # Its name, "CT Image Storage" and the like.
        is_image = "Image Storage" in getattr(kind, "name", "")
        if "Rows" in header and header.get("Modality") != "SEG":
            return header
        if is_image:
            raise ValueError("an image whose header is cut off: copy the file again")
        return None


def _check_one_series(slices: Sequence[Slice]) -> None:
    counts = Counter(str(one.header.get("SeriesInstanceUID", "")) for one in slices)
    if len(counts) > 1:
        found = [f"{series or 'without a UID'} ({n} files)" for series, n in counts.items()]
        raise ValueError(
            f"{len(counts)} series in one folder, by their SeriesInstanceUID: {shortened(found)}: move each into a "
            "folder of its own"
        )


def _check_alike(slices: Sequence[Slice]) -> None:
    """Checks that slices are of one size, and parallel."""
    frames = max(int(one.header.get("NumberOfFrames") or 1) for one in slices)
    if frames > 1:
        raise ValueError(
            f"{frames} frames in one file (an enhanced or a moving image): convert it to NIfTI, with dcm2niix for "
            "example"
        )
    first = slices[0]
    for name in ("Rows", "Columns", "SamplesPerPixel", *_PLACE[1:]):
        value = first.header.get(name)
        other = next((one for one in slices if not _equal(one.header.get(name), value)), None)
        if other:
            raise ValueError(
                f"slices differ in {name}: {value} in {first.path.name}, {other.header.get(name)} in "
                f"{other.path.name}: take out what is not of the scan, such as a localizer"
            )


def _equal(a: Any, b: Any) -> bool:
    if a is None or b is None:
        return a is b
    one, other = (np.atleast_1d(np.array(value, dtype=np.float64)) for value in (a, b))
    return one.shape == other.shape and np.allclose(one, other, rtol=0, atol=_ROUNDING)


def _check_even(slices: Sequence[Slice]) -> None:
    """Checks that sorted slices lie one behind the other, all equally far apart."""
    places = np.array([_position(one) for one in slices])
    heights = places @ _normal(slices[0])
    gaps = np.diff(heights)
    if (twice := gaps < _ROUNDING).any():
        found = [f"{height:g} mm" for height in heights[1:][twice]]
        raise ValueError(
            f"several slices at one place, {shortened(found)} along their normal: a series of one volume has one "
            "there; times, echoes and b-values must be separated"
        )
    steps = np.diff(places, axis=0)
    typical = np.median(steps, axis=0)
    distance = np.median(gaps)
    wrong = np.linalg.norm(steps - typical, axis=1) > _UNEVEN * distance
    if wrong.any():
        pairs = zip(heights[:-1][wrong], heights[1:][wrong], strict=True)
        found = [f"{low:g} to {high:g} mm" for low, high in pairs]
        raise ValueError(
            f"slices are missing, or lie unevenly: most are {distance:g} mm apart, but not those from "
            f"{shortened(found)} along their normal: copy the missing files; a scan with uneven slices must "
            "be resampled"
        )


def _position(one: Slice) -> NDArray[np.float64]:
    return _numbers(one, "ImagePositionPatient", 3)


def _directions(one: Slice) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Unit vectors along rows (to the next column) and along columns (to the next row)."""
    both = _numbers(one, "ImageOrientationPatient", 6).reshape(2, 3)
    if not np.allclose(both @ both.T, np.eye(2), atol=_UNEVEN):
        raise ValueError(
            f"{one.path}: ImageOrientationPatient {both.ravel().tolist()} are no directions at right angles"
        )
    along_rows, along_columns = both / np.linalg.norm(both, axis=1, keepdims=True)
    return along_rows, along_columns


def _normal(one: Slice) -> NDArray[np.float64]:
    return np.cross(*_directions(one))


def _numbers(one: Slice, name: str, count: int) -> NDArray[np.float64]:
    numbers = np.array(one.header.get(name) or [], dtype=np.float64)
    if len(numbers) != count or not np.isfinite(numbers).all():
        raise ValueError(
            f"{one.path}: {name} is {one.header.get(name)}, so that the place of the slice is unknown"
        )
    return numbers


def _thickness(header: Any) -> float:
    thickness = header.get("SpacingBetweenSlices") or header.get("SliceThickness") or 1
    return abs(float(thickness))
