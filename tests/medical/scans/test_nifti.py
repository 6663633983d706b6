"""NIfTI files come and go with their geometry, and damaged ones are named."""

import gzip
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medical.scans.nifti import read_nifti, write_nifti
from medical.scans.volume import Plane, Volume
from tests.medical.scans.scan_files import SIGNED_PERMUTATIONS, affines, nib, stored, write_scan

VOXELS = np.random.default_rng(0).integers(-1000, 1000, (4, 5, 6)).astype(np.int16)
CODES = st.sampled_from([(1, 1), (0, 2), (1, 0), (0, 0), (3, 4)])
HEADER = ("dim", "pixdim", "xyzt_units", "qform_code", "sform_code", "srow_x", "srow_y", "srow_z")
QUATERNION = ("quatern_b", "quatern_c", "quatern_d", "qoffset_x", "qoffset_y", "qoffset_z")


def read(path: Path, plane: Plane | None = None, **options: Any) -> Volume:
    return read_nifti(path, plane=plane, max_megapixels=100.0, **options)


def coded(path: Path, voxels: Any, affine: Any, codes: tuple[int, int], units: Any) -> Path:
    """Writes a scan with codes of the qform and the sform."""
    image = nib.Nifti1Image(voxels, None)
    image.header.set_qform(affine, codes[0])
    image.header.set_sform(affine, codes[1])
    image.header.set_xyzt_units(*units)
    image.header["descrip"] = b"Jane Roe"
    nib.save(image, path)
    return path


@settings(max_examples=60)
@given(
    affines(most=60),
    st.sampled_from(SIGNED_PERMUTATIONS),
    CODES,
    st.sampled_from([("mm", "sec"), ("unknown", "unknown"), ("micron", "msec"), ("meter", "sec")]),
    st.sampled_from([*get_args(Plane), None]),
    st.sampled_from(["a.nii", "a.nii.gz"]),
)
def test_what_is_written_is_as_it_was_read(
    affine: Any, way: Any, codes: Any, units: Any, plane: Plane | None, name: str
) -> None:
    voxels, affine = stored(VOXELS, affine, *way)
    with TemporaryDirectory() as folder:
        path = coded(Path(folder, name), voxels, affine, codes, units)
        volume = read(path, plane)

        write_nifti(Path(folder, "out", name), volume.pixels[..., 0], like=volume)

        before, after = nib.load(path), nib.load(Path(folder, "out", name))
        assert np.array_equal(np.asanyarray(after.dataobj), voxels)
        assert np.array_equal(after.affine, before.affine)
        assert after.header.get_zooms() == before.header.get_zooms()
        for field in (*HEADER, *QUATERNION):
            assert np.array_equal(after.header[field], before.header[field]), field


def test_no_text_of_the_header_is_taken_over(tmp_path: Path) -> None:
    image = nib.Nifti1Image(VOXELS, np.eye(4))
    image.header["descrip"] = image.header["aux_file"] = b"Jane Roe"
    image.header["db_name"] = b"Jane Roe"
    image.header.extensions.append(nib.nifti1.Nifti1Extension("comment", b"Jane Roe"))
    nib.save(image, tmp_path / "a.nii")
    assert (tmp_path / "a.nii").read_bytes().count(b"Jane Roe") == 4
    volume = read(tmp_path / "a.nii")

    write_nifti(tmp_path / "b.nii", volume.pixels[..., 0], like=volume)

    assert b"Jane" not in (tmp_path / "b.nii").read_bytes()


@given(affines(), st.sampled_from(SIGNED_PERMUTATIONS), st.sampled_from(get_args(Plane)))
@settings(max_examples=40)
def test_the_same_anatomy_in_two_orientations_is_the_same(
    affine: Any, way: Any, plane: Plane
) -> None:
    with TemporaryDirectory() as folder:
        one = read(write_scan(Path(folder, "a.nii"), VOXELS, affine), plane)
        other = read(write_scan(Path(folder, "b.nii"), *stored(VOXELS, affine, *way)), plane)

    assert np.array_equal(one.pixels, other.pixels)
    assert one.geometry
    assert other.geometry
    assert np.allclose(one.geometry.affine, other.geometry.affine, atol=1e-3)


def test_a_file_without_codes_has_the_affine_that_its_spacing_gives(tmp_path: Path) -> None:
    path = coded(tmp_path / "a.nii", VOXELS, np.diag([2.0, 3, 4, 1]), (0, 0), ("mm", "sec"))

    volume = read(path)

    assert volume.geometry
    assert volume.geometry.spacing == pytest.approx((4, 3, 2))


