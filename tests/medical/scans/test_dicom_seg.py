"""A segmentation lies on the slices that it names, whatever their files are called."""

import shutil
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lumbar.data.pixel_classes import IGNORE, PixelClasses
from medical.scans.dicom import read_dicom
from medical.scans.dicom_seg import find_dicom_seg, read_dicom_seg, write_dicom_seg
from medical.scans.volume import Volume
from tests.medical.scans.scan_files import dicom_file, pydicom, stack_of, write_series

highdicom: Any = import_module("highdicom")  # untyped
CLASSES = PixelClasses.parse({"background": 0, "liver": 100, "tumour": 255})
SAGITTAL = {
    "ImageOrientationPatient": [[0, 1, 0, 0, 0, -1]] * 4,
    "ImagePositionPatient": [[4.0 * n, 0, 0] for n in range(4)],
}


def read(path: Path) -> Volume:
    return read_dicom(path, plane="axial", max_megapixels=100.0)


def labels_of(volume: Volume) -> Any:
    """(D, H, W) labels without symmetry; the first slice is empty."""
    labels = np.random.default_rng(0).integers(0, 3, volume.shape).astype(np.uint8)
    labels[0] = 0
    return labels


@pytest.mark.parametrize("changed", [{}, {"gap": -2.5}, SAGITTAL])
def test_labels_come_back_from_a_shuffled_series(changed: Any, tmp_path: Path) -> None:
    volume = read(write_series(tmp_path / "ct", stack_of(4), **changed))
    labels = labels_of(volume)
    write_dicom_seg(tmp_path / "seg.dcm", labels, like=volume, classes=CLASSES)
    shutil.move(tmp_path / "ct" / "IM0000.dcm", tmp_path / "ct" / "IM9999.dcm")

    mask = read_dicom_seg(tmp_path / "seg.dcm", like=read(tmp_path / "ct"), max_megapixels=100.0)

    assert np.array_equal(mask.pixels[..., 0], labels)
    assert (mask.kind, mask.geometry, mask.layout) == ("dicom", mask.geometry, volume.layout)


def test_each_frame_names_its_slice_and_its_segment(tmp_path: Path) -> None:
    volume = read(write_series(tmp_path / "ct", stack_of(4), order=[2, 0, 3, 1]))
    labels = labels_of(volume)
    labels[2] = 0
    write_dicom_seg(tmp_path / "seg.dcm", labels, like=volume, classes=CLASSES)

    written = pydicom.dcmread(tmp_path / "seg.dcm")
    by_uid = {
        str(one.SOPInstanceUID): one
        for one in map(pydicom.dcmread, sorted((tmp_path / "ct").iterdir()))
    }
    assert [one.SegmentLabel for one in written.SegmentSequence] == ["liver", "tumour"]
    assert len(written.pixel_array) == 4  # two slices, two segments each
    for frame, groups in zip(
        written.pixel_array, written.PerFrameFunctionalGroupsSequence, strict=True
    ):
        source = groups.DerivationImageSequence[0].SourceImageSequence[0]
        place = by_uid[source.ReferencedSOPInstanceUID].ImagePositionPatient
        index = round((place[2] + 75.7) / 2.5)
        segment = groups.SegmentIdentificationSequence[0].ReferencedSegmentNumber
        assert groups.PlanePositionSequence[0].ImagePositionPatient == place
        assert np.array_equal(frame, labels[index] == segment)


def test_it_is_filed_under_the_patient_of_the_series(tmp_path: Path) -> None:
    volume = read(write_series(tmp_path / "ct", stack_of(2), PatientID="4711"))

    write_dicom_seg(tmp_path / "seg.dcm", labels_of(volume), like=volume, classes=CLASSES)

    written = pydicom.dcmread(tmp_path / "seg.dcm")
    source = pydicom.dcmread(tmp_path / "ct" / "IM0000.dcm")
    assert written.PatientID == "4711"
    assert written.StudyInstanceUID == source.StudyInstanceUID
    assert written.FrameOfReferenceUID == source.FrameOfReferenceUID
    assert written.SeriesInstanceUID != source.SeriesInstanceUID


def test_nothing_found_is_a_segmentation_too(tmp_path: Path) -> None:
    volume = read(write_series(tmp_path / "ct", stack_of(2)))
    labels = np.zeros(volume.shape, np.uint8)
    labels[0, 0, 0] = IGNORE

    write_dicom_seg(tmp_path / "seg.dcm", labels, like=volume, classes=CLASSES)

    mask = read_dicom_seg(tmp_path / "seg.dcm", like=volume, max_megapixels=100.0)
    assert mask.pixels.shape == (*volume.shape, 1)
    assert not mask.pixels.any()


def test_a_segmentation_is_found_as_a_file_and_alone_in_its_folder(tmp_path: Path) -> None:
    shutil.copy(dicom_file("liver_1frame.dcm"), tmp_path)

    assert find_dicom_seg(dicom_file("liver_1frame.dcm")) == dicom_file("liver_1frame.dcm")
    assert find_dicom_seg(tmp_path) == tmp_path / "liver_1frame.dcm"
    assert find_dicom_seg(dicom_file("CT_small.dcm")) is None
    shutil.copy(dicom_file("CT_small.dcm"), tmp_path)
    assert find_dicom_seg(tmp_path) is None


