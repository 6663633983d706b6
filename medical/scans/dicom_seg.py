"""DICOM-SEG: segmentations that name, by SOPInstanceUID, the slices of the series that they lie on."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lumbar import __version__
from lumbar.data.pixel_classes import IGNORE, PixelClasses
from lumbar.files import atomic_write
from medical.scans.series import (
    Slice,
    explained,
    is_dicom,
    list_dicom,
    pydicom_library,
    read_series,
)
from medical.scans.values import check_size
from medical.scans.volume import Volume

_TAGS = (
    *("SOPClassUID", "Modality", "Rows", "Columns", "NumberOfFrames", "SegmentationType"),
    *("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence", "SamplesPerPixel"),
    *("PhotometricInterpretation", "BitsAllocated", "BitsStored", "HighBit"),
    *("PixelRepresentation", "PixelData"),
)
_UNLIMITED = float("inf")
_PLACES = (
    ("PlaneOrientationSequence", "ImageOrientationPatient"),
    ("PlanePositionSequence", "ImagePositionPatient"),
)
_APART = 0.05
"""Millimetres, and parts of a direction, that come from rounding."""
_LONGEST_LABEL = 64
"""Letters that the standard allows."""


def find_dicom_seg(path: Path) -> Path | None:
    """Finds the segmentation that a file is, or that a folder holds as its only DICOM file.

    Raises:
        ValueError: The file is damaged.
    """
    files = list_dicom(path)
    if len(files) != 1 or not is_dicom(files[0]):
        return None
    with explained(files[0]):
        header = pydicom_library().dcmread(
            files[0], stop_before_pixels=True, specific_tags=["Modality"]
        )
        return files[0] if header.get("Modality") == "SEG" else None


def read_dicom_seg(path: Path, *, like: Volume, max_megapixels: float) -> Volume:
    """Reads a segmentation of a series; slices that it does not name have no segment.

    Args:
        path: The file.
        like: The series.
        max_megapixels: As in `read.read_volume`.

    Returns:
        Pixels (D, H, W, 1) with the number of the segment, 0 where there is none, in the layout of the series.

    Raises:
        ValueError: The file is damaged, is of another series, has probabilities or segments that overlap, or the scan
            is no DICOM series.
    """
    slices = {str(one.header.SOPInstanceUID): one for one in _sources(path, like)}
    with explained(path):
        dataset = pydicom_library().dcmread(path, specific_tags=[*_TAGS])
        count, rows, columns = (
            int(dataset.get(name) or 1) for name in ("NumberOfFrames", "Rows", "Columns")
        )
        stored = np.zeros_like(like.layout.undo(like.pixels[..., 0]), dtype=np.uint16)
        check_size((count, rows, columns), max_megapixels)
        if [rows, columns] != [*stored.shape[1:]]:
            raise ValueError(
                f"frames of {columns} x {rows} pixels lie on no slice of {like.files[0]}"
            )
        _fill(stored, dataset, slices)
        return Volume(
            pixels=np.ascontiguousarray(like.layout.apply(stored))[..., None],
            geometry=like.geometry,
            layout=like.layout,
            files=(path,),
            kind="dicom",
            bits=int(dataset.BitsStored),
            colour=False,
        )


def write_dicom_seg(
    path: Path, labels: NDArray[np.uint8], *, like: Volume, classes: PixelClasses
) -> None:
    """Writes labels as a binary segmentation of a series, with a segment for each class but the first.

    The file belongs to the patient, and carries what the standard wants of the series' header, the patient's name among
    it: without, no archive would file it. It is the only place where a name is copied, from one DICOM file to another.

    Args:
        path: A `.dcm` file.
        labels: (D, H, W) class in 0..K-1, which is the number of the segment; 0 and IGNORE are in none.
        like: The series, whose files must still be there.
        classes: Their names become labels of the segments.

    Raises:
        ValueError: The scan is no DICOM series, its header lacks what a segmentation needs, highdicom is missing, or
            the system refuses to write.
    """
    slices = _sources(path, like)
    stored = like.layout.undo(np.where(labels == IGNORE, 0, labels).astype(np.uint8))
    library = _highdicom()
    with explained(like.files[0]):
        segmentation = library.seg.Segmentation(
            source_images=[
                pydicom_library().dcmread(one.path, stop_before_pixels=True) for one in slices
            ],
            pixel_array=np.ascontiguousarray(stored),
            segmentation_type="BINARY",
            segment_descriptions=_descriptions(library, classes),
            series_instance_uid=library.UID(),
            series_number=1,
            sop_instance_uid=library.UID(),
            instance_number=1,
            manufacturer="Lumbar",
            manufacturer_model_name="Lumbar",
            software_versions=__version__,
            device_serial_number="0",
            omit_empty_frames=bool(stored.any()),
        )
    with atomic_write(path) as partial:
        segmentation.save_as(partial)


def _sources(path: Path, like: Volume) -> list[Slice]:
    """The slices of a series in the order of the file's layout."""
    if like.kind != "dicom" or like.geometry is None or len(like.files) > 1:
        raise ValueError(
            f"{path}: a DICOM-SEG lies on a DICOM series, and {like.files[0]} is none; use PNG or NIfTI"
        )
    return read_series(like.files[0], _UNLIMITED)


