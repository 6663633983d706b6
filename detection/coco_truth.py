"""COCO files, checked and turned into columns.

As files have them, ids that are unknown or occur twice spoil the score, a box of NaN matches anything, and masks can
crash compiled code.
"""

import reprlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, islice
from math import inf
from operator import itemgetter
from types import UnionType
from typing import Any, Literal, NamedTuple, NoReturn

import numpy as np
from numpy.typing import NDArray

from detection.coco_columns import Results, Truth
from lumbar.data.categories import Categories
from lumbar.data.coco_masks import mask_area, read_mask

Kind = Literal["bbox", "segm"]
"""What is compared: boxes or masks, in COCO's words."""
Row = Mapping[str, Any]

# Those of numpy come from programs, not from files.
_Number = int | float | np.integer | np.floating

# Far beyond any image; refuses infinity and what is not a number in the same comparison.
_LARGEST = 1e12
_NAMED_IN_MESSAGES = 5


class _Known(NamedTuple):
    """What the rows of annotations and results refer to by original id."""

    images: dict[int, int]
    """Place of the image among all in the order of ids."""
    categories: dict[int, int]
    """Class 0..K-1, in the order of ids."""
    sizes: dict[int, tuple[int, int]]
    """Height and width of the image, where masks are compared."""


class _Table(NamedTuple):
    """A list of a file, whose rows are read column by column."""

    name: str
    rows: Sequence[Row]

    def column(self, key: str) -> list[Any]:
        """The values of a key, None where a row has none."""
        return [row.get(key) for row in self.rows]

    def refuse(self, place: int, problem: object) -> NoReturn:
        """Says what is wrong with a row."""
        raise ValueError(f"{self.name}[{place}] (counted from 0): {problem}")

    def check(self, key: str, rule: str, obeyed: Iterable[bool | np.bool_]) -> None:
        """Refuses the first row whose value does not obey the rule."""
        place = next((place for place, fine in enumerate(obeyed) if not fine), None)
        if place is not None:
            self.refuse(place, f'"{key}" must be {rule}, got {self.rows[place].get(key)!r:.60}')


def sanitise(truth: Row, results: Sequence[Row], kind: Kind) -> tuple[Truth, Results]:
    """Checks ground truth and results, and turns them into columns.

    An annotation without `iscrowd` is no crowd; one without `area` has that of its box or mask. A result has the area
    of its box where boxes are compared, and of its mask where masks are. Results whose score or box is not finite, or
    whose box has a negative width or height, are left out with a warning: they match nothing.

    Args:
        truth: A COCO annotation file.
        results: A COCO results file.
        kind: Compare boxes or masks.

    Raises:
        ValueError: Something else is missing or malformed, or an id is unknown.
    """
    images, classes = (_table(truth.get(name), name) for name in ("images", "categories"))
    known = _Known(
        images=_numbered(images),
        categories=_numbered(classes),
        sizes=_sizes(images) if kind == "segm" else {},
    )
    annotations = _table(truth.get("annotations"), "annotations")
    return (
        _truth(annotations, kind, known, _categories(classes)),
        _results(_table(results, "results"), kind, known),
    )


def _truth(table: _Table, kind: Kind, known: _Known, categories: Categories) -> Truth:
    images = _places(table, "image_id", known.images, "images")
    labels = _places(table, "category_id", known.categories, "categories")
    shapes: NDArray[Any]
    if kind == "bbox":
        shapes = boxes = _boxes(table)
        table.check("bbox", "four finite numbers", np.isfinite(boxes.sum(axis=1)))
        areas = boxes[:, 2] * boxes[:, 3]
    else:
        shapes, areas = _masks(table, known)
    return Truth(
        images=images,
        labels=labels,
        shapes=shapes,
        areas=_stated_areas(table, areas),
        crowd=_crowd(table),
        num_images=len(known.images),
        categories=categories,
    )


def _results(table: _Table, kind: Kind, known: _Known) -> Results:
    images = _places(table, "image_id", known.images, "images")
    labels = _places(table, "category_id", known.categories, "categories")
    scores = _numbers(table, table.column("score"), "score")
    if kind == "bbox":
        return Results.of_boxes(images, labels, _boxes(table), scores)
    masks, areas = _masks(table, known)
    return Results(images, labels, masks, areas, scores).keep(np.isfinite(scores))


def _table(rows: Any, name: str) -> _Table:
    if isinstance(rows, list | tuple) and _are(rows, Mapping):
        return _Table(name, rows)
    raise ValueError(f'"{name}" must be a list of objects, got {reprlib.repr(rows)}')


