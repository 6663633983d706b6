"""Detections of files as a COCO results file, and drawn into the images."""

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from rich.progress import track

from detection.detector import Detector, Prediction
from lumbar.data.draw import draw_boxes
from lumbar.tasks.images import find_images, names_for
from lumbar.training.checkpoint import write_json

_log = logging.getLogger(__name__)


def predict_files(source: str, patterns: Sequence[str], *, output: Path, score: float) -> None:
    """Detects objects in image files.

    Writes `predictions.json` (COCO results, with `file_name` beside `image_id`, which counts the files from 1) and one
    drawn image for each file, in `drawn/`, into `output`.

    Args:
        source: Weights, as for `Detector.load`.
        patterns: Files, folders, or globs.
        output: Folder of the results.
        score: Lowest score.

    Raises:
        ValueError: If weights or images are missing or cannot be read.
    """
    drawn = output / "drawn"
    files = find_images(patterns, outside=[drawn])
    detector = Detector.load(source, device="cuda" if torch.cuda.is_available() else "cpu")
    results = []
    named = zip(files, names_for(files), strict=True)
    for number, (file, name) in enumerate(track([*named], description="predict"), start=1):
        image = detector.read(file)
        prediction = detector.predict([image], score=score)[0]
        results += _results(prediction, number, file)
        _draw(image, prediction, detector, drawn / f"{name}.jpg")
    write_json(output / "predictions.json", results)
    _log.info("%d objects in %d images", len(results), len(files))
    _log.info("boxes     %s", output / "predictions.json")
    _log.info("pictures  %s", drawn)


def _results(prediction: Prediction, number: int, file: Path) -> list[dict[str, object]]:
    columns = zip(
        prediction.boxes.tolist(),
        prediction.scores.tolist(),
        prediction.category_ids,
        prediction.names,
        strict=True,
    )
    return [
        {
            "image_id": number,
            "file_name": str(file),
            "category_id": category,
            "category_name": name,
            "bbox": [x1, y1, x2 - x1, y2 - y1],
            "score": score,
        }
        for (x1, y1, x2, y2), score, category, name in columns
    ]


def _draw(image: NDArray[np.uint8], prediction: Prediction, detector: Detector, path: Path) -> None:
    picture = draw_boxes(
        image,
        prediction.boxes,
        prediction.labels,
        detector.categories.names,
        scores=prediction.scores,
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture).save(path, quality=92)