@pytest.mark.parametrize(("unit", "factor"), [("micron", 1e-3), ("meter", 1e3), ("mm", 1)])
def test_geometry_is_in_millimetres_whatever_the_unit(
    unit: str, factor: float, tmp_path: Path
) -> None:
    path = coded(tmp_path / "a.nii", VOXELS, np.diag([2.0, 3, 4, 1]), (1, 1), (unit, "sec"))

    volume = read(path)

    assert volume.geometry
    assert volume.geometry.spacing == pytest.approx((4 * factor, 3 * factor, 2 * factor))


@pytest.mark.parametrize("dtype", ["u1", "i1", ">i2", "i2", "u2", "i4", "u4", "f4", ">f4", "f8"])
def test_numbers_come_as_they_are(dtype: str, tmp_path: Path) -> None:
    values = np.abs(VOXELS % 100).astype(dtype)
    image = nib.Nifti1Image(
        values, np.eye(4), nib.Nifti1Header(endianness=dtype[0] if dtype[0] == ">" else "<")
    )
    image.set_data_dtype(values.dtype)
    nib.save(image, tmp_path / "a.nii.gz")

    volume = read(tmp_path / "a.nii.gz")

    assert np.array_equal(volume.layout.undo(volume.pixels)[..., 0], values)
    assert volume.pixels.dtype.isnative
    assert volume.pixels.itemsize <= 4
    assert volume.bits == values.itemsize * 8


def scaled(path: Path, voxels: Any, slope: float, intercept: float) -> Path:
    """Writes stored numbers with a slope and an intercept."""
    image = nib.Nifti1Image(voxels, np.eye(4))
    image.header.set_slope_inter(slope, intercept)
    nib.save(image, path)
    # nibabel writes numbers divided by the slope, so the slope is put in afterwards.
    content = bytearray(path.read_bytes())
    content[112:120] = np.array([slope, intercept], "<f4").tobytes()
    path.write_bytes(content)
    return path


def test_slope_and_intercept_are_applied(tmp_path: Path) -> None:
    image = nib.Nifti1Image(VOXELS, np.eye(4))
    nib.save(image, tmp_path / "plain.nii")
    half = read(scaled(tmp_path / "half.nii", VOXELS, 0.5, 10))
    shifted = read(scaled(tmp_path / "shifted.nii", VOXELS, 1, -1024))

    assert half.pixels.dtype == np.float32
    assert np.array_equal(half.layout.undo(half.pixels)[..., 0], VOXELS * 0.5 + 10)
    assert half.bits == 16
    assert shifted.pixels.dtype == np.int16
    assert np.array_equal(shifted.layout.undo(shifted.pixels)[..., 0], VOXELS - 1024)


def test_what_is_no_number_becomes_the_lowest_one(tmp_path: Path) -> None:
    voxels = VOXELS.astype(np.float32)
    voxels[0, 0, 0] = np.nan
    voxels[0, 0, 1] = np.inf

    volume = read(write_scan(tmp_path / "a.nii", voxels))

    lowest = VOXELS.ravel()[2:].min()
    assert volume.layout.undo(volume.pixels)[0, 0, :2, 0].tolist() == [lowest, lowest]


@pytest.mark.parametrize("shape", [(4, 5), (4, 5, 1), (4, 5, 6, 1), (4, 5, 6, 1, 1)])
def test_axes_of_length_one_are_kept(shape: tuple[int, ...], tmp_path: Path) -> None:
    voxels = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    volume = read(write_scan(tmp_path / "a.nii", voxels))

    write_nifti(tmp_path / "b.nii", volume.pixels[..., 0], like=volume)

    assert nib.load(tmp_path / "b.nii").shape == shape
    assert np.array_equal(np.asanyarray(nib.load(tmp_path / "b.nii").dataobj), voxels)


@pytest.mark.parametrize("shape", [(4, 5, 6, 2), (4, 5, 6, 1, 3)])
def test_several_volumes_in_a_file_are_refused(shape: tuple[int, ...], tmp_path: Path) -> None:
    path = write_scan(tmp_path / "a.nii", np.zeros(shape, np.uint8))

    with pytest.raises(ValueError, match=f"{path}: .*more than one volume .*NAME_0000.nii.gz"):
        read(path)


