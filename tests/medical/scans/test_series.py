"""Slices are ordered by their places, and what does not make one scan is refused by name."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from medical.scans.series import (
    affine_of,
    holds_dicom,
    is_dicom,
    list_dicom,
    read_series,
    read_with_pixels,
)
from tests.medical.scans.scan_files import dicom_file, pydicom, rotation, stack_of, write_series


def heights(folder: Path) -> list[float]:
    """Of the slices as they are sorted, along the normal."""
    return [float(one.header.ImagePositionPatient[2]) for one in read_series(folder, 100.0)]


def test_slices_are_sorted_by_their_places(tmp_path: Path) -> None:
    write_series(tmp_path, stack_of(5), order=[3, 0, 4, 1, 2], InstanceNumber=[2, 5, 1, 1, 9])

    assert heights(tmp_path) == pytest.approx([-75.7, -73.2, -70.7, -68.2, -65.7])


def test_what_is_no_image_is_passed_over(tmp_path: Path) -> None:
    write_series(tmp_path, stack_of(3))
    for name in ("reportsi.dcm", "rtplan.dcm", "liver_1frame.dcm"):
        shutil.copy(dicom_file(name), tmp_path)
    (tmp_path / "notes.txt").write_text("no DICOM")
    (tmp_path / ".hidden.dcm").write_text("no DICOM")
    (tmp_path / "deeper").mkdir()

    assert len(heights(tmp_path)) == 3


def test_files_need_no_suffix(tmp_path: Path) -> None:
    write_series(tmp_path, stack_of(3))
    for file in [*tmp_path.iterdir()]:
        file.rename(file.with_suffix(""))

    assert len(heights(tmp_path)) == 3
    assert holds_dicom(tmp_path)


def test_dicom_is_told_by_its_mark(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("DICM")

    assert is_dicom(dicom_file("CT_small.dcm"))
    assert not is_dicom(tmp_path / "text")
    assert not is_dicom(tmp_path / "missing")
    assert not holds_dicom(tmp_path)
    assert list_dicom(tmp_path) == []


def test_the_affine_leads_to_the_patient(tmp_path: Path) -> None:
    write_series(tmp_path, stack_of(4), gap=-3.0)

    affine = affine_of(read_series(tmp_path, 100.0))

    # The first slice is the lowest; LPS becomes RAS.
    assert affine is not None
    assert affine @ [0, 0, 0, 1] == pytest.approx([158.1, 179.0, -84.7, 1])
    assert affine @ [3, 0, 0, 1] == pytest.approx([158.1, 179.0, -75.7, 1])
    assert affine @ [0, 10, 0, 0] == pytest.approx([0, -6.61468, 0, 0])
    assert affine @ [0, 0, 10, 0] == pytest.approx([-6.61468, 0, 0, 0])


@pytest.mark.parametrize("angles", [(20, 0, 0), (0, 35, 10), (90, 0, 0), (0, 90, 0), (-20, 30, 80)])
def test_oblique_slices_follow_their_normal(angles: Any, tmp_path: Path) -> None:
    turned = rotation(*angles)
    normal = turned[:, 2]
    write_series(
        tmp_path,
        stack_of(4),
        order=[2, 0, 3, 1],
        ImageOrientationPatient=[[*turned[:, 0], *turned[:, 1]]] * 4,
        ImagePositionPatient=[[*(10 + 2.5 * n * normal)] for n in range(4)],
    )

    affine = affine_of(read_series(tmp_path, 100.0))

    assert affine is not None
    assert affine[:3, 0] == pytest.approx(normal * 2.5 * [-1, -1, 1])
    assert affine[:3, 3] == pytest.approx([-10, -10, 10])


def test_a_tilted_gantry_shears_the_affine(tmp_path: Path) -> None:
    places = [[0, n * 0.8, n * 2.5] for n in range(4)]
    write_series(tmp_path, stack_of(4), ImagePositionPatient=places)

    affine = affine_of(read_series(tmp_path, 100.0))

    assert affine is not None
    assert affine[:3, 0] == pytest.approx([0, -0.8, 2.5])


def test_a_projection_has_no_place() -> None:
    assert affine_of(read_series(dicom_file("JPEG2000.dcm"), 100.0)) is None


def test_one_slice_is_as_thick_as_it_says() -> None:
    affine = affine_of(read_series(dicom_file("CT_small.dcm"), 100.0))

    assert affine is not None
    assert np.linalg.norm(affine[:3, 0]) == pytest.approx(5)


def test_two_series_are_named(tmp_path: Path) -> None:
    write_series(
        tmp_path, stack_of(4), SeriesInstanceUID=["1.2.3.4", "1.2.3.4", "1.2.3.5", "1.2.3.4"]
    )

    with pytest.raises(
        ValueError,
        match=rf"^{tmp_path}: .*2 series .*1\.2\.3\.4 \(3 files\), 1\.2\.3\.5 \(1 files\): move",
    ):
        read_series(tmp_path, 100.0)


def test_missing_slices_are_told_with_their_places(tmp_path: Path) -> None:
    write_series(tmp_path, stack_of(7))
    (tmp_path / "IM0003.dcm").unlink()

    with pytest.raises(ValueError, match=r"missing.* 2\.5 mm apart.* -70\.7 to -65\.7 mm"):
        read_series(tmp_path, 100.0)


@pytest.mark.parametrize(
    "places",
    [
        [[0, 0, z] for z in (0, 2.5, 5, 8, 10.5)],
        [[0, 0, 0], [0, 0, 2.5], [0, 9, 5], [0, 0, 7.5], [0, 0, 10]],
    ],
)
def test_uneven_slices_are_refused(places: Any, tmp_path: Path) -> None:
    write_series(tmp_path, stack_of(5), ImagePositionPatient=places)

    with pytest.raises(
        ValueError, match=r"lie unevenly: most are 2\.5 mm apart, but not those from"
    ):
        read_series(tmp_path, 100.0)


def test_rounded_places_are_even(tmp_path: Path) -> None:
    places = [[0, 0, z] for z in (0, 3.33, 6.67, 10, 13.3)]
    write_series(tmp_path, stack_of(5), ImagePositionPatient=places)

    assert heights(tmp_path) == [0, 3.33, 6.67, 10, 13.3]


def test_a_count_of_one_frame_may_be_left_out(tmp_path: Path) -> None:
    write_series(tmp_path, stack_of(3), NumberOfFrames=[None, 1, 1])

    assert len(heights(tmp_path)) == 3


def test_two_slices_at_one_place_are_refused(tmp_path: Path) -> None:
    places = [[0, 0, z] for z in (0, 2.5, 2.5, 5)]
    write_series(tmp_path, stack_of(4), ImagePositionPatient=places)

    with pytest.raises(ValueError, match=r"several slices at one place, 2\.5 mm along"):
        read_series(tmp_path, 100.0)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        (
            {"ImageOrientationPatient": [[1, 0, 0, 0, 1, 0]] * 2 + [[1, 0, 0, 0, 0, -1]]},
            "differ in",
        ),
        ({"PixelSpacing": [[0.5, 0.5]] * 2 + [[0.6, 0.6]]}, r"differ in PixelSpacing: .*0\.5.* in"),
        ({"Rows": [128, 64, 128]}, "differ in Rows: 128 in IM0000.dcm, 64 in IM0001.dcm"),
        (
            {"ImagePositionPatient": [[0, 0, 0], None, [0, 0, 5]]},
            "IM0001.dcm: ImagePositionPatient",
        ),
        ({"ImageOrientationPatient": [1, 0, 0]}, "differ"),
        ({"ImageOrientationPatient": [[1, 0, 0, 1, 0, 0]] * 3}, "no directions at right angles"),
        ({"NumberOfFrames": 3}, "3 frames in one file"),
        ({"PixelSpacing": None}, "IM0000.dcm: PixelSpacing is None"),
    ],
)
def test_what_makes_no_block_is_refused(changed: Any, told: str, tmp_path: Path) -> None:
    write_series(tmp_path, stack_of(3), **changed)

    with pytest.raises(ValueError, match=told):
        affine_of(read_series(tmp_path, 100.0))


@pytest.mark.parametrize("kept", [0, 100, 200, 1500])
def test_a_damaged_file_is_named(kept: int, tmp_path: Path) -> None:
    write_series(tmp_path, stack_of(3))
    path = tmp_path / "IM0001.dcm"
    path.write_bytes(path.read_bytes()[:kept])

    with pytest.raises(ValueError, match=f"^{path}: cannot be read"):
        read_series(tmp_path, 100.0)


def test_what_is_missing_or_has_no_image_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="nothing: no such file"):
        read_series(tmp_path / "nothing", 100.0)
    with pytest.raises(ValueError, match=f"{tmp_path}: no DICOM image here"):
        read_series(tmp_path, 100.0)


def test_a_series_that_is_too_large_is_refused_by_its_headers(tmp_path: Path) -> None:
    write_series(tmp_path, stack_of(3))

    with pytest.raises(ValueError, match="3 x 128 x 128 voxels: the limit"):
        read_series(tmp_path, 0.004)


def test_who_the_patient_is_is_never_read(tmp_path: Path) -> None:
    write_series(tmp_path, stack_of(2), PatientName="Roe^Jane", PatientID="4711")

    slices = read_series(tmp_path, 100.0)

    for dataset in (slices[0].header, read_with_pixels(slices[0])):
        assert not [element.keyword for element in dataset if element.keyword.startswith("Patient")]
        assert "Jane" not in str(dataset)
    assert "PatientName" in pydicom.dcmread(slices[0].path)
