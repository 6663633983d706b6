"""Classified image files: the best classes of each, and sheets of small pictures under their classes."""

import csv
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageOps
from rich.progress import track

from classification.classifier import Classifier, ClassPrediction
from classification.labelled import Pixels
from lumbar.data.draw import Picture, contact_sheet, side_by_side
from lumbar.files import atomic_write
from lumbar.tasks.images import find_images
from lumbar.training.checkpoint import write_json

_log = logging.getLogger(__name__)

_TOP = 5
_COLUMNS, _ROWS = 6, 4
_SHEET = _COLUMNS * _ROWS
_EDGE = 240
"""Of a small picture, in pixels."""


def predict_files(source: str, patterns: Sequence[str], *, output: Path) -> None:
    """Classifies image files.

    Writes into `output`: the five best classes of each image with their scores, `predictions.json` and
    `predictions.csv`; and `drawn/`, sheets of 24 images in the order of the files, each under its class.

    Args:
        source: Weights, as for `Classifier.load`.
        patterns: Files, folders, or globs.
        output: Folder of the results.

    Raises:
        ValueError: Weights or images are missing or cannot be read.
    """
    drawn = output / "drawn"
    files = find_images(patterns, outside=[drawn])
    classifier = Classifier.load(source, device="cuda" if torch.cuda.is_available() else "cpu")
    rows = []
    sheets = [files[start : start + _SHEET] for start in range(0, len(files), _SHEET)]
    for number, group in enumerate(track(sheets, description="predict"), start=1):
        images = [classifier.read(file) for file in group]
        predictions = classifier.predict(images)
        rows += [_row(*pair) for pair in zip(group, predictions, strict=True)]
        _draw(images, predictions, drawn / f"sheet_{number}.jpg")
    write_json(output / "predictions.json", rows)
    _write_csv(output / "predictions.csv", rows)
    _log.info("%d images", len(files))
    _log.info("classes   %s", output / "predictions.csv")
    _log.info("pictures  %s", drawn)


def _row(file: Path, prediction: ClassPrediction) -> dict[str, Any]:
    best = [{"class": name, "score": score} for name, score in prediction.top(_TOP)]
    return {"file_name": str(file), "top": best}


def _write_csv(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    with atomic_write(path) as partial, partial.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("file_name", "rank", "class", "score"))
        for row in rows:
            for rank, best in enumerate(row["top"], start=1):
                writer.writerow((row["file_name"], rank, best["class"], best["score"]))


def _draw(images: Sequence[Pixels], predictions: Sequence[ClassPrediction], path: Path) -> None:
    cells = [
        side_by_side({f"{found.name} {found.scores[found.label]:.2f}": _small(image)})
        for image, found in zip(images, predictions, strict=True)
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(contact_sheet(cells, columns=_COLUMNS)).save(path, quality=92)


def _small(image: Pixels) -> Picture:
    """The whole image at the top of a white square."""
    height, width, _ = image.shape
    canvas = Image.fromarray(np.broadcast_to(image, (height, width, 3)))
    square = (_EDGE, _EDGE)
    padded = ImageOps.pad(canvas, square, Image.Resampling.BICUBIC, "white", centering=(0.5, 0))
    return np.array(padded)
