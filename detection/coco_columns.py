"""Detections as packed columns: lists of rows take far longer from process to process."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from lumbar.data.categories import Categories
from lumbar.ops.structures import Detections


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


def to_results(found: Found, categories: Categories) -> list[dict[str, Any]]:
    """Unpacks detections into the rows of a COCO results file, with its original category ids.

    Rows are in the order of image ids; of an image that came several times, only the first time counts.
    """
    _, first_visits = np.unique(found.image_ids, return_index=True)
    rows = np.flatnonzero(np.isin(found.owners, first_visits))
    rows = rows[np.argsort(found.image_ids[found.owners[rows]], kind="stable")]
    category_ids = np.array(categories.ids, dtype=np.int64)[found.labels[rows]]
    columns = (
        found.image_ids[found.owners[rows]],
        category_ids,
        found.boxes[rows],
        found.scores[rows],
    )
    return [
        {"image_id": image_id, "category_id": category_id, "bbox": box, "score": score}
        for image_id, category_id, box, score in zip(*(c.tolist() for c in columns), strict=True)
    ]
