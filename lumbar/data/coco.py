"""COCO annotation files: boxes, classes and crowds (https://cocodataset.org/#format-data); masks are not read here."""

import json
import reprlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lumbar.data.categories import Categories
from lumbar.data.image_io import image_size, resolve_inside
from lumbar.data.records import Annotations, BoxTable, ImageTable, Records, Repair
from lumbar.data.store import read_once

Rows = Sequence[Mapping[str, Any]]

# Far beyond any image; refuses infinity and what is not a number in the same comparison.
_LARGEST = 1e12
# One very long name would widen the array of all names.
_LONGEST = 1024
# More than this share of useless annotations is no slip: something is wrong with the file as a whole.
_FEW = 0.01


def read_coco(annotations: Path, images: Path, *, name: str) -> Records:
    """Reads a COCO instances file; the classes are its categories in the order of their ids.

    One rule for what is wrong with a file: what has one sensible meaning is repaired, a few annotations that mean
    nothing are left out, and both are logged and counted in `Annotations.repairs`; whatever else is wrong is refused.
    Repaired are a missing area, crowd flag or image size, boxes without an area or partly outside the image, annotation
    ids that occur twice, and categories of one name. Left out, if they are at most one in a hundred, are annotations
    whose box is not four finite numbers, and those of an image that is not listed. An unknown category is refused even
    once: it mostly comes from another numbering of the classes, in which the other annotations have wrong ones.

    Args:
        annotations: The JSON file.
        images: Folder of the images.
        name: Of the split, for messages.

    Raises:
        ValueError: The file is not JSON or not COCO, too many boxes are not finite, ids do not fit together, or image
            names leave the folder.
    """
    try:
        found = read_once(annotations, images, partial(_read, annotations, images))
    except ValueError as error:
        raise ValueError(f"{annotations}: {error}") from error
    return Records.whole(found, images, source=f"data.{name} ({annotations})")


def _read(path: Path, root: Path) -> Annotations:
    document = load_document(path, _without_outline)
    classes, files, rows = (
        rows_of(document, key) for key in ("categories", "images", "annotations")
    )
    categories = categories_of(classes)
    images = images_of(files, root)
    objects = _objects(rows, images, categories)
    useless = _useless(rows, objects)
    kept = np.delete(
        np.arange(len(rows)), [place for places in useless.values() for place in places]
    )
    wrong = _filled_in(classes, files, rows) | useless
    return Annotations.build(
        images,
        objects.at(kept),
        categories=categories,
        repairs={
            what: Repair(len(places), f"{what.split()[0]}[{places[0]}]")
            for what, places in wrong.items()
            if places
        },
    )


