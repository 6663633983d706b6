"""Files, folders, series and channels become scans with names of their own."""

from pathlib import Path

import nibabel
import numpy as np
import pytest
from PIL import Image

from medical.scans.sources import find_sources, stem


def write(path: Path, *, mode: str = "L") -> Path:
    """A small picture or scan."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.name.endswith((".nii", ".nii.gz")):
        nibabel.save(nibabel.Nifti1Image(np.zeros((4, 5, 6), np.int16), np.eye(4)), path)
    else:
        Image.new(mode, (6, 5)).save(path)
    return path


def named(folder: Path, *names: str, channels: int = 1) -> dict[str, list[str]]:
    """Names of the files of each scan that the patterns stand for, by the name of the scan."""
    patterns = [str(folder / name) for name in names] or [str(folder)]
    sources = find_sources(patterns, channels=channels)
    return {source.name: [path.name for path in source.files] for source in sources}


def test_folders_are_searched_at_any_depth(tmp_path: Path) -> None:
    for name in ("b.png", "a.nii.gz", "sub/c.tif", "sub/deep/d.nii", ".hidden.png", "notes.txt"):
        path = tmp_path / name
        write(path) if path.suffix != ".txt" else path.write_text("no scan")

    assert named(tmp_path) == {
        "a": ["a.nii.gz"],
        "b": ["b.png"],
        "c": ["c.tif"],
        "d": ["d.nii"],
    }


def test_each_file_comes_once_and_names_differ(tmp_path: Path) -> None:
    for name in ("x/scan.nii.gz", "y/scan.nii.gz", "z/scan-2.png"):
        write(tmp_path / name)

    found = find_sources([str(tmp_path), str(tmp_path / "x" / "scan.nii.gz")], channels=1)

    assert [source.name for source in found] == ["scan", "scan-2", "scan-2-2"]


def test_globs_name_files_and_folders(tmp_path: Path) -> None:
    for name in ("a1.png", "a2.png", "b1.png"):
        write(tmp_path / name)

    assert [*named(tmp_path, "a*.png")] == ["a1", "a2"]


def test_numbered_files_are_the_channels_of_one_scan(tmp_path: Path) -> None:
    write(tmp_path / "p1" / "p1.nii.gz")  # in a folder that is called like one of them
    for case in ("p1", "p2"):
        for channel in range(2):
            write(tmp_path / f"{case}_{channel:04}.nii.gz")

    assert named(tmp_path, channels=2) == {
        "p1": ["p1.nii.gz"],
        "p1-2": ["p1_0000.nii.gz", "p1_0001.nii.gz"],
        "p2": ["p2_0000.nii.gz", "p2_0001.nii.gz"],
    }


def test_for_one_channel_numbered_files_are_scans_of_their_own(tmp_path: Path) -> None:
    for name in ("only_0000.nii.gz", "img_0000.png", "img_0001.png"):
        write(tmp_path / name)

    assert [*named(tmp_path)] == ["img_0000", "img_0001", "only"]


def test_photos_that_are_numbered_by_the_camera_are_no_channels(tmp_path: Path) -> None:
    for number in range(3):
        write(tmp_path / f"IMG_{number:04}.png", mode="RGB")
        write(tmp_path / f"grey_{number:04}.png")

    assert [*named(tmp_path, channels=3)] == ["IMG_0000", "IMG_0001", "IMG_0002", "grey"]


def test_a_folder_of_dicom_files_is_one_scan(tmp_path: Path) -> None:
    from pydicom.data import get_testdata_file

    data = Path(str(get_testdata_file("CT_small.dcm"))).read_bytes()
    for series in ("one", "two"):
        (tmp_path / series).mkdir()
        (tmp_path / series / "slice").write_bytes(data)

    assert named(tmp_path) == {"one": ["one"], "two": ["two"]}
    assert named(tmp_path, "two") == {"two": ["two"]}


def test_results_of_before_are_no_scans(tmp_path: Path) -> None:
    write(tmp_path / "a.png")
    write(tmp_path / "masks" / "a.png")
    outside = [tmp_path / "masks"]

    (source,) = find_sources([str(tmp_path)], channels=1, outside=outside)

    assert source.files == (tmp_path / "a.png",)
    with pytest.raises(ValueError, match="no scan there"):
        find_sources([str(tmp_path / "masks")], channels=1, outside=outside)


@pytest.mark.parametrize("pattern", ["gone", "*.png", "empty"])
def test_nothing_there_is_an_error(tmp_path: Path, pattern: str) -> None:
    (tmp_path / "empty").mkdir()

    with pytest.raises(ValueError, match=f"{tmp_path / pattern}".replace("*", r"\*")):
        find_sources([str(tmp_path / pattern)], channels=1)


def test_a_file_of_no_known_kind_is_kept_so_that_reading_it_says_why(tmp_path: Path) -> None:
    file = tmp_path / "scan.mha"
    file.write_bytes(b"?")

    (source,) = find_sources([str(file)], channels=1)

    assert source == ("scan", (file,))


def test_names_have_no_type(tmp_path: Path) -> None:
    assert stem(Path("a/b.c.nii.gz")) == stem(Path("b.c.png")) == "b.c"
    assert stem(tmp_path) == tmp_path.name
