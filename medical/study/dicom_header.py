"""What the header of a DICOM file says that its pixels do not: how they were taken, and whether text is among them."""

from pathlib import Path
from typing import NamedTuple

from medical.scans.series import explained, list_dicom, pydicom_library


class DicomHeader(NamedTuple):
    """A few entries; none of them tells who somebody is."""

    modality: str
    """CT, MR and the like; empty where the header does not say."""
    text_in_pixels: bool
    """Whether names or other text are written into the image."""


NO_HEADER = DicomHeader("", text_in_pixels=False)
"""Of images that are no DICOM files."""

_TAGS = ("Modality", "BurnedInAnnotation")


def read_header(path: Path) -> DicomHeader:
    """Reads the header of a DICOM file, or of the first one of a folder.

    Raises:
        ValueError: It is damaged.
    """
    file = list_dicom(path)[0]
    with explained(file):
        header = pydicom_library().dcmread(file, stop_before_pixels=True, specific_tags=[*_TAGS])
        modality, text = (str(header.get(tag) or "") for tag in _TAGS)
    return DicomHeader(modality, text.upper() == "YES")
