"""Scans of any kind are read by what they are, channels are joined, and geometries compared."""

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lumbar.data.pixel_classes import PixelClasses
from medical.scans.dicom_seg import write_dicom_seg
from medical.scans.nifti import write_nifti
from medical.scans.read import read_mask, read_volume, same_geometry, scan_kind
from medical.scans.volume import Geometry
from tests.conftest import ROOT
from tests.medical.scans.scan_files import dicom_file, stack_of, stored, write_scan, write_series

VOXELS = np.random.default_rng(0).integers(0, 1000, (4, 5, 6)).astype(np.int16)
CLASSES = PixelClasses.parse({"background": 0, "tumour": 1})


def picture(path: Path, *channels: int) -> Path:
    pixels = np.random.default_rng(1).integers(0, 256, (7, 9, *channels), np.uint8)
    Image.fromarray(pixels).save(path)
    return path


def test_kinds_are_told_without_reading(tmp_path: Path) -> None:
    for name in (
        "a.png",
        "a.TIF",
        "a.jpeg",
        "a.nii",
        "a.nii.gz",
        "a.NII.GZ",
        "a.dcm",
        "a.txt",
        "a",
    ):
        (tmp_path / name).write_text("nothing")
    write_series(tmp_path / "series", stack_of(2))
    shutil.copy(dicom_file("CT_small.dcm"), tmp_path / "IM0001")
    (tmp_path / "empty").mkdir()

    kinds = {path.name: scan_kind(path) for path in tmp_path.iterdir()}

    assert kinds == {
        **dict.fromkeys(("a.png", "a.TIF", "a.jpeg"), "picture"),
        **dict.fromkeys(("a.nii", "a.nii.gz", "a.NII.GZ"), "nifti"),
        **dict.fromkeys(("a.dcm", "series", "IM0001"), "dicom"),
        **dict.fromkeys(("a.txt", "a", "empty")),
    }
    assert scan_kind(tmp_path / "none.png") is None


def test_each_kind_is_read(tmp_path: Path) -> None:
    files = [
        picture(tmp_path / "a.png", 3),
        write_scan(tmp_path / "a.nii.gz", VOXELS),
        write_series(tmp_path / "series", stack_of(2)),
        dicom_file("CT_small.dcm"),
    ]

    volumes = [read_volume([file]) for file in files]

    assert [volume.kind for volume in volumes] == ["picture", "nifti", "dicom", "dicom"]
    assert [volume.files for volume in volumes] == [(file,) for file in files]
    assert [volume.shape[0] for volume in volumes] == [1, 6, 2, 1]
    for volume in volumes:
        assert volume.pixels.flags.c_contiguous
        assert volume.pixels.flags.writeable


def test_the_plane_is_chosen_or_given(tmp_path: Path) -> None:
    path = write_scan(tmp_path / "a.nii", VOXELS, np.diag([1, 2, 1, 1]))

    assert read_volume([path]).shape == (5, 6, 4)
    assert read_volume([path], plane="axial").shape == (6, 5, 4)
    assert read_volume([path], plane="coronal").shape == (5, 6, 4)
    assert read_volume([path], plane="sagittal").shape == (4, 6, 5)
    assert read_mask(path, plane="sagittal").shape == (4, 6, 5)


def test_channels_of_nnunet_are_joined(tmp_path: Path) -> None:
    paths = [
        write_scan(tmp_path / f"case_000{channel}.nii.gz", VOXELS + channel) for channel in range(3)
    ]

    volume = read_volume(paths)

    assert volume.pixels.shape == (6, 5, 4, 3)
    assert np.array_equal(volume.pixels[..., 2], volume.pixels[..., 0] + 2)
    assert volume.files == tuple(paths)
    assert not volume.colour


def test_channels_may_be_stored_in_different_orders(tmp_path: Path) -> None:
    affine = np.diag([1.0, 2, 3, 1])
    paths = [
        write_scan(tmp_path / "a_0000.nii", VOXELS, affine),
        write_scan(tmp_path / "a_0001.nii", *stored(VOXELS, affine, (2, 0, 1), (0, 1, 1))),
    ]

    volume = read_volume(paths)

    assert np.array_equal(volume.pixels[..., 0], volume.pixels[..., 1])


@pytest.mark.parametrize(
    ("shape", "affine", "told"),
    [
        ((4, 5, 7), np.eye(4), r"shapes differ: 6 x 5 x 4 and 7 x 5 x 4"),
        ((4, 5, 6), np.diag([1, 1, 1.5, 1]), r"affines differ: voxels lie up to 2\.5 mm apart"),
    ],
)
def test_channels_that_do_not_fit_are_refused(
    shape: Any, affine: Any, told: str, tmp_path: Path
) -> None:
    one = write_scan(tmp_path / "a_0000.nii", VOXELS)
    other = write_scan(tmp_path / "a_0001.nii", np.resize(VOXELS, shape), affine)

    with pytest.raises(ValueError, match=f"{one}, {other}: .*{told}"):
        read_volume([one, other], plane="axial")