def load_document(path: Path, keep: Callable[[dict[str, Any]], dict[str, Any]]) -> Any:
    """Reads a JSON file.

    Args:
        path: Of the file.
        keep: Says of each object what is kept of it, while the file is read.

    Raises:
        ValueError: It is missing, or not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"), object_hook=keep)
    except (OSError, ValueError, RecursionError) as error:
        raise ValueError(f"cannot be read as JSON: {error}; is the file complete?") from error


def rows_of(document: Any, key: str) -> Rows:
    """Takes one of the lists of a COCO file.

    Raises:
        ValueError: There is no list of objects under this key.
    """
    rows = document.get(key) if isinstance(document, dict) else None
    if isinstance(rows, list) and all(isinstance(row, dict) for row in rows):
        return rows
    raise ValueError(
        f'no list "{key}": a COCO annotation file is an object with the lists "images", "annotations" and '
        f'"categories", but this is {reprlib.repr(document)}'
    )


def categories_of(rows: Rows) -> Categories:
    """Reads the list `categories`, in the order of their ids; names that occur twice get their ids added.

    Raises:
        ValueError: An id or a name is missing or wrong, or an id occurs twice.
    """
    ids = _column(rows, "categories", "id", _is_whole, "a whole number")
    names = _column(rows, "categories", "name", _is_text, "a short text")
    _check_unique(ids, "categories")
    count = Counter(names)
    named = {
        key: f"{text} ({key})" if count[text] > 1 else text
        for key, text in sorted(zip(ids, names, strict=True))
    }
    return Categories(names=tuple(named.values()), ids=tuple(named))


def images_of(rows: Rows, root: Path) -> ImageTable:
    """Reads the list `images`; sizes that it lacks are read from the files.

    Raises:
        ValueError: An id or a name is missing or wrong, an id occurs twice, or a name leaves the folder.
    """
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
        names=np.array(names, dtype=np.str_),
        ids=np.array(ids, dtype=np.int64),
        sizes=np.array(sizes, dtype=np.int64).reshape(-1, 2),
    )


def _without_outline(row: dict[str, Any]) -> dict[str, Any]:
    """Drops, while the file is read, what takes the most memory by far."""
    row.pop("segmentation", None)
    return row


def _objects(rows: Rows, images: ImageTable, categories: Categories) -> BoxTable:
    """All annotations; their place is -1 where they have no image, and their box is no number where they have none."""
    boxes = [box if _is_box(box := row.get("bbox")) else [np.nan] * 4 for row in rows]
    areas = _column(rows, "annotations", "area", _is_number_or_none, "a finite number")
    crowd = _column(rows, "annotations", "iscrowd", _is_whole_or_none, "0 or 1")
    objects = BoxTable(
        owners=places_of(rows, "image_id", images.ids.tolist()),
        boxes=np.array(boxes, dtype=np.float64).reshape(-1, 4),
        labels=places_of(rows, "category_id", categories.ids),
        crowd=np.array([bool(flag) for flag in crowd], dtype=np.bool_),
        areas=np.array(areas, dtype=np.float64),
    )
    unknown = np.flatnonzero(objects.labels < 0)
    if len(unknown):
        raise ValueError(
            f'{len(unknown)} annotations have a "category_id" that is not in "categories", the first is '
            f'{rows[unknown[0]]["category_id"]}: correct them, or complete "categories"'
        )
    return objects


def places_of(rows: Rows, key: str, ids: Sequence[int]) -> NDArray[np.int64]:
    """Finds the index in another table that each annotation points to by an id, -1 where there is none.

    Args:
        rows: The list `annotations`.
        key: Of the id that points.
        ids: Of the other table.

    Returns:
        (M,) indices.

    Raises:
        ValueError: An annotation lacks the key.
    """
    place = {known: index for index, known in enumerate(ids)}
    values = _column(rows, "annotations", key, _is_whole, "a whole number")
    return np.array([place.get(value, -1) for value in values], dtype=np.int64)


def _useless(rows: Rows, objects: BoxTable) -> dict[str, list[int]]:
    """Places of annotations that mean nothing, by what is wrong with them.

    Raises:
        ValueError: They are not few.
    """
    wrong = {
        "image_id": ('of an image that is not in "images"', objects.owners < 0),
        "bbox": ("without four finite numbers [x, y, w, h]", np.isnan(objects.boxes[:, 0])),
    }
    found = {}
    for key, (what, where) in wrong.items():
        places = np.flatnonzero(where).tolist()
        if len(places) > _FEW * len(rows):
            raise ValueError(
                f"{len(places)} of {len(rows)} annotations are {what}, the first is annotations[{places[0]}] (counted "
                f'from 0) with "{key}" {reprlib.repr(rows[places[0]].get(key))}: correct or remove them'
            )
        found[f"annotations {what}: left out"] = places
    return found


def _filled_in(categories: Rows, images: Rows, annotations: Rows) -> dict[str, list[int]]:
    """Places of what the functions above had to fill in, in rows that they have checked."""
    names = Counter(row["name"] for row in categories)
    ids: dict[int, int] = {}
    return {
        "categories that share their name: id added": _where(
            categories, lambda row: names[row["name"]] > 1
        ),
        "images without height or width: read from the file": _where(images, _lacks_size),
        "annotations without area: area of the box taken": _where(
            annotations, lambda row: row.get("area") is None
        ),
        "annotations without iscrowd: 0 taken": _where(
            annotations, lambda row: row.get("iscrowd") is None
        ),
        "annotations with the id of another one: ids not used": [
            place
            for place, row in enumerate(annotations)
            if isinstance(key := row.get("id"), int) and ids.setdefault(key, place) != place
        ],
    }


def _where(rows: Rows, wrong: Callable[[Mapping[str, Any]], bool]) -> list[int]:
    return [place for place, row in enumerate(rows) if wrong(row)]


def _lacks_size(image: Mapping[str, Any]) -> bool:
    return any((image.get(key) or 0) <= 0 for key in ("height", "width"))


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
