"""Made-up results of the size of COCO's validation: ground truth, and detections some of which are right."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

CLASSES = 80
OBJECTS = 7.27
"""Of an image, on average: 36 thousand in five thousand."""
DETECTIONS = 100
WIDTH, HEIGHT = 640, 480
_FOUND, _MOVED = 0.8, 0.1


class CocoFiles(NamedTuple):
    """What the two files hold."""

    truth: dict[str, Any]
    results: list[dict[str, Any]]


def make_results(images: int) -> CocoFiles:
    """Ground truth of so many images, and a hundred detections for each.

    Most objects are found, with boxes a tenth off; all other detections lie anywhere. No two scores are equal.
    """
    rng = np.random.default_rng(0)
    owners = np.sort(rng.integers(images, size=round(images * OBJECTS)))
    boxes = _boxes(rng, len(owners))
    classes = rng.integers(CLASSES, size=len(owners))
    found = np.flatnonzero(rng.random(len(owners)) < _FOUND)
    moved = boxes[found] * (1 + _MOVED * rng.standard_normal((len(found), 4)))
    made_up = DETECTIONS * images - len(found)
    detections = zip(
        np.concatenate([owners[found], rng.integers(images, size=made_up)]).tolist(),
        np.concatenate([classes[found], rng.integers(CLASSES, size=made_up)]).tolist(),
        np.concatenate([moved, _boxes(rng, made_up)]).round(2).tolist(),
        rng.permutation(DETECTIONS * images).tolist(),
        strict=True,
    )
    results = [
        {
            "image_id": i + 1,
            "category_id": k + 1,
            "bbox": box,
            "score": (rank + 1) / DETECTIONS / images,
        }
        for i, k, box, rank in detections
    ]
    objects = enumerate(
        zip(owners.tolist(), classes.tolist(), boxes.round(2).tolist(), strict=True)
    )
    annotations = [
        {
            "id": number + 1,
            "image_id": i + 1,
            "category_id": k + 1,
            "bbox": box,
            "area": box[2] * box[3],
            "iscrowd": 0,
        }
        for number, (i, k, box) in objects
    ]
    pictures = [{"id": i + 1, "width": WIDTH, "height": HEIGHT} for i in range(images)]
    categories = [{"id": k + 1, "name": f"class {k}"} for k in range(CLASSES)]
    return CocoFiles(
        {"images": pictures, "annotations": annotations, "categories": categories}, results
    )


def _boxes(rng: np.random.Generator, count: int) -> NDArray[np.float64]:
    """(count, 4) x, y, width, height in pixels."""
    extents = np.exp(rng.normal(4, 1, (count, 2))).clip(4, (WIDTH / 2, HEIGHT / 2))
    return np.concatenate([rng.random((count, 2)) * ((WIDTH, HEIGHT) - extents), extents], 1)
