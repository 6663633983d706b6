"""The annotations of a split as flat arrays: cheap to share with loader workers, however many images there are."""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from lumbar.data.categories import Categories

_log = logging.getLogger(__name__)

# COCO writes coordinates with two decimals: less than that outside the image is rounding.
_ROUNDING = 0.01

_OBJECT = np.dtype(
    [("box", "f8", 4), ("area", "f8"), ("label", "i4"), ("crowd", "?"), ("usable", "?")], align=True
)


class Record(NamedTuple):
    """The annotations of one image, which has n objects."""

    path: Path
    image_id: int
    """Id in the annotation file."""
    size: tuple[int, int]
    """Height and width that the annotation file states."""
    boxes: NDArray[np.float64]
    """(n, 4) xyxy, pixels of the file, clipped to the image."""
    raw_boxes: NDArray[np.float64]
    """(n, 4) x, y, width, height as the annotation file has them; evaluation takes these."""
    labels: NDArray[np.int64]
    """(n,) class in 0..K-1."""
    crowd: NDArray[np.bool_]
    """(n,) regions that count neither as object nor as background."""
    areas: NDArray[np.float64]
    """(n,) pixels^2, of the segment where the file has one, else of the box."""
    usable: NDArray[np.bool_]
    """(n,) whether `boxes` has an area; others are only there for evaluation."""


class ImageTable(NamedTuple):
    """The N images of a data set."""

    names: NDArray[np.str_]
    """(N,) file names relative to the folder of the images."""
    ids: NDArray[np.int64]
    """(N,) ids of the annotation file."""
    sizes: NDArray[np.int64]
    """(N, 2) height and width."""


class BoxTable(NamedTuple):
    """The M objects of a data set, as a file has them, in any order."""

    owners: NDArray[np.int64]
    """(M,) index of the image, 0..N-1."""
    boxes: NDArray[np.float64]
    """(M, 4) x, y, width, height in pixels."""
    labels: NDArray[np.int64]
    """(M,) class in 0..K-1."""
    crowd: NDArray[np.bool_]
    """(M,)."""
    areas: NDArray[np.float64]
    """(M,) pixels^2; not a number where the area of the box is to be taken."""

    def at(self, places: NDArray[np.int64]) -> "BoxTable":
        """Takes the objects at these (n,) places, in this order."""
        return BoxTable(
            owners=self.owners[places],
            boxes=self.boxes[places],
            labels=self.labels[places],
            crowd=self.crowd[places],
            areas=self.areas[places],
        )


class Repair(NamedTuple):
    """What was put right in a file."""

    times: int
    """How often, at least once."""
    first: str
    """Where first."""


@dataclass(frozen=True, kw_only=True)
class Annotations:
    """What an annotation file says: N images with M objects, as two flat arrays with named fields."""

    images: NDArray[np.void]
    """(N,) with `name` of the file, `id`, `size` (height and width), and `rows`: its first object, and the end."""
    objects: NDArray[np.void]
    """(M,) with `box` (x, y, width, height), `area`, `label`, `crowd` and `usable` as in `Record`."""
    categories: Categories
    repairs: Mapping[str, Repair]
    """By what was wrong, and what was done about it."""

    @classmethod
    def build(
        cls,
        images: ImageTable,
        objects: BoxTable,
        *,
        categories: Categories,
        repairs: Mapping[str, Repair],
    ) -> Self:
        """Sorts objects by image, and finds boxes that are not within it.

        Args:
            images: The N images.
            objects: The M objects.
            categories: The classes.
            repairs: What the reader has repaired so far.
        """
        owners, boxes, labels, crowd, areas = objects.at(np.argsort(objects.owners, kind="stable"))
        clipped = _clip(boxes, images.sizes[owners])
        flat = np.any(boxes[:, 2:] <= 0, axis=1)
        usable = np.all(clipped[:, 2:] > clipped[:, :2], axis=1)
        cut = usable & np.any(np.abs(clipped - _corners(boxes)) > _ROUNDING, axis=1)
        rows = np.zeros(len(owners), dtype=_OBJECT)
        rows["box"], rows["label"], rows["crowd"], rows["usable"] = boxes, labels, crowd, usable
        rows["area"] = np.where(np.isnan(areas), boxes[:, 2] * boxes[:, 3], areas)
        changes = {
            "boxes without width or height: left out of training": owners[flat],
            "boxes outside their image: left out of training": owners[~flat & ~usable],
            "boxes partly outside their image: clipped for training": owners[cut],
        }
        changed = {
            change: Repair(len(places), str(images.names[places[0]]))
            for change, places in changes.items()
            if len(places)
        }
        return cls(
            images=_image_rows(images, owners),
            objects=rows,
            categories=categories,
            repairs={**repairs, **changed},
        )


