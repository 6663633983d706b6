"""Detections of files as a COCO results file, and drawn into the images."""

import logging
from collections.abc import Sequence
from glob import glob
from itertools import chain, count
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from rich.progress import track

from detection.detector import Detector, Prediction
from lumbar.data.draw import draw_boxes
from lumbar.data.image_io import is_image_file, list_images
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
    files = find_images(patterns, outside=output / "drawn")
    detector = Detector.load(source, device="cuda" if torch.cuda.is_available() else "cpu")
    results = []
    drawn_names = _drawn_names(files)
    for number, file in enumerate(track(files, description="predict"), start=1):
        image = detector.read(file)
        prediction = detector.predict([image], score=score)[0]
        results += _results(prediction, number, file)
        _draw(image, prediction, detector, output / "drawn" / drawn_names[number - 1])
    write_json(output / "predictions.json", results)
    _log.info("%d objects in %d images", len(results), len(files))
    _log.info("boxes     %s", output / "predictions.json")
    _log.info("pictures  %s", output / "drawn")


def find_images(patterns: Sequence[str], *, outside: Path) -> list[Path]:
    """Finds the images that files, folders and globs stand for.

    Args:
        patterns: As on the command line.
        outside: Folder whose files are left out: earlier drawings.

    Returns:
        The files in order, each once.

    Raises:
        ValueError: If a pattern matches no image.
    """
    found: dict[Path, None] = {}
    for pattern in patterns:
        matches = [path for path in _matches(pattern) if outside not in path.parents]
        if not matches:
            raise ValueError(f"{pattern}: no image there (a file, a folder of images, or a glob)")
        found.update(dict.fromkeys(matches))
    return list(found)


def _matches(pattern: str) -> list[Path]:
    path = Path(pattern)
    if path.is_dir():
        return [path / name for name in list_images(path)]
    if path.is_file():
        return [path]
    paths = map(Path, sorted(glob(pattern)))  # noqa: PTH207 - absolute patterns too
    return [match for match in paths if is_image_file(match)]


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


def _drawn_names(files: Sequence[Path]) -> list[str]:
    """A file name for each drawing; files of the same name in different folders are numbered."""
    names: dict[str, None] = {}
    for file in files:
        numbered = (f"{file.stem}-{number}.jpg" for number in count(2))
        free = (name for name in chain([f"{file.stem}.jpg"], numbered) if name not in names)
        names[next(free)] = None
    return list(names)


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