def _numbered(table: _Table) -> dict[int, int]:
    """Numbers ids from 0 in their own order, which is that in which ties are broken."""
    ids = table.column("id")
    if not _are(ids, int | np.integer):
        raise ValueError(f'each of "{table.name}" needs a whole number as "id"')
    twice = [key for key, count in Counter(ids).items() if count > 1]
    if twice:
        raise ValueError(f'"{table.name}" has the id {twice[0]} more than once: give each its own')
    return {key: number for number, key in enumerate(sorted(ids))}


def _sizes(images: _Table) -> dict[int, tuple[int, int]]:
    for row in images.rows:
        for key in ("height", "width"):
            if not isinstance(row.get(key), int | np.integer) or row[key] <= 0:
                raise ValueError(f'the image {row["id"]} needs its "{key}" to compare masks')
    return {row["id"]: (int(row["height"]), int(row["width"])) for row in images.rows}


def _categories(table: _Table) -> Categories:
    """The classes in the order of their ids, which is the name of one without a name."""
    rows = sorted(table.rows, key=itemgetter("id"))
    names = tuple(str(row.get("name", row["id"])) for row in rows)
    return Categories(names=names, ids=tuple(int(row["id"]) for row in rows))


def _places(table: _Table, key: str, known: Mapping[int, int], listed: str) -> NDArray[np.int64]:
    """(n,) what the ids stand for."""
    ids = table.column(key)
    places = list(map(known.get, ids)) if _are(ids, _Number) else [None]
    if None not in places:
        return np.array(places, dtype=np.int64)
    unknown = [v for v in ids if not isinstance(v, _Number) or v not in known]
    first = islice(dict.fromkeys(map(reprlib.repr, unknown)), _NAMED_IN_MESSAGES)
    raise ValueError(
        f'{len(unknown)} of {len(ids)} {table.name} have a "{key}" that is not an id of "{listed}" in the '
        f"ground truth, the first are {', '.join(first)}: are they of another data set or split?"
    )


def _boxes(table: _Table) -> NDArray[np.float64]:
    """(n, 4); numbers that are not finite are infinite."""
    boxes = table.column("bbox")
    if not _are(boxes, list | tuple) or not set(map(len, boxes)) <= {4}:
        fours = (isinstance(box, list | tuple) and len(box) == 4 for box in boxes)
        table.check("bbox", "a list of four numbers [x, y, w, h]", fours)
    return _numbers(table, list(chain.from_iterable(boxes)), "bbox").reshape(-1, 4)


def _masks(table: _Table, known: _Known) -> tuple[NDArray[np.object_], NDArray[np.float64]]:
    """Masks (n,) and their areas (n,)."""
    masks = np.empty(len(table.rows), dtype=object)
    for place, row in enumerate(table.rows):
        try:
            masks[place] = read_mask(row.get("segmentation"), known.sizes[row["image_id"]])
        except ValueError as error:
            table.refuse(place, error)
    return masks, np.array([mask_area(mask) for mask in masks], dtype=np.float64)


def _stated_areas(table: _Table, own: NDArray[np.float64]) -> NDArray[np.float64]:
    """(M,) areas of the file, and where it has none those of the shapes."""
    stated = table.column("area")
    filled = [b if a is None else a for a, b in zip(stated, own.tolist(), strict=True)]
    areas = _numbers(table, filled, "area", largest=_LARGEST**2)
    table.check("area", "finite", np.isfinite(areas))
    return areas


def _crowd(table: _Table) -> NDArray[np.bool_]:
    flags = table.column("iscrowd")
    table.check("iscrowd", "0 or 1", (flag in (None, 0, 1) for flag in flags))
    return np.array(flags, dtype=bool)


def _numbers(
    table: _Table, values: list[Any], key: str, *, largest: float = _LARGEST
) -> NDArray[np.float64]:
    """(n,) or more for each row; those that are not finite become infinite."""
    if not _are(values, _Number):
        place = next(n for n, value in enumerate(values) if not isinstance(value, _Number))
        row = place * len(table.rows) // len(values)
        table.refuse(row, f'"{key}" must hold numbers, got {values[place]!r:.60}')
    try:
        numbers = np.array(values, dtype=np.float64)
    except OverflowError:  # Of a whole number of hundreds of digits.
        numbers = np.array([v if abs(v) < largest else inf for v in values], dtype=np.float64)
    return np.where(np.abs(numbers) < largest, numbers, inf)


def _are(values: Sequence[Any], kind: type | UnionType) -> bool:
    """Whether all are of a kind; asks each type but once."""
    return all(issubclass(found, kind) for found in set(map(type, values)))
