"""The ways of training images from file to batch in three tasks, Lumbar's beside those of torchvision's references."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch.utils.data import Dataset, default_collate
from torchvision import tv_tensors
from torchvision.transforms import v2

from benchmarks.photos import FOLDER
from classification.batch import collate_labels
from classification.data_config import FrameConfig, ImageAugmentConfig
from classification.dataset import ImageDataset
from classification.labelled import Decoding, LabelledImages
from classification.transforms import train_transform as frame_transform
from detection.dataset import DetectionDataset
from lumbar.data.collate import collate, collate_masks
from lumbar.data.config import AugmentConfig, DataConfig, ResizeConfig, SplitConfig
from lumbar.data.mask_records import MaskRecords
from lumbar.data.pixel_classes import IGNORE
from lumbar.data.read import read_split
from lumbar.data.records import Records
from lumbar.data.transforms import build_transform
from segmentation.data_config import (
    MaskAugmentConfig,
    MaskDataConfig,
    MaskResizeConfig,
    MaskSplitConfig,
)
from segmentation.dataset import SegmentationDataset
from segmentation.read_masks import read_masks
from segmentation.transforms import train_transform as mask_transform

SHORTS = (640, 672, 704, 736, 768, 800)
LONG = 1333
CROP = 512
_NORMALISED = v2.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


class Pipeline(NamedTuple):
    """What a loader process does."""

    dataset: Dataset[Any]
    """Asked for (epoch, index)."""
    collate: Callable[[list[Any]], Any]


class _Changed(Dataset[Any]):
    """What torchvision's transforms make of photographs and their truth."""

    def __init__(self, read: Callable[[int], tuple[Any, ...]], changes: list[v2.Transform]) -> None:
        self._read = read
        self._transform = v2.Compose([v2.ToImage(), *changes])

    def __getitem__(self, key: tuple[int, int]) -> Any:
        return self._transform(*self._read(key[1]))


class _Photos(NamedTuple):
    """A source of labelled images."""

    paths: tuple[Path, ...]

    def read(self, place: int, decoding: Decoding) -> NDArray[np.uint8]:
        return decoding.read(self.paths[place])

    def name(self, place: int) -> str:
        return self.paths[place].name


def photo_records() -> Records:
    """The photographs of the examples with their boxes."""
    split = SplitConfig(images="images", annotations="annotations/instances.json")
    return read_split(split, FOLDER, name="train")


def make_order(records: Records, batch: int, repeats: int) -> list[list[tuple[int, int]]]:
    """Batches of photographs of like shapes, as (epoch, index), several times.

    Args:
        records: N photographs.
        batch: B images.
        repeats: Passes over the photographs.
    """
    shapes = records.sizes[:, 0] / records.sizes[:, 1]
    order = np.argsort(shapes, kind="stable")[: len(shapes) // batch * batch]
    return [
        [(epoch, index) for index in indices]
        for epoch in range(repeats)
        for indices in order.reshape(-1, batch).tolist()
    ]


def pipelines(records: Records, folder: Path) -> dict[str, dict[str, Pipeline]]:
    """What is compared, by task and whose it is.

    Args:
        records: Photographs.
        folder: Where their masks are written.
    """
    masks = _write_masks(folder)
    paths = tuple(record.path for record in records)
    return {
        "detection": {"lumbar": _boxes(records), "torchvision": _their_boxes(records)},
        "segmentation": {"lumbar": _masks(masks), "torchvision": _their_masks(masks, folder)},
        "classification": {"lumbar": _labels(paths), "torchvision": _their_labels(paths)},
    }


def _write_masks(folder: Path) -> MaskRecords:
    """Draws the outlines of objects into PNG files, as data sets of masks have them."""
    split = MaskSplitConfig(images="images", masks="annotations/instances.json")
    outlines = read_masks(split, FOLDER, classes=None, name="train")
    for index, record in enumerate(outlines):
        drawn = Image.fromarray(outlines.labels(index, record.size))
        drawn.save(folder / f"{record.path.stem}.png")
    classes = {name: value for value, name in enumerate(outlines.classes.names)}
    files = MaskSplitConfig(images=str(FOLDER / "images"), masks=str(folder))
    known = MaskDataConfig(classes=classes, void=(IGNORE,)).pixel_classes()
    return read_masks(files, FOLDER, classes=known, name="train")


def _boxes(records: Records) -> Pipeline:
    transform = build_transform(ResizeConfig(short=SHORTS, long=LONG), AugmentConfig())
    joined = partial(
        collate, multiple=32, canvas_buckets=(), target_buckets=DataConfig().target_buckets
    )
    return Pipeline(DetectionDataset(records, transform, 0), joined)


def _their_boxes(records: Records) -> Pipeline:
    def read(index: int) -> tuple[Any, ...]:
        record = records[index]
        boxes = tv_tensors.BoundingBoxes(record.boxes, format="XYXY", canvas_size=record.size)
        return _decoded(record.path), {"boxes": boxes, "labels": torch.from_numpy(record.labels)}

    changes = [
        v2.RandomShortestSize(SHORTS, max_size=LONG, antialias=True),
        v2.RandomHorizontalFlip(),
        v2.ToDtype(torch.float32, scale=True),
        v2.ToPureTensor(),
    ]
    return Pipeline(_Changed(read, changes), list)


def _masks(masks: MaskRecords) -> Pipeline:
    transform = mask_transform(
        MaskResizeConfig(short=CROP, long=4 * CROP),
        MaskAugmentConfig(scale=(0.5, 2.0), crop=(CROP, CROP)),
    )
    joined = partial(collate_masks, multiple=32, canvas_buckets=((CROP, CROP),), frame="canvas")
    return Pipeline(SegmentationDataset(masks, transform, 0, frame="canvas"), joined)


def _their_masks(masks: MaskRecords, folder: Path) -> Pipeline:
    def read(index: int) -> tuple[Any, ...]:
        photo = masks[index].path
        with Image.open(folder / f"{photo.stem}.png") as mask:
            return _decoded(photo), tv_tensors.Mask(mask)

    fill = {tv_tensors.Image: 0, tv_tensors.Mask: IGNORE}
    dtypes = {tv_tensors.Image: torch.float32, tv_tensors.Mask: torch.int64}
    changes = [
        v2.RandomResize(CROP // 2, CROP * 2, antialias=True),
        v2.RandomHorizontalFlip(),
        v2.RandomCrop(CROP, pad_if_needed=True, fill=fill),
        v2.ToDtype(dtypes, scale=True),
        _NORMALISED,
        v2.ToPureTensor(),
    ]
    return Pipeline(_Changed(read, changes), default_collate)


def _labels(paths: tuple[Path, ...]) -> Pipeline:
    count = len(paths)
    images = LabelledImages(
        source=_Photos(paths),
        places=np.arange(count),
        labels=np.zeros(count, dtype=np.int64),
        class_names=("photograph",),
    )
    transform = frame_transform(FrameConfig(), ImageAugmentConfig())
    dataset = ImageDataset(images, transform, 0, decoding=Decoding())
    return Pipeline(dataset, partial(collate_labels, multiple=32))


def _their_labels(paths: tuple[Path, ...]) -> Pipeline:
    changes = [
        v2.RandomResizedCrop(224, antialias=True),
        v2.RandomHorizontalFlip(),
        v2.ToDtype(torch.float32, scale=True),
        _NORMALISED,
        v2.ToPureTensor(),
    ]
    return Pipeline(_Changed(lambda index: (_decoded(paths[index]), 0), changes), default_collate)


def _decoded(path: Path) -> Image.Image:
    with Image.open(path) as image:
        return image.convert("RGB")
