"""Ground truth and results as columns: lists of rows take far longer, to compute and from process to process."""

import logging
from collections.abc import Sequence
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from lumbar.data.categories import Categories
from lumbar.data.records import Records
from lumbar.ops.structures import Detections

_log = logging.getLogger(__name__)


class Truth(NamedTuple):
    """Ground truth: M objects in V images."""

    images: NDArray[np.int64]
    """(M,) image 0..V-1, in the order of their ids."""
    labels: NDArray[np.int64]
    """(M,) class 0..K-1."""
    shapes: NDArray[Any]
    """(M, 4) boxes x, y, width, height in pixels, or (M,) of `Mask`."""
    areas: NDArray[np.float64]
    """(M,) pixels^2."""
    crowd: NDArray[np.bool_]
    """(M,)."""
    num_images: int
    categories: Categories
    """The K classes."""


class Results(NamedTuple):
    """Boxes or masks that were found, n in any order; of equal scores in an image, the first counts as the better."""

    images: NDArray[np.int64]
    """(n,) as in the ground truth."""
    labels: NDArray[np.int64]
    """(n,) as in the ground truth."""
    shapes: NDArray[Any]
    """(n, 4) boxes x, y, width, height in pixels, or (n,) of `Mask`."""
    areas: NDArray[np.float64]
    """(n,) pixels^2."""
    scores: NDArray[np.float64]
    """(n,)."""

    def at(self, places: NDArray[Any]) -> Self:
        """Takes the results at these places, in this order, or where a mask (n,) is set."""
        return type(self)(*(column[places] for column in self))

    def keep(self, usable: NDArray[np.bool_]) -> Self:
        """Leaves out what is not usable (n,), with a warning that counts it."""
        if usable.all():
            return self
        _log.warning(
            "%d of %d results are left out: score or box is not finite, or width or height is negative",
            len(usable) - usable.sum(),
            len(usable),
        )
        return self.at(usable)

    @classmethod
    def of_boxes(
        cls,
        images: NDArray[np.int64],
        labels: NDArray[np.int64],
        boxes: NDArray[np.float64],
        scores: NDArray[np.float64],
    ) -> Self:
        """Takes boxes; those that can match nothing are left out with a warning.

        These are boxes of which a number or the score is not finite, or the width or height is negative.

        Args:
            images: (n,).
            labels: (n,).
            boxes: (n, 4).
            scores: (n,).
        """
        width, height = boxes[:, 2], boxes[:, 3]
        usable = np.isfinite(scores) & np.isfinite(boxes).all(axis=1) & (width >= 0) & (height >= 0)
        areas = np.multiply(width, height, out=np.zeros(len(boxes)), where=usable)
        return cls(images, labels, boxes, areas, scores).keep(usable)


class Found(NamedTuple):
    """Detections, n in all, in V images that were looked at."""

    image_ids: NDArray[np.int64]
    """(V,) ids of the images in the order in which they came, some perhaps twice."""
    owners: NDArray[np.int64]
    """(n,) place of the detection's image in `image_ids`."""
    boxes: NDArray[np.float64]
    """(n, 4) x, y, width, height in pixels of the file."""
    scores: NDArray[np.float64]
    """(n,)."""
    labels: NDArray[np.int64]
    """(n,) class 0..K-1."""


NOTHING_FOUND = Found(
    image_ids=np.zeros(0, dtype=np.int64),
    owners=np.zeros(0, dtype=np.int64),
    boxes=np.zeros((0, 4)),
    scores=np.zeros(0),
    labels=np.zeros(0, dtype=np.int64),
)
"""No image was looked at."""


def pack(detections: Detections, image_ids: Tensor) -> Found:
    """Packs the detections of a batch, without its padding.

    Args:
        detections: (B, D), pixels of the files.
        image_ids: (B,) int64.
    """
    boxes, scores, labels, valid = (field.cpu().numpy() for field in detections)
    owners, places = np.nonzero(valid)
    corners = boxes[owners, places].astype(np.float64)
    return Found(
        image_ids=image_ids.cpu().numpy(),
        owners=owners,
        boxes=np.concatenate((corners[:, :2], corners[:, 2:] - corners[:, :2]), axis=1),
        scores=scores[owners, places].astype(np.float64),
        labels=labels[owners, places],
    )


def join(parts: Sequence[Found]) -> Found:
    """Joins at least one part, in this order."""
    starts = np.cumsum([0, *(len(part.image_ids) for part in parts)])
    moved = [
        part._replace(owners=part.owners + start)
        for part, start in zip(parts, starts[:-1], strict=True)
    ]
    return Found(*map(np.concatenate, zip(*moved, strict=True)))


def settle(found: Found) -> Found:
    """Sorts images by id with their detections, and of one that came several times keeps the first time."""
    image_ids, firsts, visits = np.unique(found.image_ids, return_index=True, return_inverse=True)
    owners = visits[found.owners]
    rows = np.flatnonzero(firsts[owners] == found.owners)
    rows = rows[np.argsort(owners[rows], kind="stable")]
    return Found(
        image_ids=image_ids,
        owners=owners[rows],
        boxes=found.boxes[rows],
        scores=found.scores[rows],
        labels=found.labels[rows],
    )


def to_results(found: Found, categories: Categories) -> list[dict[str, Any]]:
    """Unpacks detections into the rows of a COCO results file, with its original category ids.

    Rows are in the order of image ids; of an image that came several times, only the first time counts.
    """
    image_ids, owners, boxes, scores, labels = settle(found)
    category_ids = np.array(categories.ids, dtype=np.int64)[labels]
    columns = (image_ids[owners], category_ids, boxes, scores)
    return [
        {"image_id": image_id, "category_id": category_id, "bbox": box, "score": score}
        for image_id, category_id, box, score in zip(*(c.tolist() for c in columns), strict=True)
    ]


def to_columns(found: Found, records: Records) -> tuple[Truth, Results]:
    """Turns the objects of a split, and what was found in its images, into columns.

    Of an image that came several times, only the first time counts.

    Raises:
        ValueError: An image is not of the split.
    """
    found = settle(found)
    image_ids = np.sort(records.image_ids)
    strange = np.setdiff1d(found.image_ids, image_ids)
    if len(strange):
        raise ValueError(
            f"{len(strange)} images are not of this split, the first has id {strange[0]}"
        )
    places = np.searchsorted(image_ids, found.image_ids)
    results = Results.of_boxes(places[found.owners], found.labels, found.boxes, found.scores)
    return _truth_of(records), results


def spans(starts: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Joins the ranges of whole numbers that begin at (n,) `starts` and have (n,) `lengths`."""
    moves = starts - np.cumsum(lengths) + lengths
    return np.repeat(moves, lengths) + np.arange(lengths.sum())


def _truth_of(records: Records) -> Truth:
    """The objects of a split, with boxes as they were annotated."""
    images = records.annotations.images[records.chosen[np.argsort(records.image_ids)]]
    starts, ends = images["rows"].T
    objects = records.annotations.objects[spans(starts, ends - starts)]
    return Truth(
        images=np.repeat(np.arange(len(images)), ends - starts),
        labels=records.numbers[objects["label"]],
        shapes=objects["box"],
        areas=objects["area"],
        crowd=objects["crowd"],
        num_images=len(images),
        categories=records.categories,
    )