def _fill(stored: NDArray[np.uint16], dataset: Any, slices: dict[str, Slice]) -> None:
    """Puts the frames of a segmentation where the slices that they name lie."""
    places = {uid: place for place, uid in enumerate(slices)}
    shared = dataset.SharedFunctionalGroupsSequence[0]
    kind = str(dataset.SegmentationType)
    if kind not in ("BINARY", "LABELMAP"):
        raise ValueError(
            f"a segmentation of kind {kind}, which has no labels but shares: threshold it first"
        )
    frames = np.asarray(dataset.pixel_array).reshape(-1, *stored.shape[1:])
    for frame, groups in zip(frames, dataset.PerFrameFunctionalGroupsSequence, strict=True):
        uid = _source_uid(groups, places)
        _check_place(groups, shared, slices[uid])
        target = stored[places[uid]]
        number = 1 if kind == "LABELMAP" else _segment(groups, shared)
        new = frame.astype(np.uint16) * number
        if ((target > 0) & (new > 0) & (target != new)).any():
            raise ValueError(
                "its segments overlap, but a voxel has one class: export them one by one"
            )
        np.maximum(target, new, out=target)


def _source_uid(groups: Any, places: dict[str, int]) -> str:
    """The one slice that a frame is of."""
    named = [
        str(source.ReferencedSOPInstanceUID)
        for derivation in groups.get("DerivationImageSequence", [])
        for source in derivation.get("SourceImageSequence", [])
    ]
    if len(named) != 1:
        raise ValueError(
            f"a frame names {len(named)} slices that it lies on, not one: it was resampled; convert it to NIfTI on the "
            "grid of its series"
        )
    if named[0] not in places:
        raise ValueError(f"a frame lies on the slice {named[0]}, which is not of this series")
    return named[0]


def _check_place(groups: Any, shared: Any, source: Slice) -> None:
    """Checks that the pixels of a frame are those of its slice, neither mirrored nor shifted."""
    for sequence, name in _PLACES:
        stated = _stated(groups, shared, sequence)
        if stated is None:
            continue
        stated_here, expected = (
            np.array(one.get(name), dtype=np.float64) for one in (stated, source.header)
        )
        if not np.allclose(stated_here, expected, rtol=0, atol=_APART):
            raise ValueError(
                f"a frame has another {name} than the slice that it names, {source.path}: convert it to NIfTI on the "
                "grid of its series"
            )


def _segment(groups: Any, shared: Any) -> int:
    return int(_stated(groups, shared, "SegmentIdentificationSequence").ReferencedSegmentNumber)


def _stated(groups: Any, shared: Any, sequence: str) -> Any:
    """What a file says of one frame, or else of all frames at once."""
    found = groups.get(sequence) or shared.get(sequence)
    return found[0] if found else None


def _descriptions(library: Any, classes: PixelClasses) -> list[Any]:
    """A segment for each class but the background; what it is in anatomy, only its name says."""
    from pydicom.sr.codedict import codes

    algorithm = library.AlgorithmIdentificationSequence(
        name="Lumbar", family=codes.DCM.ArtificialIntelligence, version=__version__
    )
    return [
        library.seg.SegmentDescription(
            segment_number=number,
            segment_label=name[:_LONGEST_LABEL],
            segmented_property_category=codes.SCT.Tissue,
            segmented_property_type=codes.SCT.Tissue,
            algorithm_type="AUTOMATIC",
            algorithm_identification=algorithm,
        )
        for number, name in enumerate(classes.names)
        if number
    ]


def _highdicom() -> Any:
    try:
        import highdicom
    except ImportError as error:
        raise ValueError(
            "writing DICOM-SEG needs highdicom: pip install 'lumbar[dicom]'"
        ) from error
    return highdicom
