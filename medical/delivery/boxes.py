"""Lesions as boxes: from masks to what `tools/train_det.py` trains on; `froc_of_files` scores what it then finds."""

import json
import logging
import sys
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from rich.console import Console
from rich.progress import track

from lumbar.data.faults import refuse
from lumbar.data.pixel_classes import PixelClasses
from lumbar.files import atomic_write
from medical.learning.folds import make_folds
from medical.scans.intensity import Intensity
from medical.scans.read import read_volume
from medical.scans.volume import Volume
from medical.scores.detections import froc_of_files
from medical.scores.regions import Regions, find_regions
from medical.study.cases import Case, Study, find_study
from medical.study.config import MedicalConfig
from medical.study.facts import CaseFacts, survey
from medical.study.proposal import Resolved, resolve
from medical.study.truth import Marks, read_marks

__all__ = ["BoxFiles", "boxes", "froc_of_files"]

_log = logging.getLogger(__name__)

Row = dict[str, Any]

_VAL_FOLD = 0
_QUANTILES = (0.05, 0.275, 0.5, 0.725, 0.95)
"""Of the boxes, one for each level of the pyramid."""
_WANTED_ACROSS = 32
"""Pixels: the smallest anchors of detectors for photos."""
_SHORTEST, _LARGEST_ZOOM, _LONGEST = 256, 3.0, 1024


class BoxFiles(NamedTuple):
    """What was written."""

    train: Path
    """COCO JSON of the patients to learn from."""
    val: Path
    """COCO JSON of those that the first fold of `fit` holds out, too."""
    config: Path
    """For `tools/train_det.py`."""


def boxes(config: MedicalConfig, *, output: Path) -> BoxFiles:
    """Writes each lesion as a box, and each slice as an image.

    A lesion is a connected region of a class in a slice (pixels that touch, at corners too); of a class that is `any`
    number, each number is one. Void pixels are in no box. Slices are PNG images of 8 bits, their intensities as `fit`
    shows them to its networks, in the file's own pixels; of scans with more than three channels the first three are
    kept as red, green and blue, of those with two the first.

    Names of files are the aliases of cases; nothing that is written names a patient.

    Args:
        config: Of the study.
        output: Folder for `images`, `train.json`, `val.json` and `detector.yaml`; it must be new or empty.

    Returns:
        The files.

    Raises:
        ValueError: The folder is in use, the study has one patient or no lesion, or a case cannot be used.
    """
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise ValueError(f"{output} is in use: empty it, or name a new folder")
    study = find_study(config)
    facts = _facts(study, config)
    resolved = resolve(config, facts)
    fold_of = make_folds(
        [case.patient for case in study.cases],
        np.array([case.voxels[1:] for case in facts], np.float64),
        folds=config.folds,
        seed=config.seed,
    )
    if not any(
        any(case.voxels[1:]) for case, fold in zip(facts, fold_of, strict=True) if fold != _VAL_FOLD
    ):
        raise ValueError(f"data: {config.data}: no lesion in the masks of the training patients")
    files = BoxFiles(*(output / name for name in ("train.json", "val.json", "detector.yaml")))
    writer = _Writer(study.classes, resolved, output / "images")
    train, val = _Split([], []), _Split([], [])
    rows = zip(study.cases, fold_of.tolist(), strict=True)
    for case, fold in _tracked(list(rows)):
        writer.add(case, val if fold == _VAL_FOLD else train)
    for path, split in ((files.train, train), (files.val, val)):
        _write(path, json.dumps(split.document(study.classes), separators=(",", ":")) + "\n")
    _write(files.config, _detector(files, train))
    for name, split in (("train", train), ("val", val)):
        _log.info("%-9s %d images, %d boxes", name, len(split.images), len(split.annotations))
    _log.info("config    %s", files.config)
    return files


class _Split(NamedTuple):
    images: list[Row]
    annotations: list[Row]

    def document(self, classes: PixelClasses) -> Row:
        categories = [{"id": k, "name": classes.names[k]} for k in range(1, len(classes))]
        return {
            "images": self.images,
            "annotations": self.annotations,
            "categories": categories,
        }