def test_colours_and_complex_numbers_are_refused(tmp_path: Path) -> None:
    colours = np.zeros((3, 4, 5), [("R", "u1"), ("G", "u1"), ("B", "u1")])
    path = write_scan(tmp_path / "rgb.nii", colours)
    with pytest.raises(ValueError, match=f"{path}: .*colours .RGB.: save colour pictures as PNG"):
        read(path)
    path = write_scan(tmp_path / "complex.nii", np.zeros((3, 4, 5), np.complex64))
    with pytest.raises(ValueError, match="complex64 numbers: save real ones"):
        read(path)


def test_a_mask_has_whole_numbers(tmp_path: Path) -> None:
    labels = np.abs(VOXELS % 3)
    path = write_scan(tmp_path / "a.nii", labels.astype(np.float32))
    assert read(path, mask=True).pixels.dtype == np.uint8
    path = scaled(tmp_path / "s.nii", labels.astype(np.uint8), 1.0000001, 0)
    assert sorted(np.unique(read(path, mask=True).pixels)) == [0, 1, 2]

    path = write_scan(tmp_path / "b.nii", labels * np.float32(0.5))

    with pytest.raises(ValueError, match=f"{path}: .*whole numbers, but .* such as 0.5"):
        read(path, mask=True)


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
@pytest.mark.parametrize("kept", [0, 100, 351, 360, 400])
def test_a_truncated_file_is_named(name: str, kept: int, tmp_path: Path) -> None:
    path = write_scan(tmp_path / name, VOXELS)
    content = path.read_bytes()
    path.write_bytes(content[: min(kept, len(content) - 10)])

    with pytest.raises(ValueError, match=f"^{path}: "):
        read(path)


def test_files_of_another_kind_are_named(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, 2000, np.uint8).tobytes()
    for name, content in {
        "a.nii": noise,
        "a.nii.gz": noise,
        "b.nii.gz": gzip.compress(noise),
    }.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ValueError, match=f"^{tmp_path / name}: "):
            read(tmp_path / name)
    with pytest.raises(ValueError, match=r"none\.nii: no such file"):
        read(tmp_path / "none.nii")


def test_a_header_that_states_an_absurd_size_needs_no_memory(tmp_path: Path) -> None:
    path = write_scan(tmp_path / "a.nii", VOXELS)
    content = bytearray(path.read_bytes())
    content[40:48] = np.array([3, 32767, 32767, 32767], "<i2").tobytes()
    path.write_bytes(content)

    with pytest.raises(ValueError, match=r"32767 x 32767 x 32767 voxels: the limit"):
        read(path)


def test_an_affine_of_zeros_is_refused(tmp_path: Path) -> None:
    path = write_scan(tmp_path / "a.nii", VOXELS)
    content = bytearray(path.read_bytes())
    content[280:328] = bytes(48)
    path.write_bytes(content)

    with pytest.raises(ValueError, match=f"{path}: .*does not say where voxels lie"):
        read(path)


def test_real_scans_come_back_exactly(shared_data: Path, tmp_path: Path) -> None:
    for path in sorted((shared_data / "hippocampus").glob("*/hippocampus_00*.nii.gz")):
        volume = read(path, mask=path.parent.name == "labels")
        before = nib.load(path)
        write_nifti(
            tmp_path / "a.nii.gz",
            volume.pixels[..., 0].astype(before.get_data_dtype()),
            like=volume,
        )
        after = nib.load(tmp_path / "a.nii.gz")

        assert np.array_equal(np.asanyarray(after.dataobj), np.asanyarray(before.dataobj))
        assert np.array_equal(after.affine, before.affine)
        for field in (*HEADER, *QUATERNION):
            assert np.array_equal(after.header[field], before.header[field]), field


def test_writing_is_repeatable_to_the_byte(tmp_path: Path) -> None:
    volume = read(write_scan(tmp_path / "a.nii.gz", VOXELS))
    for name in ("b.nii.gz", "c.nii.gz"):
        write_nifti(tmp_path / name, volume.pixels[..., 0], like=volume)

    assert (tmp_path / "b.nii.gz").read_bytes() == (tmp_path / "c.nii.gz").read_bytes()


def test_a_scan_that_is_gone_is_named(tmp_path: Path) -> None:
    volume = read(write_scan(tmp_path / "a.nii", VOXELS))
    (tmp_path / "a.nii").unlink()

    with pytest.raises(ValueError, match=r"a\.nii: no such file"):
        write_nifti(tmp_path / "b.nii", volume.pixels[..., 0], like=volume)
