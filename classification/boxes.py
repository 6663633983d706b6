"""Annotated boxes as images: each is cut out as a square, so that any detection data set is one of classification."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from classification.data_config import BoxCropConfig, ImageSplitConfig
from classification.labelled import Decoding, LabelledImages, Pixels
from lumbar.data.config import SplitConfig
from lumbar.data.read import read_split
from lumbar.data.records import Records

_GREY = 128


@dataclass(frozen=True, eq=False)
class _Boxes:
    records: Records
    owners: NDArray[np.int64]
    """(N,) image of each box."""
    windows: NDArray[np.int64]
    """(N, 4) left, top, right, bottom of its square, which may lie partly outside."""
    _last: dict[int, Pixels] = field(default_factory=dict)
    """The image that was decoded last: its other boxes are often asked for next."""

    def read(self, place: int, decoding: Decoding) -> Pixels:
        owner = int(self.owners[place])
        if owner not in self._last:
            image = decoding.read(self.records[owner].path)
            self._last.clear()
            self._last[owner] = image
        return cut_out(self._last[owner], self.windows[place])

    def name(self, place: int) -> str:
        left, top, right, bottom = self.windows[place].tolist()
        path = self.records[int(self.owners[place])].path
        return f"{path.name}[{left}:{right},{top}:{bottom}]"


def read_boxes(
    split: ImageSplitConfig, root: Path, crop: BoxCropConfig, *, name: str
) -> LabelledImages:
    """Reads the boxes of a split; of the images only the first is looked for.

    Crowds, boxes without an area and those that are too small are left out.

    Args:
        split: Where images and annotations lie.
        root: Folder that its paths are relative to.
        crop: How boxes are cut out.
        name: Of the split.

    Raises:
        ValueError: Files are missing or wrong, or no box is left.
    """
    places = SplitConfig(images=split.images, annotations=split.annotations)
    records = read_split(places, root, name=name)
    kept = [
        (index, window, label)
        for index, record in enumerate(records)
        for window, label in zip(
            windows_of(record.boxes, crop.context), record.labels.tolist(), strict=True
        )
    ]
    fit = np.array(
        [
            usable and not crowd and max(box[2:] - box[:2]) >= crop.min_edge
            for record in records
            for box, usable, crowd in zip(record.boxes, record.usable, record.crowd, strict=True)
        ],
        dtype=np.bool_,
    )
    if not fit.any():
        raise ValueError(
            f"data.{name}: none of the {len(fit)} boxes of {split.annotations} is at least {crop.min_edge} pixels "
            "long: set data.boxes.min_edge lower"
        )
    source = _Boxes(
        records,
        owners=np.array([index for index, _, _ in kept]),
        windows=np.array([window for _, window, _ in kept]),
    )
    return LabelledImages(
        source=source,
        places=np.flatnonzero(fit),
        labels=np.array([label for _, _, label in kept])[fit],
        class_names=records.categories.names,
    )


def windows_of(boxes: NDArray[np.float64], context: float) -> NDArray[np.int64]:
    """Squares of whole pixels around the middles of boxes.

    Args:
        boxes: (n, 4) xyxy.
        context: Share of the longer edge that is added to it.

    Returns:
        (n, 4) left, top, right, bottom, at least one pixel wide.
    """
    edges = (boxes[:, 2:] - boxes[:, :2]).max(1, initial=0) * (1 + context)
    sides = np.maximum(1, np.ceil(edges)).astype(np.int64)[:, None]
    corners = np.floor((boxes[:, :2] + boxes[:, 2:] - sides) / 2 + 0.5).astype(np.int64)
    return np.concatenate((corners, corners + sides), axis=1)


def cut_out(image: Pixels, window: NDArray[np.int64]) -> Pixels:
    """Cuts out a window, moved into the image where it reaches over an edge, grey where it is larger than the image.

    Args:
        image: (H, W, C).
        window: (4,) left, top, right, bottom.

    Returns:
        (side, side, C), a copy.
    """
    height, width, channels = image.shape
    side = int(window[2] - window[0])
    left, top = _inside(int(window[0]), side, width), _inside(int(window[1]), side, height)
    square = np.full((side, side, channels), _GREY, dtype=np.uint8)
    seen = image[max(0, top) : top + side, max(0, left) : left + side]
    rows, columns = seen.shape[:2]
    square[max(0, -top) :, max(0, -left) :][:rows, :columns] = seen
    return square


def _inside(start: int, side: int, edge: int) -> int:
    """Where a window begins so that it has as much of the edge as it can."""
    return (edge - side) // 2 if side > edge else min(max(0, start), edge - side)
