"""The FROC of a file of detections, of each class."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lumbar.data.coco import Rows, categories_of, load_document, places_of, rows_of
from lumbar.data.faults import refuse
from medical.scores.froc import RATES, Detections, Froc, froc


@dataclass(frozen=True)
class FrocScores:
    """The curves of a file of detections."""

    classes: Mapping[str, Froc]
    """Of each class."""
    patients: int
    """Over whom intervals are; images where nobody says whose they are."""
    overlap: float
    """IoU above which a box finds a lesion."""

    def to_dict(self) -> dict[str, Any]:
        """Returns all but the curves ready for JSON."""
        return {
            "overlap": self.overlap,
            "patients": self.patients,
            "classes": {name: curve.to_dict() for name, curve in self.classes.items()},
        }

    def table(self) -> str:
        """Renders the sensitivities for a terminal."""
        width = max(map(len, ("class", *self.classes)))
        rates = "".join(f"{_rate(rate):>7}" for rate in RATES)
        images = next((curve.images for curve in self.classes.values()), 0)
        rule = f"a box finds a lesion where their IoU is above {self.overlap:g}"
        lines = [
            f"sensitivity at so many false positives an image, in {images} images, and the mean of these",
            f"{rule}; 95 % interval over {self.patients} patients",
            f"{'class':{width}} lesions{rates}   mean",
        ]
        for name, curve in self.classes.items():
            found = "".join(f"{_shown(curve.at[rate].value):>7}" for rate in RATES)
            ends = f"({_shown(curve.mean.low)} to {_shown(curve.mean.high)})"
            mean = f"{_shown(curve.mean.value):>7} {ends}"
            lines.append(f"{name:{width}} {curve.lesions:>7}{found}{mean}")
        return "\n".join(lines)


def froc_of_files(detections: Path, annotations: Path, *, overlap: float = 0.1) -> FrocScores:
    """Draws the FROC curve of each class of a file of detections.

    Args:
        detections: COCO results, a list of `{"image_id", "category_id", "bbox": [x, y, w, h], "score"}`.
        annotations: The truth as COCO JSON; crowds are no lesions. Where images have the key `patient`, as those of
            `medical.py boxes`, intervals are over patients, else over images.
        overlap: IoU above which a box finds a lesion.

    Returns:
        The curves.

    Raises:
        ValueError: A file is missing or is something else, or detections are of unknown images or classes.
    """
    try:
        document = load_document(annotations, _without_outline)
        images, rows = rows_of(document, "images"), rows_of(document, "annotations")
        refuse(
            [f"{image!r:.160}" for image in images if not isinstance(image.get("id"), int)],
            what="images without a number as id",
        )
        categories = categories_of(rows_of(document, "categories"))
        true = _Boxes.of([row for row in rows if not row.get("iscrowd")], images, categories.ids)
    except ValueError as error:
        raise ValueError(f"{annotations}: {error}") from error
    try:
        found = _Boxes.of(_results(detections), images, categories.ids)
    except ValueError as error:
        raise ValueError(f"{detections}: {error}") from error
    owners = [row.get("patient", row["id"]) for row in images]
    curves = {
        name: froc(_per_image(found.of_class(k), true.of_class(k), owners), overlap=overlap)
        for k, name in enumerate(categories.names)
    }
    return FrocScores(curves, len({*map(str, owners)}), overlap)


class _Boxes(NamedTuple):
    """Boxes of all images: n of them."""

    corners: NDArray[np.float64]
    """(n, 4) xyxy."""
    scores: NDArray[np.float64]
    """(n,); 1 where there is none."""
    images: NDArray[np.int64]
    """(n,) index of the image."""
    labels: NDArray[np.int64]
    """(n,) index of the class."""

    @classmethod
    def of(cls, rows: Rows, images: Rows, categories: Sequence[int]) -> "_Boxes":
        """From rows of a COCO file.

        Raises:
            ValueError: A row lacks something, or points to nothing.
        """
        owners = places_of(rows, "image_id", [image["id"] for image in images])
        labels = places_of(rows, "category_id", categories)
        wrong = [
            f"{row!r:.160}"
            for row, owner, label in zip(rows, owners, labels, strict=True)
            if min(owner, label) < 0 or not _is_sound(row)
        ]
        refuse(
            wrong,
            what="rows without a box [x, y, w, h] of finite numbers, or of an image or a category that is not listed",
            fix="give detections and annotations of the same images and categories",
        )
        corners = np.array([row["bbox"] for row in rows], np.float64).reshape(-1, 4)
        corners[:, 2:] += corners[:, :2]
        scores = np.array([row.get("score", 1.0) for row in rows], np.float64)
        return cls(corners, scores, owners, labels)

    def of_class(self, label: int) -> "_Boxes":
        """Those of one class."""
        return _Boxes(*(field[self.labels == label] for field in self))


def _results(path: Path) -> Rows:
    document = load_document(path, _without_outline)
    if not isinstance(document, list) or not all(isinstance(row, dict) for row in document):
        raise ValueError('no COCO results, a list of {"image_id", "category_id", "bbox", "score"}')
    refuse(
        [f"{row!r:.160}" for row in document if not _is_number(row.get("score"))],
        what="detections without a score",
    )
    return document


def _without_outline(row: dict[str, Any]) -> dict[str, Any]:
    row.pop("segmentation", None)
    return row


def _per_image(found: _Boxes, true: _Boxes, owners: Sequence[int | str]) -> list[Detections]:
    places = range(len(owners) + 1)
    order, lesion_order = (np.argsort(part.images, kind="stable") for part in (found, true))
    starts, lesion_starts = (
        np.searchsorted(part.images[by], places)
        for part, by in ((found, order), (true, lesion_order))
    )
    own = (
        (order[starts[k] : starts[k + 1]], lesion_order[lesion_starts[k] : lesion_starts[k + 1]])
        for k in range(len(owners))
    )
    return [
        Detections(found.corners[n], found.scores[n], true.corners[m], owner)
        for (n, m), owner in zip(own, owners, strict=True)
    ]


def _is_sound(row: Mapping[str, Any]) -> bool:
    box = row.get("bbox")
    whole = isinstance(box, list) and len(box) == 4 and all(map(_is_number, box))
    return whole and min(box[2:]) >= 0  # type: ignore[index]


def _is_number(value: Any) -> bool:
    # Infinity, which JSON may hold, and NaN fail the comparison; true is no number.
    return type(value) in (int, float) and abs(value) < math.inf


def _rate(rate: float) -> str:
    return f"1/{round(1 / rate)}" if rate < 1 else f"{rate:g}"


def _shown(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.3f}"
