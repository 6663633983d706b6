"""Predictions of files are complete and can be scored; every file is drawn."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from detection.detector import Detector
from detection.predict import predict_files
from lumbar.data.image_io import read_image
from lumbar.training.run_folder import RunFolder


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


def test_earlier_drawings_are_not_read_again(
    folder: Path, tmp_path: Path, run_folder: RunFolder
) -> None:
    for _ in range(2):
        predict_files(str(run_folder.weights), [str(folder)], output=folder, score=0.9)

    assert len(list((folder / "drawn").iterdir())) == 3


def test_drawings_never_share_a_name(folder: Path, tmp_path: Path, run_folder: RunFolder) -> None:
    (folder / "a-2.png").write_bytes((folder / "a.png").read_bytes())

    predict_files(str(run_folder.weights), [str(folder)], output=tmp_path / "out", score=0.9)

    assert len(list((tmp_path / "out" / "drawn").iterdir())) == 4
