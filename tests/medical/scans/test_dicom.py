"""DICOM pixels are decoded and rescaled, or the package that would do it is named."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from medical.scans.dicom import read_dicom
from medical.scans.volume import Volume
from tests.medical.scans.scan_files import dicom_file, pydicom, stack_of, write_series


def read(path: Path, **options: Any) -> Volume:
    return read_dicom(path, plane=None, max_megapixels=100.0, **options)


def test_ct_is_in_hounsfield_units() -> None:
    volume = read(dicom_file("CT_small.dcm"))

    raw = pydicom.dcmread(dicom_file("CT_small.dcm")).pixel_array
    assert volume.pixels.dtype == np.int16
    assert np.array_equal(volume.pixels[0, ..., 0], raw.astype(int) - 1024)
    assert (volume.bits, volume.kind, volume.colour) == (16, "dicom", False)
    assert volume.geometry
    assert volume.geometry.spacing == pytest.approx((5, 0.661468, 0.661468))


def test_a_shuffled_series_gives_the_same_volume(tmp_path: Path) -> None:
    pixels = stack_of(6)
    one = read(write_series(tmp_path / "one", pixels))
    other = read(write_series(tmp_path / "other", pixels, order=[4, 2, 5, 0, 3, 1]))

    # From below upwards, as the pixels were given; rows and columns as scanners store axial slices.
    assert np.array_equal(one.pixels[..., 0], pixels.astype(int) - 1024)
    assert np.array_equal(one.pixels, other.pixels)
    assert one.geometry
    assert other.geometry
    assert np.array_equal(one.geometry.affine, other.geometry.affine)
    assert one.layout == other.layout


def test_a_series_from_above_downwards_is_turned(tmp_path: Path) -> None:
    pixels = stack_of(4)

    volume = read(write_series(tmp_path, pixels, gap=-2.5))

    assert np.array_equal(volume.pixels[..., 0], pixels[::-1].astype(int) - 1024)


def test_each_slice_has_its_own_scale(tmp_path: Path) -> None:
    pixels = stack_of(3)
    folder = write_series(tmp_path, pixels, RescaleSlope=[1, 0.5, 2], RescaleIntercept=[0, 0, -10])

    volume = read(folder)

    assert volume.pixels.dtype == np.float32
    expected = pixels * np.array([1, 0.5, 2])[:, None, None] + np.array([0, 0, -10])[:, None, None]
    assert np.allclose(volume.pixels[..., 0], expected)


def test_sagittal_slices_are_looked_at_as_they_are(tmp_path: Path) -> None:
    pixels = stack_of(3)
    folder = write_series(
        tmp_path,
        pixels,
        ImageOrientationPatient=[[0, 1, 0, 0, 0, -1]] * 3,
        ImagePositionPatient=[[4.0 * n, 0, 0] for n in range(3)],
    )

    volume = read(folder)

    # From right to left, each with the head up and the face to the left.
    assert np.array_equal(volume.pixels[..., 0], pixels.astype(int) - 1024)


@pytest.mark.parametrize(
    "name",
    [
        *("MR_small_RLE.dcm", "MR_small_jp2klossless.dcm", "MR_small_bigendian.dcm"),
        *("MR_small_implicit.dcm", "MR_small_padded.dcm"),
    ],
)
def test_transfer_syntaxes_do_not_change_pixels(name: str) -> None:
    plain = read(dicom_file("MR_small.dcm"))

    assert np.array_equal(read(dicom_file(name)).pixels, plain.pixels)


@pytest.mark.parametrize(
    ("name", "package", "module"),
    [
        ("SC_rgb_jpeg_gdcm.dcm", "pylibjpeg pylibjpeg-libjpeg", "libjpeg"),
        ("JPEG-lossy.dcm", "pylibjpeg pylibjpeg-libjpeg", "libjpeg"),
        ("JPEGLSNearLossless_16.dcm", "pyjpegls", "jpeg_ls"),
    ],
)
def test_compression_is_decoded_or_the_package_is_named(
    name: str, package: str, module: str
) -> None:
    path = dicom_file(name)
    syntax = pydicom.dcmread(path, stop_before_pixels=True).file_meta.TransferSyntaxUID.name
    if find_spec(module) or find_spec("gdcm"):
        assert read(path).pixels.size
        return

    with pytest.raises(ValueError, match=f"pip install {package}$") as told:
        read(path)
    assert f"{path}: " in str(told.value)
    assert f"compressed as {syntax}" in str(told.value)


def test_damaged_pixels_are_named(tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r"MR_truncated\.dcm: cannot be read: .*less than expected"
    ):
        read(dicom_file("MR_truncated.dcm"))
    with pytest.raises(ValueError, match=r"compressed as JPEG 2000.*pip install pylibjpeg"):
        read(dicom_file("JPEG2000-embedded-sequence-delimiter.dcm"))
    write_series(tmp_path, stack_of(3))
    path = tmp_path / "IM0001.dcm"
    path.write_bytes(path.read_bytes()[:-900])
    with pytest.raises(ValueError, match=f"^{path}: cannot be read"):
        read(tmp_path)


@pytest.mark.parametrize(
    "name", ["examples_rgb_color.dcm", "SC_rgb_rle.dcm", "SC_ybr_full_422_uncompressed.dcm"]
)
def test_colours_are_rgb(name: str) -> None:
    volume = read(dicom_file(name))

    assert volume.colour
    assert volume.pixels.shape[3] == 3
    assert volume.pixels.dtype == np.uint8
    assert volume.geometry is None


def test_ybr_becomes_rgb() -> None:
    one = read(dicom_file("SC_rgb_jpeg_dcmtk.dcm")).pixels
    other = read(dicom_file("SC_rgb_dcmtk_+eb+cr.dcm")).pixels

    assert np.abs(one.astype(int) - other).max() < 8


def test_inverted_projections_are_turned_and_measurements_are_not(tmp_path: Path) -> None:
    pixels = stack_of(1)
    plain = read(write_series(tmp_path / "a", pixels)).pixels
    slices = write_series(tmp_path / "b", pixels, PhotometricInterpretation="MONOCHROME1")
    projection = {
        "ImageOrientationPatient": None,
        "PhotometricInterpretation": "MONOCHROME1",
        "PixelRepresentation": 0,
        "BitsStored": 12,
        "RescaleIntercept": 0,
    }
    inverted = write_series(tmp_path / "c", pixels, **projection)

    assert np.array_equal(read(slices).pixels, plain)
    assert np.array_equal(read(inverted).pixels[..., 0], 4095 - pixels.astype(int))
    assert read(inverted).geometry is None
    assert read(inverted).bits == 12


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("examples_palette.dcm", "PALETTE COLOR; convert"),
        ("examples_ybr_color.dcm", "30 frames"),
        ("liver_1frame.dcm", "no DICOM image here"),
        ("badVR.dcm", "1A"),
    ],
)
def test_what_cannot_be_read_is_told(name: str, told: str) -> None:
    with pytest.raises(ValueError, match=f"{name}: .*{told}"):
        read(dicom_file(name))


def test_a_mask_has_whole_numbers(tmp_path: Path) -> None:
    folder = write_series(tmp_path / "a", stack_of(2) % 3, RescaleIntercept=0)
    assert read(folder, mask=True).pixels.dtype == np.uint8

    folder = write_series(tmp_path / "b", stack_of(2) % 3, RescaleSlope=0.5)

    with pytest.raises(ValueError, match="whole numbers"):
        read(folder, mask=True)
