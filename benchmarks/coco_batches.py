"""The same ground truth and results as a validation has them: records of a split, and batches of tensors."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.coco_results import HEIGHT, WIDTH, CocoFiles
from lumbar.data.categories import Categories
from lumbar.data.records import Annotations, BoxTable, ImageTable, Records
from lumbar.ops.structures import Detections, Images

_BATCH = 16


def as_records(files: CocoFiles) -> Records:
    """The ground truth, whose ids are 1, 2, 3, ..., as the data set of a validation has it."""
    images, objects, categories = (files.truth[k] for k in ("images", "annotations", "categories"))
    owners, labels, boxes, areas = (
        np.array([row[key] for row in objects])
        for key in ("image_id", "category_id", "bbox", "area")
    )
    annotations = Annotations.build(
        ImageTable(
            names=np.array([f"{row['id']}.jpg" for row in images]),
            ids=np.array([row["id"] for row in images]),
            sizes=np.tile((HEIGHT, WIDTH), (len(images), 1)),
        ),
        BoxTable(owners - 1, boxes, labels - 1, np.zeros(len(objects), dtype=bool), areas),
        categories=Categories(
            names=tuple(row["name"] for row in categories),
            ids=tuple(row["id"] for row in categories),
        ),
        repairs={},
    )
    return Records.whole(annotations, Path(), source="made-up results")


def as_batches(files: CocoFiles) -> list[tuple[Detections, Images, Tensor]]:
    """The results as a model gives them, image after image: arguments of `CocoAP.update`."""
    rows = sorted(files.results, key=lambda row: row["image_id"])
    owners = np.array([row["image_id"] for row in rows]) - 1
    counts = np.bincount(owners, minlength=len(files.truth["images"]))
    valid = torch.from_numpy(np.arange(counts.max()) < counts[:, None])
    fields = (
        _padded([row["bbox"] for row in rows], valid),
        _padded([row["score"] for row in rows], valid),
        _padded([row["category_id"] - 1 for row in rows], valid),
        valid,
    )
    fields[0][..., 2:] += fields[0][..., :2]
    image_ids = torch.arange(1, len(valid) + 1).split(_BATCH)
    return [
        (Detections(*parts), _images(len(ids)), ids)
        for *parts, ids in zip(*(field.split(_BATCH) for field in fields), image_ids, strict=True)
    ]


def _padded(column: list[Any], valid: Tensor) -> Tensor:
    """(V, D) or (V, D, 4) of n values, of which each image has its own; zeros where not valid."""
    values = torch.from_numpy(np.array(column))
    padded = torch.zeros(*valid.shape, *values.shape[1:], dtype=values.dtype)
    padded[valid] = values
    return padded


def _images(count: int) -> Images:
    """As many images, which were not resized; nobody looks at their pixels."""
    sizes = torch.tensor([[HEIGHT, WIDTH]]).expand(count, 2)
    return Images(torch.zeros(count, 3, 1, 1), sizes, sizes)
