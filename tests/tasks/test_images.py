"""Files, folders and globs are found once, and never share a name."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lumbar.tasks.images import find_images, names_for


def found(patterns: list[str]) -> list[Path]:
    """The images of patterns, as if nothing had been made of any before."""
    return find_images(patterns, outside=())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three images, two of one name, and a text."""
    for name in ("b.png", "a.png", "sub/a.png"):
        path = tmp_path / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.zeros((4, 6, 3), dtype=np.uint8)).save(path)
    (tmp_path / "images" / "notes.txt").write_text("no image")
    return tmp_path / "images"


def test_files_folders_and_globs_are_found_once(folder: Path) -> None:
    a, b, sub = folder / "a.png", folder / "b.png", folder / "sub" / "a.png"

    assert found([str(b), str(a)]) == [b, a]
    assert found([str(folder)]) == [a, b, sub]
    assert found([f"{folder}/*.png"]) == [a, b]
    assert found([f"{folder}/**/a.png"]) == [sub]
    assert found([str(b), str(folder), f"{folder}/?.png"]) == [b, a, sub]


def test_what_is_no_image_is_named(folder: Path) -> None:
    (folder / "empty").mkdir()
    for pattern in (f"{folder}/*.jpg", f"{folder}/gone.png", f"{folder}/empty"):
        with pytest.raises(ValueError, match="no image there") as error:
            found([str(folder), pattern])
        assert str(error.value).startswith(pattern)


def test_a_glob_passes_over_other_files_and_folders(folder: Path) -> None:
    assert found([f"{folder}/*"]) == [folder / "a.png", folder / "b.png"]


def test_what_was_made_of_images_is_not_read_again(folder: Path) -> None:
    for name in ("drawn", "masks/deep"):
        (folder / name).mkdir(parents=True)
        (folder / name / "a.png").write_bytes((folder / "a.png").read_bytes())
    outside = [folder / "drawn", folder / "masks"]

    images = find_images([str(folder)], outside=outside)

    assert images == [folder / "a.png", folder / "b.png", folder / "sub" / "a.png"]
    with pytest.raises(ValueError, match="no image there"):
        find_images([str(folder / "drawn")], outside=outside)


def test_names_are_those_of_the_files_and_never_shared() -> None:
    files = [Path("a.png"), Path("b.png"), Path("sub/a.jpg"), Path("a-2.png"), Path("c/a.tif")]

    names = names_for(files)

    assert names == ["a", "b", "a-2", "a-2-2", "a-3"]