@dataclass(frozen=True, kw_only=True)
class Records:
    """The N images of a split with their objects: which ones of all annotations, and how classes are numbered."""

    annotations: Annotations
    image_root: Path
    """Folder of the images."""
    chosen: NDArray[np.int64]
    """(N,) their places in `annotations.images`."""
    numbers: NDArray[np.int64]
    """Class in `categories` of each class of the annotations."""
    categories: Categories

    @classmethod
    def whole(cls, annotations: Annotations, image_root: Path, *, source: str) -> Self:
        """Takes all images, and logs once what was repaired.

        Args:
            annotations: What was read.
            image_root: Folder of the images.
            source: What was read, for the log.
        """
        if annotations.repairs:
            found = (
                f"{what} ({repair.times}, first in {repair.first})"
                for what, repair in annotations.repairs.items()
            )
            _log.warning("%s: %s", source, "; ".join(found))
        return cls(
            annotations=annotations,
            image_root=image_root,
            chosen=np.arange(len(annotations.images)),
            numbers=np.arange(len(annotations.categories)),
            categories=annotations.categories,
        )

    @property
    def image_ids(self) -> NDArray[np.int64]:
        """(N,) ids of the annotation file."""
        return self._column("id")

    @property
    def sizes(self) -> NDArray[np.int64]:
        """(N, 2) height and width."""
        return self._column("size")

    def __len__(self) -> int:
        """Number of images N."""
        return len(self.chosen)

    def __getitem__(self, index: int) -> Record:
        """Returns the annotations of one image."""
        image = self.annotations.images[self.chosen[index]]
        start, end = image["rows"]
        objects = self.annotations.objects[start:end]
        height, width = image["size"].tolist()
        return Record(
            path=self.image_root / str(image["name"]),
            image_id=int(image["id"]),
            size=(height, width),
            boxes=_clip(objects["box"], image["size"]),
            raw_boxes=objects["box"],
            labels=self.numbers[objects["label"]],
            crowd=objects["crowd"],
            areas=objects["area"],
            usable=objects["usable"],
        )

    def __iter__(self) -> Iterator[Record]:
        return map(self.__getitem__, range(len(self)))

    def first(self, limit: int) -> "Records":
        """Keeps the first `limit` images, or all if there are fewer."""
        return replace(self, chosen=self.chosen[:limit])

    def with_boxes(self) -> "Records":
        """Keeps the images that have a box to train on: neither crowd nor degenerate."""
        objects = self.annotations.objects
        before = np.concatenate(([0], np.cumsum(objects["usable"] & ~objects["crowd"])))
        starts, ends = self._column("rows").T
        return replace(self, chosen=self.chosen[before[ends] > before[starts]])

    def _column(self, field: str) -> NDArray[np.int64]:
        column: NDArray[np.int64] = self.annotations.images[field][self.chosen]
        return column


def _image_rows(images: ImageTable, owners: NDArray[np.int64]) -> NDArray[np.void]:
    """The images with the rows that are theirs among objects of sorted owners."""
    fields = [("name", images.names.dtype), ("id", "i8"), ("size", "i8", 2), ("rows", "i8", 2)]
    rows = np.zeros(len(images.ids), dtype=np.dtype(fields, align=True))
    starts = np.searchsorted(owners, np.arange(len(rows) + 1))
    rows["name"], rows["id"], rows["size"] = images
    rows["rows"] = np.stack((starts[:-1], starts[1:]), axis=1)
    return rows


def _corners(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Corners xyxy (M, 4) of boxes x, y, width, height."""
    return np.concatenate((boxes[:, :2], boxes[:, :2] + boxes[:, 2:]), axis=1)


def _clip(boxes: NDArray[np.float64], sizes: NDArray[np.int64]) -> NDArray[np.float64]:
    """Corners xyxy (M, 4) of boxes x, y, width, height, within images of (M, 2) or (2,) height and width."""
    return _corners(boxes).clip(0, np.tile(sizes[..., ::-1], 2))
