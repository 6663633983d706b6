"""COCO panoptic segmentation: PNGs whose colours number segments, and a JSON file that says what those are."""

import reprlib
from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lumbar.data.coco import Rows, categories_of, images_of, load_document, places_of, rows_of
from lumbar.data.faults import refuse
from lumbar.data.image_io import resolve_inside
from lumbar.data.mask_io import mask_size, read_codes
from lumbar.data.mask_records import MaskRecords, Masks, check_size
from lumbar.data.pixel_classes import (
    IGNORE,
    Colour,
    PixelClasses,
    default_colours,
    shortened,
)
from lumbar.data.sizes import Size

_SEGMENT = np.dtype([("id", "i8"), ("category", "i8"), ("crowd", "?")], align=True)


@dataclass(frozen=True, kw_only=True)
class PanopticMasks(Masks):
    """A PNG for each image, and its segments of the M of all images."""

    root: Path
    names: NDArray[np.str_]
    """(N,) relative to the folder."""
    rows: NDArray[np.int64]
    """(N + 1,) first segment of each image, and the end."""
    segments: NDArray[np.void]
    """(M,) with `id`, `category` and `crowd`, sorted by id within an image."""

    def read(self, place: int, size: Size, classes: PixelClasses) -> NDArray[np.uint8]:
        """Decodes a PNG to (H, W); pixels of no segment, and those of crowds, are ignored."""
        [path] = self.files(place)
        check_size(path, mask_size(path), size)
        # In the file the lowest digit is red.
        numbers = _swapped(read_codes(path, coloured=True, max_megapixels=inf))
        own = self.segments[slice(*self.rows[place : place + 2])]
        ids = np.concatenate(([0], own["id"]))
        nearest = np.searchsorted(ids, numbers).clip(max=len(own))
        unknown = ids[nearest] != numbers
        if unknown.any():
            raise ValueError(
                f"{path}: segments that the JSON file does not list: {shortened(np.unique(numbers[unknown]).tolist())}"
            )
        labels: NDArray[np.uint8] = _labels(own, classes)[nearest]
        return labels

    def files(self, place: int) -> list[Path]:
        """The PNG of one image."""
        return [self.root / str(self.names[place])]


def is_panoptic(annotations: Path) -> bool:
    """Tells whether a JSON file of COCO has a folder of PNGs beside it."""
    return annotations.with_suffix("").is_dir()


def read_coco_panoptic(
    annotations: Path, images: Path, *, classes: PixelClasses | None
) -> MaskRecords:
    """Reads a COCO panoptic file; segments of other categories than the classes are background, or else ignored.

    The PNGs lie in the folder that is named as the file. Things and stuff are classes alike.

    Args:
        annotations: The JSON file.
        images: Folder of the images.
        classes: Their numbers are category ids; None takes all categories with their colours.

    Raises:
        ValueError: The file is not JSON or not COCO, ids do not fit together, or file names leave their folders.
    """
    try:
        document = load_document(annotations, lambda row: row)
        classes = classes or _all_categories(rows_of(document, "categories"))
        table = images_of(rows_of(document, "images"), images)
        rows = _by_image(rows_of(document, "annotations"), table.ids)
        masks = _masks(rows, annotations.with_suffix(""))
    except ValueError as error:
        raise ValueError(f"{annotations}: {error}") from error
    return MaskRecords.whole(table, images, masks=masks, classes=classes)


def _all_categories(rows: Rows) -> PixelClasses:
    categories = categories_of(rows)
    known = {row["id"]: row.get("color") for row in rows}
    spare = default_colours(categories.names)
    colours = [
        _colour(known[key]) or other for key, other in zip(categories.ids, spare, strict=True)
    ]
    values = tuple((number,) for number in categories.ids)
    return PixelClasses(categories.names, values, tuple(colours))


def _colour(value: Any) -> Colour | None:
    if isinstance(value, list) and len(value) == 3 and all(part in range(256) for part in value):
        return value[0], value[1], value[2]
    return None


def _by_image(rows: Rows, image_ids: NDArray[np.int64]) -> Rows:
    """One annotation for each image."""
    owner = places_of(rows, "image_id", image_ids.tolist())
    found = {place: row for place, row in zip(owner.tolist(), rows, strict=True) if place >= 0}
    missing = [f"image {key}" for place, key in enumerate(image_ids.tolist()) if place not in found]
    refuse(missing, what="images without an annotation")
    return [found[place] for place in range(len(image_ids))]


def _masks(rows: Rows, root: Path) -> PanopticMasks:
    names = [
        resolve_inside(root, str(row.get("file_name", ""))) and row["file_name"] for row in rows
    ]
    segments = [np.sort(_segments(row), order="id") for row in rows]
    starts = np.cumsum([0, *map(len, segments)])
    return PanopticMasks(
        root=root,
        names=np.array(names, dtype=np.str_),
        rows=starts,
        segments=np.concatenate(segments),
    )


def _segments(row: Mapping[str, Any]) -> NDArray[np.void]:
    segments = row.get("segments_info")
    try:
        found = [(s["id"], s["category_id"], bool(s.get("iscrowd", 0))) for s in segments or []]
        return np.array(found, dtype=_SEGMENT)
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise ValueError(
            f'{row.get("file_name")}: "segments_info" must be a list of objects with "id" and "category_id", got '
            f"{reprlib.repr(segments)}"
        ) from error


def _labels(segments: NDArray[np.void], classes: PixelClasses) -> NDArray[np.uint8]:
    """(1 + m,) label of pixels of no segment, and of each segment."""
    known = classes.by_number
    labels = [known.get(category, classes.unlisted) for category in segments["category"].tolist()]
    return np.array([IGNORE, *np.where(segments["crowd"], IGNORE, labels)], dtype=np.uint8)


def _swapped(codes: NDArray[Any]) -> NDArray[Any]:
    """65536 red + 256 green + blue to red + 256 green + 65536 blue."""
    return codes >> 16 | codes & 0xFF00 | (codes & 0xFF) << 16
