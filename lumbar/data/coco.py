"""COCO annotation files: boxes, classes and crowds (https://cocodataset.org/#format-data); masks are not read here."""

import json
import reprlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lumbar.data.categories import Categories
from lumbar.data.image_io import image_size, resolve_inside
from lumbar.data.records import BoxTable, ImageTable, Records

Rows = Sequence[Mapping[str, Any]]

# Far beyond any image; refuses infinity and what is not a number in the same comparison.
_LARGEST = 1e12
# One very long name would widen the array of all names.
_LONGEST = 1024


def read_coco(annotations: Path, images: Path, *, name: str) -> Records:
    """Reads a COCO instances file; the classes are its categories in the order of their ids.

    What has one sensible meaning is repaired and counted in `Records.repairs`: a missing area, crowd flag or image
    size, boxes without an area or partly outside the image, annotation ids that occur twice, categories of one name.

    Args:
        annotations: The JSON file.
        images: Folder of the images.
        name: Of the split, for messages.

    Raises:
        ValueError: The file is not JSON or not COCO, has boxes that are not finite, ids that do not fit together, or
            image names that leave the folder.
    """
    try:
        document = _load(annotations)
        classes, files, boxes = (
            _rows(document, key) for key in ("categories", "images", "annotations")
        )
        categories = _categories(classes)
        table = _images(files, images)
        objects = _objects(boxes, table, categories)
    except ValueError as error:
        raise ValueError(f"{annotations}: {error}") from error
    return Records.build(
        table,
        objects,
        categories=categories,
        repairs=_repairs(classes, files, boxes),
        source=f"data.{name} ({annotations})",
    )


def _load(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise ValueError(f"cannot be read as JSON: {error}; is the file complete?") from error


def _rows(document: Any, key: str) -> Rows:
    rows = document.get(key) if isinstance(document, dict) else None
    if isinstance(rows, list) and all(isinstance(row, dict) for row in rows):
        return rows
    raise ValueError(
        f'no list "{key}": a COCO annotation file is an object with the lists "images", "annotations" and '
        f'"categories", but this is {reprlib.repr(document)}'
    )


def _categories(rows: Rows) -> Categories:
    ids = _column(rows, "categories", "id", _is_whole, "a whole number")
    names = _column(rows, "categories", "name", _is_text, "a short text")
    _check_unique(ids, "categories")
    count = Counter(names)
    named = {
        key: f"{text} ({key})" if count[text] > 1 else text
        for key, text in sorted(zip(ids, names, strict=True))
    }
    return Categories(names=tuple(named.values()), ids=tuple(named))


def _images(rows: Rows, root: Path) -> ImageTable:
    ids = _column(rows, "images", "id", _is_whole, "a whole number")
    names = _column(rows, "images", "file_name", _is_text, "a short text")
    edges = [
        _column(rows, "images", key, _is_whole_or_none, "a whole number")
        for key in ("height", "width")
    ]
    _check_unique(ids, "images")
    paths = [resolve_inside(root, file_name) for file_name in names]
    sizes = [
        image_size(path) if _lacks_size(row) else size
        for row, path, size in zip(rows, paths, zip(*edges, strict=True), strict=True)
    ]
    return ImageTable(
        root=root,
        names=np.array(names, dtype=np.str_),
        ids=np.array(ids, dtype=np.int64),
        sizes=np.array(sizes, dtype=np.int64).reshape(-1, 2),
    )


def _objects(rows: Rows, images: ImageTable, categories: Categories) -> BoxTable:
    boxes = _column(rows, "annotations", "bbox", _is_box, "four finite numbers [x, y, w, h]")
    areas = _column(rows, "annotations", "area", _is_number_or_none, "a finite number")
    crowd = _column(rows, "annotations", "iscrowd", _is_whole_or_none, "0 or 1")
    return BoxTable(
        owners=_places(rows, "image_id", images.ids.tolist(), "images"),
        boxes=np.array(boxes, dtype=np.float64).reshape(-1, 4),
        labels=_places(rows, "category_id", categories.ids, "categories"),
        crowd=np.array([bool(flag) for flag in crowd], dtype=np.bool_),
        areas=np.array(areas, dtype=np.float64),
    )


def _repairs(categories: Rows, images: Rows, annotations: Rows) -> dict[str, int]:
    """Counts what the functions above had to fill in, in rows that they have checked."""
    names = Counter(row["name"] for row in categories)
    ids = [row["id"] for row in annotations if _is_whole(row.get("id"))]
    return {
        "categories that share their name: id added": sum(n for n in names.values() if n > 1),
        "images without height or width: read from the file": sum(map(_lacks_size, images)),
        "annotations without area: area of the box taken": _count_missing(annotations, "area"),
        "annotations without iscrowd: 0 taken": _count_missing(annotations, "iscrowd"),
        "annotations with the id of another one: ids not used": len(ids) - len(set(ids)),
    }


def _lacks_size(image: Mapping[str, Any]) -> bool:
    return any((image.get(key) or 0) <= 0 for key in ("height", "width"))


def _count_missing(rows: Rows, key: str) -> int:
    return sum(row.get(key) is None for row in rows)


def _column(
    rows: Rows, table: str, key: str, valid: Callable[[Any], bool], wanted: str
) -> list[Any]:
    """The value of a key in each row; null and a missing key are the same."""
    values = [row.get(key) for row in rows]
    for place, value in enumerate(values):
        if not valid(value):
            found = (
                "is missing" if value is None else f"must be {wanted}, got {reprlib.repr(value)}"
            )
            raise ValueError(f'{table}[{place}] (counted from 0): "{key}" {found}')
    return values


def _places(rows: Rows, key: str, ids: Sequence[int], table: str) -> NDArray[np.int64]:
    """The index in another table that each row points to by an id."""
    place = {known: index for index, known in enumerate(ids)}
    values = _column(rows, "annotations", key, _is_whole, "a whole number")
    unknown = [value for value in values if value not in place]
    if unknown:
        raise ValueError(
            f'{len(unknown)} annotations have a "{key}" that is not in "{table}", the first is {unknown[0]}: '
            f'remove them, or complete "{table}"'
        )
    return np.array([place[value] for value in values], dtype=np.int64)


def _check_unique(ids: list[int], table: str) -> None:
    twice = [key for key, count in Counter(ids).items() if count > 1]
    if twice:
        raise ValueError(
            f'"{table}" has the id {twice[0]} more than once ({len(twice)} such ids): give each its own'
        )


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _LONGEST


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and abs(value) < _LARGEST


def _is_whole_or_none(value: Any) -> bool:
    return value is None or _is_whole(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and abs(value) < _LARGEST


def _is_number_or_none(value: Any) -> bool:
    return value is None or _is_number(value)


def _is_box(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 4 and all(map(_is_number, value))
