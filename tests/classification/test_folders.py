"""A folder of folders is a data set; what is missing is told by its name."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from classification.folders import read_folders
from classification.labelled import Decoding


def write(path: Path, value: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((4, 5, 3), value, dtype=np.uint8)).save(path)


def test_classes_and_images_are_in_alphabetical_order(tmp_path: Path) -> None:
    for number, name in enumerate(("b/2.png", "b/deep/1.png", "a/x.png", ".hidden/y.png")):
        write(tmp_path / name, number)
    (tmp_path / "b" / "notes.txt").write_text("no image")

    images = read_folders(tmp_path)

    assert images.class_names == ("a", "b")
    assert images.labels.tolist() == [0, 1, 1]
    assert [images.name(index) for index in range(3)] == ["a/x.png", "b/2.png", "b/deep/1.png"]
    assert [int(images.read(index, Decoding()).max()) for index in range(3)] == [2, 0, 1]
    assert images.read(0, Decoding(channels=1)).shape == (4, 5, 1)


def test_what_is_no_such_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no such folder: .*gone"):
        read_folders(tmp_path / "gone")
    with pytest.raises(ValueError, match=r"no folder of .*a folder of images for each class"):
        read_folders(tmp_path)
    write(tmp_path / "a" / "1.png", 0)
    (tmp_path / "b").mkdir()
    with pytest.raises(ValueError, match="no image in b of"):
        read_folders(tmp_path)
