"""Images find their masks by name, and whatever does not pair up is listed."""

import logging
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lumbar.data.mask_folders import Naming, read_class_folders, read_mask_files
from lumbar.data.mask_records import MaskRecords
from lumbar.data.pixel_classes import PixelClasses
from tests.data.mask_files import write_image, write_mask

CLASSES = PixelClasses.parse({"background": 0, "cell": 1})
SIZES = {"a": (4, 6), "b": (5, 5), "deep/c": (6, 4)}


def mask(size: tuple[int, int]) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    return np.eye(*size, dtype=np.uint8)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Three JPEG images with PNG masks, one of them in a subfolder."""
    for number, (name, size) in enumerate(SIZES.items()):
        write_image(tmp_path / f"images/{name}.jpg", size, number)
        write_mask(tmp_path / f"masks/{name}.png", mask(size))
    return tmp_path


def read(root: Path, images: str = "images", masks: str = "masks", **naming: object) -> MaskRecords:
    common = Naming(**naming)
    return read_mask_files(
        root / images, root / masks, naming=common, classes=CLASSES, name="train"
    )


def test_names_pair_up(root: Path) -> None:
    records = read(root)

    assert [record.path for record in records] == [root / f"images/{name}.jpg" for name in SIZES]
    assert records.image_ids.tolist() == [1, 2, 3]
    for index, size in enumerate(SIZES.values()):
        assert records[index].size == size
        assert np.array_equal(records.labels(index, size), mask(size))


def test_suffixes_are_left_out_of_names(tmp_path: Path) -> None:
    """As in Cityscapes, whose folder of masks has other files of the same images."""
    write_image(tmp_path / "left/ulm/u_1_left.png", (4, 4))
    for kind in ("colour", "ids"):
        write_mask(tmp_path / f"fine/ulm/u_1_fine_{kind}.png", mask((4, 4)))

    records = read(tmp_path, "left", "fine", image_suffix="_left", mask_suffix="_fine_ids")

    assert records.files(0) == [
        tmp_path / "left/ulm/u_1_left.png",
        tmp_path / "fine/ulm/u_1_fine_ids.png",
    ]


def test_images_and_masks_can_share_a_folder(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_image(tmp_path / f"{name}.jpg", (4, 4))
        write_mask(tmp_path / f"{name}_mask.png", mask((4, 4)))

    records = read(tmp_path, ".", ".", mask_suffix="_mask")

    assert [record.path.name for record in records] == ["a.jpg", "b.jpg"]


def test_a_list_chooses_and_orders(root: Path) -> None:
    """What is not on it needs no partner."""
    listing = root / "list.txt"
    listing.write_text("deep/c\n\na\ndeep/c\n")
    (root / "images/b.jpg").unlink()

    records = read(root, listing=listing)

    assert [record.path.stem for record in records] == ["c", "a"]
    listing.write_text("a\nz\n")
    with pytest.raises(
        ValueError, match=r"list\.txt: names without an image \(1 in all\):\n .*images/z"
    ):
        read(root, listing=listing)
    listing.write_text("../masks/a\n")
    with pytest.raises(ValueError, match="leads out of"):
        read(root, listing=listing)
    listing.write_text("\n")
    with pytest.raises(ValueError, match="no names"):
        read(root, listing=listing)


def test_what_does_not_pair_up_is_listed(root: Path) -> None:
    (root / "masks/a.png").rename(root / "masks/a_mask.png")
    (root / "images/b.jpg").unlink()

    with pytest.raises(ValueError, match="do not pair up") as error:
        read(root)

    message = str(error.value)
    assert message.startswith("data.train: names of images and masks do not pair up (3 in all):")
    for line in ("images/a.jpg: no mask in", "masks/a_mask.png: no image", "masks/b.png: no image"):
        assert line in message
    assert "data.train.mask_suffix=_mask" in message


def test_names_that_differ_in_their_type_alone_are_refused(root: Path) -> None:
    write_image(root / "images/a.png", (4, 6))

    with pytest.raises(ValueError, match=r"named alike .*\n .*images/a\.png: so is a\.jpg"):
        read(root)


def test_empty_folders_are_named(root: Path) -> None:
    (root / "empty").mkdir()

    with pytest.raises(ValueError, match="empty: no image files"):
        read(root, masks="empty")
    with pytest.raises(ValueError, match="masks: no image files whose names end in _seg"):
        read(root, mask_suffix="_seg")


def test_all_sizes_that_differ_are_told_at_once(root: Path) -> None:
    write_mask(root / "masks/a.png", mask((6, 4)))
    write_mask(root / "masks/b.png", mask((9, 9)))
    write_image(root / "masks/deep/c.jpg", (6, 4))
    (root / "masks/deep/c.png").unlink()

    with pytest.raises(ValueError, match=r"do not fit \(3 in all\)") as error:
        read(root)

    assert "a.png: the mask is 4 x 6 pixels, but its image 6 x 4" in str(error.value)
    assert "b.png: the mask is 9 x 9" in str(error.value)
    assert "c.jpg: cannot be read: a mask in a lossy file (JPEG)" in str(error.value)


def test_only_one_of_a_pair_that_is_turned_is_said(
    root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    write_image(root / "images/a.jpg", SIZES["a"][::-1], exif=exif)

    with caplog.at_level(logging.WARNING):
        records = read(root)

    assert records[0].size == SIZES["a"]
    assert (
        "1 images are turned, as their EXIF data say, but their masks are not (first a.jpg)"
        in caplog.text
    )


FOLDERS = PixelClasses.parse({"liver": 1, "tumour": "any"})


def read_folders(root: Path, **naming: object) -> MaskRecords:
    common = Naming(**naming)
    return read_class_folders(
        root / "images", root / "masks", naming=common, classes=FOLDERS, name="val"
    )


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    """Two images, of which one has both classes and one has none."""
    for name in ("a", "b"):
        write_image(tmp_path / f"images/{name}.png", (4, 6))
    for folder in FOLDERS.names:
        write_mask(tmp_path / f"masks/{folder}/a.png", mask((4, 6)))
    return tmp_path


def test_a_folder_for_each_class(folders: Path) -> None:
    records = read_folders(folders)

    assert np.array_equal(records.labels(0, (4, 6)), np.stack([mask((4, 6))] * 2))
    assert not records.labels(1, (4, 6)).any()


def test_folders_of_classes_are_checked(folders: Path) -> None:
    write_mask(folders / "masks/tumour/x.png", mask((4, 6)))
    with pytest.raises(ValueError, match=r"data\.val: .* pair up .*\n .*tumour/x\.png: no image"):
        read_folders(folders)
    listing = folders / "list.txt"
    listing.write_text("a\n")
    assert len(read_folders(folders, listing=listing)) == 1

    write_mask(folders / "masks/liver/a.png", mask((6, 4)))
    with pytest.raises(ValueError, match=r"liver/a\.png: the mask is 4 x 6"):
        read_folders(folders, listing=listing)
    zero = PixelClasses.parse({"liver": 0})
    with pytest.raises(ValueError, match="0 cannot stand for the class liver"):
        read_class_folders(
            folders / "images", folders / "masks", naming=Naming(), classes=zero, name="val"
        )
    (folders / "masks/liver").rename(folders / "masks/Liver")
    with pytest.raises(
        ValueError, match=r"data\.val\.masks: classes without a folder .*\n .*masks/liver"
    ):
        read_folders(folders)
