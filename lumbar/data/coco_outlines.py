"""Masks of classes from COCO's outlines of objects, as torchvision's training scripts draw Pascal VOC's classes.

Pixels of one object have its class, those of several objects count nowhere, and all others are background.
"""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lumbar.data.coco import (
    Rows,
    categories_of,
    images_of,
    load_document,
    places_of,
    rows_of,
)
from lumbar.data.coco_masks import decode_mask, read_mask
from lumbar.data.mask_records import MaskRecords, Masks
from lumbar.data.pixel_classes import IGNORE, PixelClasses, default_colours
from lumbar.data.sizes import Size

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class OutlineMasks(Masks):
    """The outlines of M objects, sorted by image, as the file has them: they are checked when they are drawn."""

    file: Path
    """Where they were read."""
    rows: NDArray[np.int64]
    """(N + 1,) first object of each image, and the end."""
    categories: NDArray[np.int64]
    """(M,) category ids."""
    places: NDArray[np.int64]
    """(M,) in the list `annotations`, for messages."""
    text: NDArray[np.uint8]
    """Outlines as JSON, one after the other."""
    starts: NDArray[np.int64]
    """(M + 1,) where each of them begins, and the end."""

    def read(self, place: int, size: Size, classes: PixelClasses) -> NDArray[np.uint8]:
        """Draws the objects of an image to (H, W)."""
        labels = np.full(size, classes.unlisted, dtype=np.uint8)
        taken = np.zeros(size, dtype=np.bool_)
        shared = np.zeros(size, dtype=np.bool_)
        known = classes.by_number
        for row in range(*self.rows[place : place + 2]):
            drawn = self._draw(row, size)
            labels[drawn] = known[int(self.categories[row])]
            shared |= taken & drawn
            taken |= drawn
        labels[shared] = IGNORE
        return labels

    def files(self, place: int) -> list[Path]:
        """The file of all masks."""
        return [self.file]

    def _draw(self, row: int, size: Size) -> NDArray[np.bool_]:
        text = self.text[slice(*self.starts[row : row + 2])].tobytes()
        try:
            return decode_mask(read_mask(json.loads(text), size))
        except ValueError as error:
            raise ValueError(f"{self.file}: annotations[{self.places[row]}]: {error}") from error


class _Objects(NamedTuple):
    """The M objects of classes, sorted by image."""

    places: NDArray[np.int64]
    owners: NDArray[np.int64]
    categories: NDArray[np.int64]


def read_coco_outlines(
    annotations: Path,
    images: Path,
    *,
    classes: PixelClasses | None,
    min_area: float,
    name: str,
) -> MaskRecords:
    """Reads a COCO instances file; objects of other categories than the classes are left out, and crowds are objects.

    Annotations of images that are not listed are left out, too, which is logged.

    Args:
        annotations: The JSON file.
        images: Folder of the images.
        classes: Their numbers are category ids; None takes a background and all categories.
        min_area: Images whose objects have no larger area together, in pixels, are left out; 0 keeps all.
        name: Of the split, for messages.

    Raises:
        ValueError: The file is not JSON or not COCO, ids do not fit together, or image names leave the folder.
    """
    try:
        document = load_document(annotations, _with_text)
        classes = classes or _all_categories(rows_of(document, "categories"))
        table = images_of(rows_of(document, "images"), images)
        rows = rows_of(document, "annotations")
        objects = _objects(rows, table.ids, classes, f"data.{name} ({annotations})")
        areas = _areas(rows, objects, len(table.ids))
    except ValueError as error:
        raise ValueError(f"{annotations}: {error}") from error
    masks = _outlines(annotations, rows, objects, len(table.ids))
    records = MaskRecords.whole(table, images, masks=masks, classes=classes)
    return records.where(areas > min_area) if min_area else records


def _with_text(row: dict[str, Any]) -> dict[str, Any]:
    """Turns outlines back into text while the file is read: as objects of Python they take the most memory by far."""
    if "segmentation" in row:
        row["segmentation"] = json.dumps(row["segmentation"]).encode()
    return row


def _all_categories(rows: Rows) -> PixelClasses:
    categories = categories_of(rows)
    numbers = dict(zip(categories.names, categories.ids, strict=True))
    names = tuple(dict.fromkeys(("background", *numbers)))
    values = tuple((numbers[name],) if name in numbers else () for name in names)
    return PixelClasses(names, values, default_colours(names))


def _objects(
    rows: Rows, image_ids: NDArray[np.int64], classes: PixelClasses, source: str
) -> _Objects:
    numbers = [*classes.by_number]
    owners = places_of(rows, "image_id", image_ids.tolist())
    labels = places_of(rows, "category_id", numbers)
    lost = int((owners < 0).sum())
    if lost:
        _log.warning("%s: annotations of images that are not listed: left out (%d)", source, lost)
    places = np.flatnonzero((owners >= 0) & (labels >= 0))
    places = places[np.argsort(owners[places], kind="stable")]
    return _Objects(places, owners[places], np.array(numbers)[labels[places]])


def _areas(rows: Rows, objects: _Objects, num_images: int) -> NDArray[np.float64]:
    """(N,) the areas that the file states, added up."""
    sums = np.zeros(num_images)
    np.add.at(sums, objects.owners, [_area(rows[place], place) for place in objects.places])
    return sums


def _area(row: Mapping[str, Any], place: int) -> float:
    area = row.get("area")
    if not isinstance(area, int | float):
        raise ValueError(
            f'annotations[{place}] (counted from 0): "area" must be a number, got {area!r:.60}'
        )
    return float(area)


def _outlines(file: Path, rows: Rows, objects: _Objects, num_images: int) -> OutlineMasks:
    texts = [rows[place].get("segmentation", b"null") for place in objects.places]
    starts = np.cumsum([0, *map(len, texts)])
    return OutlineMasks(
        file=file,
        rows=np.searchsorted(objects.owners, np.arange(num_images + 1)),
        categories=objects.categories,
        places=objects.places,
        text=np.frombuffer(b"".join(texts), dtype=np.uint8),
        starts=starts,
    )