def test_channels_are_grey_and_of_one_kind(tmp_path: Path) -> None:
    grey, colour = picture(tmp_path / "a.png"), picture(tmp_path / "b.png", 3)
    flat = write_scan(tmp_path / "a.nii", VOXELS[..., :1])

    assert read_volume([grey, grey]).pixels.shape == (1, 7, 9, 2)
    for files in ([grey, colour], [colour, grey], [grey, flat]):
        with pytest.raises(ValueError, match="must be grey files of one kind"):
            read_volume(files)
    with pytest.raises(ValueError, match="without a file"):
        read_volume([])


@pytest.mark.parametrize("reader", [read_mask, lambda path: read_volume([path])])
def test_what_is_no_scan_is_named(reader: Any, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("nothing")
    (tmp_path / "empty").mkdir()
    for name in ("a.txt", "empty"):
        with pytest.raises(ValueError, match=f"{tmp_path / name}: not a scan; scans are PNG"):
            reader(tmp_path / name)
    with pytest.raises(ValueError, match=f"{tmp_path / 'none'}: no such file or folder"):
        reader(tmp_path / "none")


def test_masks_of_each_kind_are_read(tmp_path: Path) -> None:
    labels = (VOXELS % 3).astype(np.float32)
    nifti = read_mask(write_scan(tmp_path / "a.nii.gz", labels))
    assert nifti.pixels.dtype == np.uint8
    assert np.array_equal(nifti.layout.undo(nifti.pixels)[..., 0], labels)
    colours = read_mask(picture(tmp_path / "a.png", 3))
    assert (colours.pixels.shape, colours.colour) == ((1, 7, 9, 3), True)
    series = write_series(tmp_path / "series", stack_of(2), RescaleIntercept=0)
    assert read_mask(series).pixels.dtype == np.uint16


def test_a_dicom_seg_is_read_beside_its_series(tmp_path: Path) -> None:
    volume = read_volume([write_series(tmp_path / "ct", stack_of(3))])
    labels = (volume.pixels[..., 0] > 100).astype(np.uint8)
    path = tmp_path / "masks" / "seg.dcm"
    write_dicom_seg(path, labels, like=volume, classes=CLASSES)

    for place in (path, path.parent):
        mask = read_mask(place, like=volume)
        assert np.array_equal(mask.pixels[..., 0], labels)
        assert same_geometry(volume, mask) is None
        with pytest.raises(ValueError, match=f"{place}: a DICOM-SEG can be read only beside"):
            read_mask(place)


def test_a_series_and_its_nifti_lie_at_the_same_place(tmp_path: Path) -> None:
    volume = read_volume([write_series(tmp_path / "ct", stack_of(3), gap=-4.0)])
    write_nifti(tmp_path / "a.nii.gz", volume.pixels[..., 0], like=volume)

    other = read_volume([tmp_path / "a.nii.gz"])

    assert np.array_equal(other.pixels, volume.pixels)
    assert same_geometry(volume, other) is None


def test_rounding_is_no_difference_and_a_shift_is(tmp_path: Path) -> None:
    volume = read_volume([write_scan(tmp_path / "a.nii", VOXELS)])
    assert volume.geometry
    for shift, differs in ((0.05, False), (0.2, True)):
        affine = volume.geometry.affine.copy()
        affine[0, 3] += shift
        told = same_geometry(volume, replace(volume, geometry=Geometry(affine)))
        assert (told is not None) == differs
    assert told
    assert "voxels lie up to 0.2 mm apart" in told
    assert same_geometry(volume, replace(volume, geometry=None)) is None


@pytest.mark.parametrize(("module", "name"), [("nibabel", "a.nii"), ("pydicom", "a.dcm")])
def test_a_missing_package_is_named(module: str, name: str, tmp_path: Path) -> None:
    write_scan(tmp_path / "a.nii", VOXELS)
    shutil.copy(dicom_file("CT_small.dcm"), tmp_path / "a.dcm")
    code = (
        f"import sys, pathlib; sys.modules[{module!r}] = None\n"
        "from medical.scans.read import read_volume\n"
        f"try: read_volume([pathlib.Path({str(tmp_path / name)!r})])\n"
        "except ValueError as error: print(error)"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert f"need {module}: pip install 'lumbar[medical]'" in done.stdout
