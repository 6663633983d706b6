"""What is written looks like the scan: its format, its shape, its place in the patient."""

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from lumbar.data.mask_io import read_labels
from lumbar.data.pixel_classes import IGNORE, PixelClasses
from lumbar.files import UnwritableError
from medical.scans.read import read_mask, read_volume, same_geometry
from medical.scans.volume import Plane, Volume
from medical.scans.write import write_labels, write_maps
from tests.conftest import ROOT
from tests.medical.scans.scan_files import (
    SIGNED_PERMUTATIONS,
    affines,
    dicom_file,
    nib,
    stack_of,
    stored,
    write_scan,
    write_series,
)

CLASSES = PixelClasses.parse({"background": 0, "organ": 100, "tumour": 255})
MANY = PixelClasses.parse({"background": 0, "organ": 3, "tumour": 1000}, [7])
COLOURS = PixelClasses.parse(
    {"background": [0, 0, 0], "organ": [200, 10, 0], "tumour": [0, 0, 255]}
)


def labels_of(volume: Volume) -> Any:
    return np.random.default_rng(0).integers(0, 3, volume.shape).astype(np.uint8)


def picture(path: Path, pages: int = 1) -> Volume:
    images = [Image.fromarray(np.zeros((7, 9), np.uint8)) for _ in range(pages)]
    images[0].save(path, **({"save_all": True, "append_images": images[1:]} if pages > 1 else {}))
    return read_volume([path])


def back(path: Path, classes: PixelClasses, **options: Any) -> Any:
    """Labels (D, H, W) of a mask file."""
    pixels = read_mask(path, coloured=classes.coloured, **options).pixels.astype(np.int64)
    codes = pixels @ [65536, 256, 1] if classes.coloured else pixels[..., 0]
    return classes.table[codes]


@pytest.mark.parametrize("classes", [CLASSES, MANY, COLOURS])
@pytest.mark.parametrize(("pages", "suffix"), [(1, ".png"), (3, ".tif")])
def test_masks_of_pictures_are_those_that_training_reads(
    pages: int, suffix: str, classes: PixelClasses, tmp_path: Path
) -> None:
    volume = picture(tmp_path / "a.tif", pages)
    labels = labels_of(volume)

    path = write_labels(tmp_path / "out", "ward/a.b", labels, like=volume, classes=classes)

    assert path == tmp_path / "out" / "ward" / f"a.b{suffix}"
    assert np.array_equal(back(path, classes), labels)
    if pages == 1:
        assert np.array_equal(read_labels(path, classes), labels[0])


def test_a_mask_of_a_picture_shows_the_colours_of_its_classes(tmp_path: Path) -> None:
    volume = picture(tmp_path / "a.png")
    labels = labels_of(volume)

    path = write_labels(tmp_path, "out", labels, like=volume, classes=CLASSES)

    with Image.open(path) as image:
        assert image.mode == "P"
        seen = np.asarray(image.convert("RGB"))
    assert np.array_equal(seen, np.array(CLASSES.colours)[labels[0]])


@settings(max_examples=40)
@given(
    affines(most=60),
    st.sampled_from(SIGNED_PERMUTATIONS),
    st.sampled_from([*get_args(Plane), None]),
    st.sampled_from(["a.nii", "a.nii.gz"]),
)
def test_masks_of_nifti_lie_where_the_scan_lies(
    affine: Any, way: Any, plane: Plane | None, name: str
) -> None:
    truth = np.random.default_rng(0).integers(0, 3, (4, 5, 6)).astype(np.uint8)
    truth, affine = stored(truth, affine, *way)
    with TemporaryDirectory() as folder:
        scan = write_scan(Path(folder, name), truth.astype(np.float32), affine)
        volume = read_volume([scan], plane=plane)
        labels = volume.pixels[..., 0].astype(np.uint8)

        path = write_labels(Path(folder), "out", labels, like=volume, classes=CLASSES)

        before, after = nib.load(scan), nib.load(path)
        assert path.name == name.replace("a", "out")
        assert after.get_data_dtype() == np.uint8
        assert np.array_equal(np.asanyarray(after.dataobj), np.array(CLASSES.ids)[truth])
        assert np.array_equal(after.affine, before.affine)
        assert after.shape == before.shape
        assert same_geometry(volume, read_mask(path, plane=plane)) is None
        assert np.array_equal(back(path, CLASSES, plane=plane), labels)


def test_ids_beyond_a_byte_have_two(tmp_path: Path) -> None:
    volume = read_volume([write_scan(tmp_path / "a.nii", np.zeros((4, 5, 6)))])
    labels = labels_of(volume)
    labels[0, 0, 0] = IGNORE

    path = write_labels(tmp_path, "out", labels, like=volume, classes=MANY)

    assert nib.load(path).get_data_dtype() == np.uint16
    assert np.array_equal(back(path, MANY), labels)


@pytest.mark.parametrize("gap", [2.5, -2.5])
def test_masks_of_a_series_are_nifti_at_its_place(gap: float, tmp_path: Path) -> None:
    volume = read_volume([write_series(tmp_path / "ct", stack_of(3), gap=gap)])
    labels = labels_of(volume)

    path = write_labels(tmp_path, "out", labels, like=volume, classes=CLASSES)

    assert path.name == "out.nii.gz"
    assert same_geometry(volume, read_mask(path)) is None
    assert np.array_equal(back(path, CLASSES), labels)
    assert nib.load(path).header.get_xyzt_units()[0] == "mm"
    assert nib.load(path).header["sform_code"] == 1
    assert nib.load(path).header["qform_code"] == 1


