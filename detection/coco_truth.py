"""COCO ground truth and results, checked and rewritten in the one form that every evaluator judges alike.

As files have them, ids of 0 or that occur twice spoil matches, a box of NaN matches anything, unknown ids vanish
silently, and masks can crash the evaluator.
"""

import logging
import reprlib
from collections import Counter
from collections.abc import Callable, Container, Mapping, Sequence
from itertools import islice
from math import inf, isfinite
from typing import Any, Literal, NamedTuple

import numpy as np

from lumbar.data.coco_masks import mask_area, read_mask

_log = logging.getLogger(__name__)

Kind = Literal["bbox", "segm"]
"""What is compared: boxes or masks, in COCO's words."""
Row = Mapping[str, Any]
Dataset = dict[str, list[dict[str, Any]]]
"""The lists `images`, `categories` and `annotations` of the COCO format."""

# Those of numpy come from programs, not from files.
_Number = int | float | np.integer | np.floating

# Far beyond any image; refuses infinity and what is not a number in the same comparison.
_LARGEST = 1e12
_NAMED_IN_MESSAGES = 5


class Clean(NamedTuple):
    """What evaluators get; ids are 1, 2, 3, ..., those of images and categories in the order of the original ones."""

    truth: Dataset
    results: Dataset
    """Annotations with scores."""
    class_names: list[str]
    """In the order of the categories; with the id where several share a name."""


class _Known(NamedTuple):
    """What the rows of annotations and results refer to, by original id."""

    kind: Kind
    images: dict[int, dict[str, int]]
    """The rewritten image: its `id`, and where masks are compared `height` and `width`."""
    categories: dict[int, int]
    """The new id."""


