"""Predictions of files are the best classes of each, for programs and for tables, and sheets of all images."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from classification.classifier import Classifier
from classification.predict import predict_files
from lumbar.data.image_io import read_image
from tests.classification.small_classifier import write_classifier


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_classifier(tmp_path_factory.mktemp("weights") / "model.safetensors")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """26 images of many shapes, one of them grey and one of them red."""
    rng, folder = np.random.default_rng(0), tmp_path / "images"
    folder.mkdir()
    for number in range(26):
        size = (40 + 9 * number, 300 - 9 * number, 3)
        pixels = rng.integers(256, size=size, dtype=np.uint8)
        Image.fromarray(pixels).convert("L" if number == 3 else "RGB").save(
            folder / f"{number:02}.png"
        )
    Image.new("RGB", (500, 100), (255, 0, 0)).save(folder / "00.png")
    return folder


def test_every_file_gets_its_best_classes(folder: Path, tmp_path: Path, weights: Path) -> None:
    predict_files(str(weights), [str(folder)], output=tmp_path / "out")

    files = sorted(folder.iterdir())
    rows = json.loads((tmp_path / "out" / "predictions.json").read_text())
    assert [row["file_name"] for row in rows] == [str(file) for file in files]
    for row, found in zip(rows, Classifier.load(weights).predict(files), strict=True):
        assert [best["class"] for best in row["top"]] == [name for name, _ in found.top(5)]
        scores = [best["score"] for best in row["top"]]
        assert scores == pytest.approx([score for _, score in found.top(5)], abs=1e-6)
        assert scores == sorted(scores, reverse=True)
    with (tmp_path / "out" / "predictions.csv").open(newline="") as file:
        table = [*csv.DictReader(file)]
    assert [(row["file_name"], row["class"]) for row in table if row["rank"] == "1"] == [
        (row["file_name"], row["top"][0]["class"]) for row in rows
    ]
    assert len(table) == 26 * 5


def test_sheets_hold_all_images_in_their_order(folder: Path, tmp_path: Path, weights: Path) -> None:
    predict_files(str(weights), [str(folder)], output=tmp_path / "out")

    drawn = tmp_path / "out" / "drawn"
    assert {path.name for path in drawn.iterdir()} == {"sheet_1.jpg", "sheet_2.jpg"}
    first, second = (read_image(drawn / f"sheet_{number}.jpg") for number in (1, 2))
    assert first.shape[0] > 3 * second.shape[0]
    assert first.shape[1] > 2 * second.shape[1]
    cell = first[: first.shape[0] // 4, : first.shape[1] // 6].astype(int)
    red = (cell[..., 0] > 200) & (cell[..., 1:].max(2) < 60)
    rows, columns = np.nonzero(red)
    assert (np.ptp(columns) + 1) / (np.ptp(rows) + 1) == pytest.approx(5, abs=0.3)
    assert (cell[: rows.min()].max(2) < 120).any(), "nothing is written above it"


def test_sheets_are_no_images_of_the_next_time(folder: Path, tmp_path: Path, weights: Path) -> None:
    for _ in range(2):
        predict_files(str(weights), [str(folder)], output=folder)

    assert len(json.loads((folder / "predictions.json").read_text())) == 26