def test_a_tilted_gantry_keeps_its_shear(tmp_path: Path) -> None:
    places = [[0, n * 0.8, n * 2.5] for n in range(4)]
    volume = read_volume([write_series(tmp_path / "ct", stack_of(4), ImagePositionPatient=places)])

    path = write_labels(tmp_path, "out", labels_of(volume), like=volume, classes=CLASSES)

    assert same_geometry(volume, read_mask(path)) is None
    assert nib.load(path).header["qform_code"] == 0


def test_masks_of_projections_are_pictures(tmp_path: Path) -> None:
    volume = read_volume([dicom_file("JPEG2000.dcm")])
    labels = labels_of(volume)

    path = write_labels(tmp_path, "out", labels, like=volume, classes=CLASSES)

    assert path.name == "out.png"
    assert np.array_equal(back(path, CLASSES), labels)


def maps_of(volume: Volume) -> Any:
    maps = np.random.default_rng(0).random((2, *volume.shape), np.float32)
    maps[:, 0, 0, :2] = [0, 1.0001]  # blended maps are beyond 1 by rounding
    return maps


@pytest.mark.parametrize(("pages", "suffix"), [(1, ".png"), (3, ".tif")])
def test_maps_of_pictures_have_sixteen_bits(pages: int, suffix: str, tmp_path: Path) -> None:
    volume = picture(tmp_path / "a.tif", pages)
    maps = maps_of(volume)

    paths = write_maps(tmp_path, "out", maps, like=volume, names=["large organ", "tumour"])

    assert [path.name for path in paths] == [f"out_large_organ{suffix}", f"out_tumour{suffix}"]
    for path, values in zip(paths, maps, strict=True):
        written = read_volume([path])
        assert written.pixels.dtype == np.uint16
        assert (
            np.abs(written.pixels[..., 0] / 65535 - values.clip(0, 1)).max() <= 0.5 / 65535 + 1e-6
        )
        assert written.pixels[0, 0, :2, 0].tolist() == [0, 65535]


def test_maps_of_scans_are_float32_at_their_place(tmp_path: Path) -> None:
    volume = read_volume([write_scan(tmp_path / "a.nii", np.zeros((4, 5, 6), np.int16))])
    maps = maps_of(volume)

    paths = write_maps(tmp_path, "out", maps, like=volume, names=["organ", "uncertainty"])

    assert [path.name for path in paths] == ["out_organ.nii", "out_uncertainty.nii"]
    for path, values in zip(paths, maps, strict=True):
        written = read_volume([path])
        assert nib.load(path).get_data_dtype() == np.float32
        assert np.array_equal(written.pixels[..., 0], values)
        assert same_geometry(volume, written) is None


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    volume = picture(tmp_path / "a.png")
    labels = labels_of(volume)
    with pytest.raises(ValueError, match=r"leads out of"):
        write_labels(tmp_path, "../a", labels, like=volume, classes=CLASSES)
    with pytest.raises(ValueError, match=r"a\.png: of .1, 7, 9. voxels, but .1, 7, 8. are"):
        write_labels(tmp_path, "b", labels[..., 1:], like=volume, classes=CLASSES)
    with pytest.raises(ValueError, match=r"labels \[255\] stand for none of 3 classes"):
        write_labels(tmp_path, "b", labels | np.uint8(255), like=volume, classes=CLASSES)
    with pytest.raises(ValueError, match="names of maps must differ"):
        write_maps(tmp_path, "b", maps_of(volume), like=volume, names=["a b", "a/b"])
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


@pytest.mark.parametrize("suffix", ["png", "nii"])
def test_a_folder_that_cannot_be_written_is_told(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{suffix}"
    volume = (
        picture(path) if suffix == "png" else read_volume([write_scan(path, np.zeros((4, 5, 6)))])
    )
    (tmp_path / f"out.{suffix}").mkdir()

    with pytest.raises(UnwritableError, match=f"out.{suffix}: cannot be written"):
        write_labels(tmp_path, "out", labels_of(volume), like=volume, classes=CLASSES)
    assert not [file for file in tmp_path.iterdir() if "partial" in file.name]


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
import numpy as np
from medical.scans.read import read_volume
from medical.scans.write import write_maps

folder = Path(sys.argv[1])
volumes = [read_volume([folder / name]) for name in ("a.png", "a.tif", "a.nii", "a.nii.gz")]
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
for volume in volumes:
    noise = np.random.default_rng(0).random((1, *volume.shape), np.float32)
    try:
        write_maps(folder, "out", noise, like=volume, names=["x"])
    except ValueError as error:
        print(error)
"""


def test_a_full_disk_is_told_and_leaves_the_old_files(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (4, 60, 80), np.uint8)
    pages = [Image.fromarray(page) for page in noise]
    pages[0].save(tmp_path / "a.png")
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:])
    for name in ("a.nii", "a.nii.gz"):
        write_scan(tmp_path / name, noise)
    files = [tmp_path / f"out_x.{suffix}" for suffix in ("png", "tif", "nii", "nii.gz")]
    for file in files:
        file.write_text("old")

    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )

    told = done.stdout.splitlines()
    assert len(told) == 4
    for file, line in zip(files, told, strict=True):
        assert line.startswith(f"{file}: cannot be written (")
        assert file.read_text() == "old"
    assert len([*tmp_path.iterdir()]) == 8
