"""Of a header only what tells nobody's name is read."""

from pathlib import Path

import pytest

from medical.study.dicom_header import DicomHeader, read_header
from tests.medical.scans.scan_files import dicom_file, stack_of, write_series


@pytest.mark.parametrize(("name", "modality"), [("CT_small.dcm", "CT"), ("MR_small.dcm", "MR")])
def test_the_modality_of_real_files_is_read(name: str, modality: str) -> None:
    assert read_header(dicom_file(name)) == DicomHeader(modality, text_in_pixels=False)


def test_text_in_pixels_is_told_of_a_series(tmp_path: Path) -> None:
    series = write_series(tmp_path, stack_of(2), BurnedInAnnotation="YES")

    assert read_header(series) == DicomHeader("CT", text_in_pixels=True)
