"""Images and masks belong together by their names, in folders at any depth; every file without a partner is named."""

from pathlib import Path

import numpy as np
import pytest

from medical.study.pairs import find_channels, find_pairs, scans_in
from tests.medical.scans.scan_files import stack_of, write_scan, write_series
from tests.medical.study.studies import write_picture, write_pictures, write_scans


@pytest.mark.parametrize("masks", ["masks", "labels", "annotations", "Segmentations"])
def test_folders_side_by_side_are_paired_at_any_depth(masks: str, tmp_path: Path) -> None:
    for part in ("train", "deep/er"):
        write_pictures(tmp_path / part, "a", "sub/b")
        (tmp_path / part / "masks").rename(tmp_path / part / masks)

    pairs = {pair.name: pair for pair in find_pairs(tmp_path)}

    assert {*pairs} == {
        f"{part}/{name}" for part in ("train", "deep/er") for name in ("a", "sub/b")
    }
    assert pairs["train/sub/b"].mask == tmp_path / "train" / masks / "sub/b.png"
    assert pairs["train/sub/b"].images == (tmp_path / "train/images/sub/b.png",)


def test_types_may_differ_and_hidden_files_are_passed_over(tmp_path: Path) -> None:
    write_scans(tmp_path, "a")
    write_picture(tmp_path / "images/b.jpg", np.zeros((4, 4), np.uint8))
    write_picture(tmp_path / "labels/b.png", np.zeros((4, 4), np.uint8))
    (tmp_path / "images/._a.nii.gz").write_bytes(b"left behind")
    (tmp_path / "images/notes.txt").write_text("no image")

    assert [pair.name for pair in find_pairs(tmp_path)] == ["a", "b"]


def test_a_common_ending_of_masks_is_understood(tmp_path: Path) -> None:
    write_pictures(tmp_path, "a", "b")
    for mask in [*(tmp_path / "masks").iterdir()]:
        mask.rename(mask.with_name(f"{mask.stem}_mask.png"))

    assert [(pair.name, pair.mask.name) for pair in find_pairs(tmp_path)] == [
        ("a", "a_mask.png"),
        ("b", "b_mask.png"),
    ]


def test_all_files_without_a_partner_are_named(tmp_path: Path) -> None:
    write_pictures(tmp_path, "a", "b", "c")
    (tmp_path / "images/a.png").unlink()
    (tmp_path / "masks/b.png").unlink()

    with pytest.raises(ValueError, match="do not pair up") as error:
        find_pairs(tmp_path)

    assert str(tmp_path / "masks/a.png") in str(error.value)
    assert str(tmp_path / "images/b") in str(error.value)
    assert "images/c" not in str(error.value)


def test_two_files_of_one_name_are_refused(tmp_path: Path) -> None:
    write_pictures(tmp_path, "a")
    write_picture(tmp_path / "images/a.jpg", np.zeros((4, 4), np.uint8))

    with pytest.raises(ValueError, match="named alike"):
        find_pairs(tmp_path)


def test_two_folders_of_masks_are_refused(tmp_path: Path) -> None:
    write_pictures(tmp_path, "a")
    (tmp_path / "labels").mkdir()

    with pytest.raises(ValueError, match="masks and labels both"):
        find_pairs(tmp_path)


@pytest.mark.parametrize("folders", [(), ("images",), ("images", "masks")])
def test_without_images_and_masks_the_known_layouts_are_told(
    folders: tuple[str, ...], tmp_path: Path
) -> None:
    for folder in folders:
        (tmp_path / folder).mkdir()

    with pytest.raises(ValueError, match=r"cases\.csv|are empty"):
        find_pairs(tmp_path)


def test_a_series_is_one_image_and_a_folder_of_its_name_one_mask(tmp_path: Path) -> None:
    write_series(tmp_path / "images/p1", stack_of(2))
    write_series(tmp_path / "images/more/p2", stack_of(2))
    write_picture(tmp_path / "masks/p1/IM0000.png", np.zeros((4, 4), np.uint8))
    (tmp_path / "masks/more").mkdir()
    write_scan(tmp_path / "masks/more/p2.nii.gz", np.zeros((2, 2, 2), np.uint8))

    pairs = find_pairs(tmp_path)

    assert [(pair.name, pair.mask.name) for pair in pairs] == [
        ("more/p2", "p2.nii.gz"),
        ("p1", "p1"),
    ]


def test_numbers_at_the_end_are_channels(tmp_path: Path) -> None:
    for name in ("case_1_0000", "case_1_0001", "case_2_0000", "case_2_0001"):
        write_picture(tmp_path / f"imagesTr/{name}.png", np.zeros((4, 4), np.uint8))
    for name in ("case_1", "case_2"):
        write_picture(tmp_path / f"labelsTr/{name}.png", np.zeros((4, 4), np.uint8))

    pairs = find_channels(tmp_path / "imagesTr", tmp_path / "labelsTr", ".png")

    assert [[file.stem for file in pair.images] for pair in pairs] == [
        ["case_1_0000", "case_1_0001"],
        ["case_2_0000", "case_2_0001"],
    ]
    (tmp_path / "imagesTr/case_2_0001.png").unlink()
    with pytest.raises(ValueError, match="case_2: 1 of 2"):
        find_channels(tmp_path / "imagesTr", tmp_path / "labelsTr", ".png")


def test_names_that_are_their_labels_have_no_channel_in_them(tmp_path: Path) -> None:
    for folder in ("imagesTr", "labelsTr"):
        write_picture(tmp_path / folder / "scan_0001.png", np.zeros((4, 4), np.uint8))

    (pair,) = find_channels(tmp_path / "imagesTr", tmp_path / "labelsTr", ".png")

    assert pair.name == "scan_0001"


def test_scans_are_found_by_their_names_without_types(tmp_path: Path) -> None:
    write_scans(tmp_path, "x.y", "z")

    assert [*scans_in(tmp_path)] == ["images/x.y", "images/z", "labels/x.y", "labels/z"]