def sanitise(truth: Row, results: Sequence[Row], kind: Kind) -> Clean:
    """Checks ground truth and results, and rewrites them.

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
    images, categories = (_rows(truth.get(key), key) for key in ("images", "categories"))
    known = _Known(kind, _images(images, kind), _numbered(categories, "categories"))
    names = _names(categories)
    tables: Dataset = {
        "images": list(known.images.values()),
        "categories": [{"id": number, "name": name} for number, name in enumerate(names, start=1)],
    }
    annotations = _rewritten(truth.get("annotations"), "annotations", known, _annotation)
    usable = _rewritten(results, "results", known, _result)
    if len(usable) < len(results):
        _log.warning(
            "%d of %d results are left out: score or box is not finite, or width or height is negative",
            len(results) - len(usable),
            len(results),
        )
    return Clean(
        truth={**tables, "annotations": annotations},
        results={**tables, "annotations": usable},
        class_names=names,
    )


def _rows(rows: Any, table: str) -> Sequence[Row]:
    if isinstance(rows, list | tuple) and all(isinstance(row, Mapping) for row in rows):
        return rows
    raise ValueError(f'"{table}" must be a list of objects, got {reprlib.repr(rows)}')


def _numbered(rows: Sequence[Row], table: str) -> dict[int, int]:
    """Numbers ids from 1 in their own order, which is that in which evaluators break ties."""
    ids: list[Any] = [row.get("id") for row in rows]
    if not all(isinstance(key, int | np.integer) for key in ids):
        raise ValueError(f'each of "{table}" needs a whole number as "id"')
    twice = [key for key, count in Counter(ids).items() if count > 1]
    if twice:
        raise ValueError(f'"{table}" has the id {twice[0]} more than once: give each its own')
    return {key: number for number, key in enumerate(sorted(ids), start=1)}


def _images(rows: Sequence[Row], kind: Kind) -> dict[int, dict[str, int]]:
    images = {key: {"id": number} for key, number in _numbered(rows, "images").items()}
    if kind == "segm":
        for row in rows:
            for key in ("height", "width"):
                if not isinstance(row.get(key), int | np.integer) or row[key] <= 0:
                    raise ValueError(f'the image {row["id"]} needs its "{key}" to compare masks')
                images[row["id"]][key] = int(row[key])
    return images


def _names(categories: Sequence[Row]) -> list[str]:
    names = {row["id"]: str(row.get("name", row["id"])) for row in categories}
    count = Counter(names.values())
    return [
        f"{names[key]} ({key})" if count[names[key]] > 1 else names[key] for key in sorted(names)
    ]


def _rewritten(
    rows: Any, table: str, known: _Known, rewrite: Callable[[Row, _Known], dict[str, Any] | None]
) -> list[dict[str, Any]]:
    """Rewrites the rows, leaves out those that become None, and numbers the others from 1."""
    rows = _rows(rows, table)
    _check_known(rows, table, "image_id", known.images)
    _check_known(rows, table, "category_id", known.categories)
    done: list[dict[str, Any]] = []
    for place, row in enumerate(rows):
        try:
            new = rewrite(row, known)
        except ValueError as error:
            raise ValueError(f"{table}[{place}] (counted from 0): {error}") from error
        if new is not None:
            new["id"] = len(done) + 1
            new["image_id"] = known.images[row["image_id"]]["id"]
            new["category_id"] = known.categories[row["category_id"]]
            done.append(new)
    return done


def _check_known(rows: Sequence[Row], table: str, key: str, known: Container[int]) -> None:
    values = [row.get(key) for row in rows]
    unknown = [v for v in values if not isinstance(v, _Number) or v not in known]
    if unknown:
        first = islice(dict.fromkeys(map(reprlib.repr, unknown)), _NAMED_IN_MESSAGES)
        listed = "images" if key == "image_id" else "categories"
        raise ValueError(
            f'{len(unknown)} of {len(rows)} {table} have a "{key}" that is not an id of "{listed}" in the '
            f"ground truth, the first are {', '.join(first)}: are they of another data set or split?"
        )


def _annotation(row: Row, known: _Known) -> dict[str, Any]:
    if known.kind == "bbox":
        box = _box(row)
        if not _are_finite(*box):
            raise ValueError(f'"bbox" must be four finite numbers, got {row["bbox"]!r:.60}')
        new: dict[str, Any] = {"bbox": box, "area": box[2] * box[3]}
    else:
        new = _mask(row, known)
    if row.get("area") is not None:
        new["area"] = _number(row["area"], "area", largest=_LARGEST**2)
        if not _are_finite(new["area"]):
            raise ValueError(f'"area" must be finite, got {row["area"]!r:.60}')
    if row.get("iscrowd") not in (None, 0, 1):
        raise ValueError(f'"iscrowd" must be 0 or 1, got {row["iscrowd"]!r:.60}')
    new["iscrowd"] = int(row.get("iscrowd") or 0)
    return new


def _result(row: Row, known: _Known) -> dict[str, Any] | None:
    """A result in the form of an annotation, None if it is not usable."""
    score = _number(row.get("score"), "score")
    if known.kind == "bbox":
        box = _box(row)
        usable = _are_finite(score, *box) and box[2] >= 0 and box[3] >= 0
        new: dict[str, Any] = {"bbox": box, "area": box[2] * box[3]}
    else:
        usable = _are_finite(score)
        new = _mask(row, known)
    return {**new, "iscrowd": 0, "score": score} if usable else None


def _mask(row: Row, known: _Known) -> dict[str, Any]:
    image = known.images[row["image_id"]]
    mask = read_mask(row.get("segmentation"), (image["height"], image["width"]))
    return {"segmentation": mask, "area": mask_area(mask)}


def _box(row: Row) -> list[float]:
    """The four numbers of a box; those that are not finite become infinite."""
    box = row.get("bbox")
    if not isinstance(box, list | tuple) or len(box) != 4:
        raise ValueError(f'"bbox" must be a list of four numbers [x, y, w, h], got {box!r:.60}')
    return [_number(number, "bbox") for number in box]


def _number(number: Any, key: str, *, largest: float = _LARGEST) -> float:
    if not isinstance(number, _Number):
        raise ValueError(f'"{key}" must hold numbers, got {number!r:.60}')
    return float(number) if -largest < number < largest else inf


def _are_finite(*numbers: float) -> bool:
    return all(map(isfinite, numbers))
