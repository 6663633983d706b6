"""Predictions of files are complete and can be scored; every file is drawn."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from detection.detector import Detector
from detection.predict import find_images, predict_files
from lumbar.data.image_io import read_image
from lumbar.training.run_folder import RunFolder


def found(patterns: list[str], *, outside: Path = Path("drawn")) -> list[Path]:
    """The images of patterns, as if no drawings lay among them."""
    return find_images(patterns, outside=outside)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three noisy images, two of one name."""
    rng = np.random.default_rng(0)
    for name in ("b.png", "a.png", "sub/a.png"):
        path = tmp_path / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(256, size=(40, 60, 3), dtype=np.uint8)).save(path)
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


def test_predictions_are_a_coco_results_file(
    folder: Path, tmp_path: Path, run_folder: RunFolder
) -> None:
    source, output = str(run_folder.weights), tmp_path / "out"
    predict_files(source, [str(folder)], output=output, score=0.0)

    rows = json.loads((output / "predictions.json").read_text())
    expected = Detector.load(source).predict([folder / "a.png", folder / "b.png"])
    for number, (name, found) in enumerate(zip("ab", expected, strict=True), start=1):
        own = [row for row in rows if row["image_id"] == number]
        assert {row["file_name"] for row in own} == {str(folder / f"{name}.png")}
        assert tuple(row["category_name"] for row in own) == found.names
        assert tuple(row["category_id"] for row in own) == found.category_ids
        boxes = np.array([row["bbox"] for row in own])
        assert np.concatenate((boxes[:, :2], boxes[:, :2] + boxes[:, 2:]), axis=1) == pytest.approx(
            found.boxes, abs=1e-3
        )
        assert [row["score"] for row in own] == pytest.approx(found.scores)


def test_every_file_is_drawn_also_without_objects(
    folder: Path, tmp_path: Path, run_folder: RunFolder
) -> None:
    source = str(run_folder.weights)
    for name, score in (("all", 0.0), ("none", 0.999)):
        predict_files(source, [str(folder)], output=tmp_path / name, score=score)

    assert json.loads((tmp_path / "none" / "predictions.json").read_text()) == []
    drawings = {path.name for path in (tmp_path / "none" / "drawn").glob("*.jpg")}
    assert drawings == {"a.jpg", "b.jpg", "a-2.jpg"}
    for name in drawings:
        plain, drawn = (read_image(tmp_path / which / "drawn" / name) for which in ("none", "all"))
        assert np.abs(plain.astype(int) - drawn).max() > 100


def test_images_in_the_output_folder_are_not_overwritten(
    tmp_path: Path, run_folder: RunFolder, examples: Path
) -> None:
    original = next((examples / "bccd" / "images").iterdir()).read_bytes()
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(original)

    predict_files(str(run_folder.weights), [str(photo)], output=tmp_path, score=0.0)

    is_unchanged = photo.read_bytes() == original
    assert is_unchanged


def test_earlier_drawings_are_not_read_again(folder: Path) -> None:
    (folder / "drawn").mkdir()
    (folder / "drawn" / "a.png").write_bytes((folder / "a.png").read_bytes())

    images = found([str(folder)], outside=folder / "drawn")

    assert folder / "drawn" / "a.png" not in images
    assert folder / "a.png" in images


def test_a_glob_passes_over_other_files_and_folders(folder: Path) -> None:
    (folder / "notes.txt").write_text("not an image")

    assert all(path.suffix == ".png" for path in found([f"{folder}/*"]))


def test_drawings_never_share_a_name(folder: Path, tmp_path: Path, run_folder: RunFolder) -> None:
    (folder / "a-2.png").write_bytes((folder / "a.png").read_bytes())

    predict_files(str(run_folder.weights), [str(folder)], output=tmp_path / "out", score=0.9)

    assert len(list((tmp_path / "out" / "drawn").iterdir())) == 4