def test_another_series_is_refused(tmp_path: Path) -> None:
    volume = read(write_series(tmp_path / "ct", stack_of(2)))
    other = read(write_series(tmp_path / "other", stack_of(2)))
    write_dicom_seg(tmp_path / "seg.dcm", labels_of(volume), like=volume, classes=CLASSES)

    with pytest.raises(ValueError, match=f"{tmp_path / 'seg.dcm'}: .*not of this series"):
        read_dicom_seg(tmp_path / "seg.dcm", like=other, max_megapixels=100.0)
    with pytest.raises(ValueError, match=r"liver_1frame\.dcm: .*frames of 512 x 512"):
        read_dicom_seg(dicom_file("liver_1frame.dcm"), like=volume, max_megapixels=100.0)


def test_overlapping_segments_are_refused(tmp_path: Path) -> None:
    volume = read(write_series(tmp_path / "ct", stack_of(2)))
    write_dicom_seg(tmp_path / "seg.dcm", labels_of(volume), like=volume, classes=CLASSES)
    written = pydicom.dcmread(tmp_path / "seg.dcm")
    written.PixelData = b"\xff" * len(written.PixelData)
    written.save_as(tmp_path / "seg.dcm")

    with pytest.raises(ValueError, match="its segments overlap"):
        read_dicom_seg(tmp_path / "seg.dcm", like=volume, max_megapixels=100.0)


def test_a_frame_that_lies_elsewhere_is_refused(tmp_path: Path) -> None:
    volume = read(write_series(tmp_path / "ct", stack_of(2)))
    write_dicom_seg(tmp_path / "seg.dcm", labels_of(volume), like=volume, classes=CLASSES)
    written = pydicom.dcmread(tmp_path / "seg.dcm")
    shared = written.SharedFunctionalGroupsSequence[0]
    shared.PlaneOrientationSequence[0].ImageOrientationPatient = [-1, 0, 0, 0, 1, 0]
    written.save_as(tmp_path / "seg.dcm")

    with pytest.raises(ValueError, match="another ImageOrientationPatient than the slice"):
        read_dicom_seg(tmp_path / "seg.dcm", like=volume, max_megapixels=100.0)


@pytest.mark.parametrize("kind", ["LABELMAP", "FRACTIONAL"])
def test_label_maps_are_read_and_shares_refused(kind: str, tmp_path: Path) -> None:
    volume = read(write_series(tmp_path / "ct", stack_of(2)))
    labels = labels_of(volume)
    write_dicom_seg(tmp_path / "binary.dcm", labels, like=volume, classes=CLASSES)
    descriptions = pydicom.dcmread(tmp_path / "binary.dcm").SegmentSequence
    segmentation = highdicom.seg.Segmentation(
        source_images=[pydicom.dcmread(path) for path in sorted((tmp_path / "ct").iterdir())],
        pixel_array=labels,
        segmentation_type=kind,
        segment_descriptions=[
            highdicom.seg.SegmentDescription.from_dataset(one) for one in descriptions
        ],
        series_instance_uid=highdicom.UID(),
        series_number=1,
        sop_instance_uid=highdicom.UID(),
        instance_number=1,
        manufacturer="Another",
        manufacturer_model_name="program",
        software_versions="1",
        device_serial_number="1",
    )
    segmentation.save_as(tmp_path / "seg.dcm")

    if kind == "FRACTIONAL":
        with pytest.raises(ValueError, match="of kind FRACTIONAL, which has no labels but shares"):
            read_dicom_seg(tmp_path / "seg.dcm", like=volume, max_megapixels=100.0)
        return
    mask = read_dicom_seg(tmp_path / "seg.dcm", like=volume, max_megapixels=100.0)
    assert np.array_equal(mask.pixels[..., 0], labels)


def test_what_is_no_series_has_no_segmentation(tmp_path: Path) -> None:
    volume = read(dicom_file("JPEG2000.dcm"))

    with pytest.raises(ValueError, match=f"{tmp_path / 'seg.dcm'}: a DICOM-SEG lies on a DICOM"):
        write_dicom_seg(
            tmp_path / "seg.dcm", np.zeros(volume.shape, np.uint8), like=volume, classes=CLASSES
        )


def test_a_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    volume = read(write_series(tmp_path / "ct", stack_of(2)))
    monkeypatch.setitem(sys.modules, "highdicom", None)

    with pytest.raises(ValueError, match=r"needs highdicom: pip install 'lumbar\[dicom\]'"):
        write_dicom_seg(tmp_path / "seg.dcm", labels_of(volume), like=volume, classes=CLASSES)


def test_a_truncated_segmentation_is_named(tmp_path: Path) -> None:
    volume = read(write_series(tmp_path / "ct", stack_of(2)))
    path = tmp_path / "seg.dcm"
    write_dicom_seg(path, labels_of(volume), like=volume, classes=CLASSES)
    path.write_bytes(path.read_bytes()[:-500])

    with pytest.raises(ValueError, match=f"^{path}: cannot be read"):
        read_dicom_seg(path, like=volume, max_megapixels=100.0)
