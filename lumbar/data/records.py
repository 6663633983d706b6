"""The annotations of one split as flat arrays: cheap to hand to loader workers, however many images there are."""

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
    """The N images of a split."""

    root: Path
    """Folder of the images."""
    names: NDArray[np.str_]
    """(N,) file names relative to `root`."""
    ids: NDArray[np.int64]
    """(N,) ids of the annotation file."""
    sizes: NDArray[np.int64]
    """(N, 2) height and width."""


class BoxTable(NamedTuple):
    """The M objects of a split, as a file has them, in any order."""

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


@dataclass(frozen=True, kw_only=True)
class Records:
    """One split: N images with M objects, those of image i in the rows `offsets[i]` to `offsets[i + 1]`.

    The arrays are as in `Record`, for all images together.
    """

    image_root: Path
    file_names: NDArray[np.str_]
    """(N,) relative to `image_root`."""
    image_ids: NDArray[np.int64]
    """(N,)."""
    sizes: NDArray[np.int64]
    """(N, 2) height and width."""
    offsets: NDArray[np.int64]
    """(N + 1,) row of the first object of each image; the last entry is M."""
    boxes: NDArray[np.float64]
    raw_boxes: NDArray[np.float64]
    labels: NDArray[np.int64]
    crowd: NDArray[np.bool_]
    areas: NDArray[np.float64]
    usable: NDArray[np.bool_]
    categories: Categories
    repairs: Mapping[str, int]
    """What was wrong with the file, what was done about it, and how often."""

    @classmethod
    def build(
        cls,
        images: ImageTable,
        objects: BoxTable,
        *,
        categories: Categories,
        repairs: Mapping[str, int],
        source: str,
    ) -> Self:
        """Sorts objects by image, clips their boxes to it, and reports the repairs of the whole split once.

        Args:
            images: The N images.
            objects: The M objects.
            categories: The classes.
            repairs: What the reader has repaired so far, and how often.
            source: What was read, for the report.
        """
        order = np.argsort(objects.owners, kind="stable")
        owners, raw, areas = objects.owners[order], objects.boxes[order], objects.areas[order]
        boxes, usable, changes = _clip(raw, images.sizes[owners])
        return cls(
            image_root=images.root,
            file_names=images.names,
            image_ids=images.ids,
            sizes=images.sizes,
            offsets=np.searchsorted(owners, np.arange(len(images.ids) + 1)),
            boxes=boxes,
            raw_boxes=raw,
            labels=objects.labels[order],
            crowd=objects.crowd[order],
            areas=np.where(np.isnan(areas), raw[:, 2] * raw[:, 3], areas),
            usable=usable,
            categories=categories,
            repairs=_report(source, {**repairs, **changes}),
        )

    def __len__(self) -> int:
        """Number of images N."""
        return len(self.image_ids)

    def __getitem__(self, index: int) -> Record:
        """Returns the annotations of one image; the arrays are views."""
        index = range(len(self))[index]
        rows = slice(self.offsets[index], self.offsets[index + 1])
        height, width = self.sizes[index].tolist()
        return Record(
            path=self.image_root / str(self.file_names[index]),
            image_id=int(self.image_ids[index]),
            size=(height, width),
            boxes=self.boxes[rows],
            raw_boxes=self.raw_boxes[rows],
            labels=self.labels[rows],
            crowd=self.crowd[rows],
            areas=self.areas[rows],
            usable=self.usable[rows],
        )

    def __iter__(self) -> Iterator[Record]:
        return map(self.__getitem__, range(len(self)))

    def first(self, limit: int) -> "Records":
        """Keeps the first `limit` images, or all if there are fewer."""
        return self._take(np.arange(min(limit, len(self))))

    def with_boxes(self) -> "Records":
        """Keeps the images that have a box to train on: neither crowd nor degenerate."""
        owners = np.repeat(np.arange(len(self)), np.diff(self.offsets))
        return self._take(np.unique(owners[self.usable & ~self.crowd]))

    def _take(self, images: NDArray[np.int64]) -> "Records":
        counts = np.diff(self.offsets)[images]
        offsets = np.concatenate(([0], np.cumsum(counts)))
        rows = np.repeat(self.offsets[images] - offsets[:-1], counts) + np.arange(offsets[-1])
        return replace(
            self,
            file_names=self.file_names[images],
            image_ids=self.image_ids[images],
            sizes=self.sizes[images],
            offsets=offsets,
            boxes=self.boxes[rows],
            raw_boxes=self.raw_boxes[rows],
            labels=self.labels[rows],
            crowd=self.crowd[rows],
            areas=self.areas[rows],
            usable=self.usable[rows],
        )


def _clip(
    raw: NDArray[np.float64], sizes: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.bool_], dict[str, int]]:
    """Clips (M, 4) boxes x, y, width, height to images of (M, 2) height and width.

    Returns:
        (M, 4) xyxy; (M,) whether an area is left; how many boxes were changed, and why.
    """
    corners = np.concatenate((raw[:, :2], raw[:, :2] + raw[:, 2:]), axis=1)
    boxes = corners.clip(0, np.tile(sizes[:, ::-1], 2))
    degenerate = np.any(raw[:, 2:] <= 0, axis=1)
    outside = ~degenerate & np.any(np.abs(boxes - corners) > _ROUNDING, axis=1)
    usable = ~degenerate & np.all(boxes[:, 2:] > boxes[:, :2], axis=1)
    changes = {
        "boxes without width or height: left out of training": int(degenerate.sum()),
        "boxes that reach outside the image: clipped for training": int(outside.sum()),
    }
    return boxes, usable, changes


def _report(source: str, repairs: Mapping[str, int]) -> dict[str, int]:
    """Logs the repairs that were needed, and returns those."""
    needed = {repair: count for repair, count in repairs.items() if count}
    if needed:
        found = "; ".join(f"{repair} ({count})" for repair, count in needed.items())
        _log.warning("%s: %s", source, found)
    return needed