class _Writer:
    """Writes the slices of cases, and numbers them and their boxes through."""

    def __init__(self, classes: PixelClasses, resolved: Resolved, folder: Path) -> None:
        self._classes = classes
        self._preprocess = resolved.preprocess
        self._folder = folder
        self._image_ids, self._box_ids = count(1), count(1)
        folder.mkdir(parents=True)

    def add(self, case: Case, split: _Split) -> None:
        """Writes one case."""
        volume = read_volume(case.images, plane=self._preprocess.plane)
        marks = read_marks(case, volume, self._classes)
        pictures = _pictures(volume, self._preprocess.intensity)
        for index, picture in enumerate(pictures):
            image_id = next(self._image_ids)
            name = f"{case.alias}.png" if len(pictures) == 1 else f"{case.alias}_{index:04}.png"
            with atomic_write(self._folder / name) as partial:
                Image.fromarray(picture).save(partial, format="PNG")
            split.images.append(
                {
                    "id": image_id,
                    "file_name": name,
                    "height": picture.shape[0],
                    "width": picture.shape[1],
                    "patient": case.alias.partition("-")[0],
                    "slice": index,
                }
            )
            split.annotations.extend(
                {"id": next(self._box_ids), "image_id": image_id, "iscrowd": 0, **box}
                for box in _boxes_of(marks, index, self._classes)
            )


def _pictures(volume: Volume, intensity: Intensity) -> NDArray[np.uint8]:
    """(D, H, W) grey or (D, H, W, 3) RGB."""
    kept = 3 if volume.pixels.shape[-1] >= 3 else 1
    ranged = intensity(volume.pixels[..., :kept]).round().astype(np.uint8)
    return ranged if kept == 3 else ranged[..., 0]


def _boxes_of(marks: Marks, index: int, classes: PixelClasses) -> Iterator[Row]:
    """The lesions of one slice."""
    labels, codes = marks.labels[index], marks.codes[index]
    for label in range(1, len(classes)):
        mask = labels == label
        if not mask.any():
            continue
        regions = _numbered(mask, codes) if "any" in classes.values[label] else find_regions(mask)
        for (rows, columns), area in zip(regions.boxes, regions.sizes.tolist(), strict=True):
            width, height = columns.stop - columns.start, rows.stop - rows.start
            yield {
                "category_id": label,
                "bbox": [columns.start, rows.start, width, height],
                "area": area,
            }


def _numbered(mask: NDArray[np.bool_], codes: NDArray[Any]) -> Regions:
    """The objects of a slice by their own numbers."""
    _, places, sizes = np.unique(codes[mask], return_inverse=True, return_counts=True)
    numbers = np.zeros(mask.shape, np.int32)
    numbers[mask] = places + 1
    return Regions(numbers, sizes)


def _detector(files: BoxFiles, train: _Split) -> str:
    """Settings of a detector whose anchors are as large as the boxes."""
    edges = np.array([min(image["height"], image["width"]) for image in train.images])
    across = np.sqrt([box["bbox"][2] * box["bbox"][3] for box in train.annotations])
    zoom = float(np.clip(_WANTED_ACROSS / np.median(across), 1, _LARGEST_ZOOM))
    short = int(np.clip(np.median(edges) * zoom, _SHORTEST, _LONGEST))
    scaled = np.quantile(across, _QUANTILES) * short / np.median(edges)
    sizes = [max(4, round(float(size))) for size in scaled]
    root = json.dumps(str(files.train.parent.absolute()))
    return f"""\
# python tools/train_det.py --config {files.config.absolute()}
# Hardware: meant for one GPU
# Result: not yet run
_base_: faster_rcnn_r50_bccd.yaml

model:
  anchors: {{sizes: {sizes}}}  # quantiles of the boxes after resizing

data:
  root: {root}
  train: {{images: images, annotations: {files.train.name}}}
  val: {{images: images, annotations: {files.val.name}}}
  test: {{images: "", annotations: ""}}
  resize: {{short: [{short}], test_short: {short}, long: {2 * short}}}
"""


def _facts(study: Study, config: MedicalConfig) -> tuple[CaseFacts, ...]:
    found = survey(study, config)
    refuse(
        [str(damage.error) for damage in found.damaged],
        what="cases that cannot be used",
        fix="medical.py check says more",
    )
    return found.facts


def _tracked(cases: Sequence[tuple[Case, int]]) -> Iterator[tuple[Case, int]]:
    yield from track(
        cases,
        f"writing {len(cases)} cases",
        console=Console(stderr=True),
        transient=True,
        disable=not sys.stderr.isatty(),
    )


def _write(path: Path, text: str) -> None:
    with atomic_write(path) as partial:
        partial.write_text(text, encoding="utf-8")
