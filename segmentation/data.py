"""The data module of segmentation: images and masks in the loaders that serve any task."""

import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np

from lumbar.data.collate import Frame, collate_masks
from lumbar.data.loader import worker_count
from lumbar.data.mask_records import MaskRecords
from lumbar.data.pixel_classes import PixelClasses, shortened
from lumbar.data.sample import Sample, Transform
from lumbar.data.sizes import Size, padded_size
from lumbar.data.splits import EvalSet, Split, SplitModule, TrainSet, aspect_groups
from lumbar.data.transforms import Chain
from lumbar.ops.structures import MaskBatch
from lumbar.training.load import project_root
from segmentation.class_weights import median_frequency_weights
from segmentation.data_config import MaskDataConfig
from segmentation.dataset import SegmentationDataset
from segmentation.read_masks import read_masks
from segmentation.survey import ClassCounts, survey
from segmentation.transforms import eval_transform, train_transform

_log = logging.getLogger(__name__)


class MaskDataModule(SplitModule):
    """Loaders of images with masks."""

    def __init__(
        self,
        config: MaskDataConfig,
        *,
        root: Path,
        in_channels: int,
        seed: int,
        classes: PixelClasses | None,
        eval_frame: Frame,
    ) -> None:
        """Keeps the settings; no file is read yet.

        Args:
            config: Where the data lie and how they become batches.
            root: Folder that a relative `config.root` starts from.
            in_channels: Of the images.
            seed: Of the run.
            classes: Those of a trained model; None takes those of the data.
            eval_frame: Where the labels of evaluated images lie.
        """
        super().__init__(config, seed=seed)
        self._config = config
        self._root = root / config.root
        self._in_channels = in_channels
        self._classes = classes
        self._eval_frame: Frame = eval_frame
        self._read: dict[Split, MaskRecords] = {}
        self._counts: dict[Split, ClassCounts] = {}

    def setup(self, stage: str) -> None:
        """Prepares what the stage needs; a test split, where one is named, before training."""
        super().setup(stage)
        if stage == "fit" and self._config.test.masks:
            self.prepare("test")

    def prepare(self, split: Split) -> None:
        """Decodes all images and masks of a split, so that each mistake is known.

        Raises:
            ValueError: Files are damaged, do not fit together, or have values that stand for nothing.
        """
        self.class_counts(split)

    def records(self, split: Split) -> MaskRecords:
        """Returns a split, which is read once, with its labels numbered as in `classes`.

        Raises:
            ValueError: A file is missing or wrong, or there are classes that are not in `classes`.
        """
        records = self._read_once(split)
        try:
            return records.numbered_as(self.classes)
        except ValueError as error:
            raise ValueError(f"data.{split}: {error}") from error

    @property
    def classes(self) -> PixelClasses:
        """The classes given, or those of the settings, or else of the first file that is named."""
        declared = self._classes or self._config.pixel_classes()
        return declared or self._read_once("train" if self._config.train.masks else "val").classes

    def class_counts(self, split: Split) -> ClassCounts:
        """Counts the pixels of each class in a split; its images and masks are decoded once.

        Raises:
            ValueError: Files are damaged, do not fit together, or have values that stand for nothing, or a training
                split has nothing to learn from.
        """
        if split not in self._counts:
            dataset = self._dataset(split, Chain(()), "file")
            workers = worker_count(self._config.workers, sharing=1)
            counts = survey(dataset, workers=workers, name=split)
            if split == "train":
                _check_learnable(counts, self.records(split))
            self._counts[split] = counts
        return self._counts[split]

    def class_weights(self) -> list[float]:
        """Says how much each of the K classes should count, by how rare it is in the training split."""
        pixels, labelled = self.class_counts("train")
        weights: list[float] = median_frequency_weights(pixels[None], labelled[None]).tolist()
        return weights

    def train_set(self) -> TrainSet:
        """Augmented images with masks, cut to one size or grouped by aspect ratio."""
        config, records = self._config, self.records("train")
        crop, sizes = config.augment.crop, records.sizes
        if records.multilabel and config.augment.cat_max_ratio < 1:
            raise ValueError(
                "data.augment.cat_max_ratio: pixels of several classes have no largest one: set it to 1"
            )
        grouped = crop is None and config.group_by_aspect
        canvases = (crop,) if crop else ()
        return TrainSet(
            self._dataset("train", train_transform(config.resize, config.augment), "canvas"),
            aspect_groups(sizes) if grouped else np.zeros(len(sizes), dtype=np.int64),
            self._collate("canvas", canvases),
            canvases,
        )

    def eval_set(self, split: Split) -> EvalSet:
        """Whole images, each on a canvas that follows from its size."""
        rescale, multiple = eval_transform(self._config.resize), self._config.pad_multiple
        canvases = [
            padded_size(rescale.size((height, width)), multiple, ())
            for height, width in self.records(split).sizes.tolist()
        ]
        frame = self._eval_frame
        return EvalSet(self._dataset(split, rescale, frame), canvases, self._collate(frame, ()))

    def _read_once(self, split: Split) -> MaskRecords:
        if split not in self._read:
            self._read[split] = read_masks(
                getattr(self._config, split),
                self._root,
                classes=self._config.pixel_classes(),
                name=split,
            )
        return self._read[split]

    def _dataset(self, split: Split, transform: Transform, frame: Frame) -> SegmentationDataset:
        return SegmentationDataset(
            self.records(split),
            transform,
            self._seed,
            frame=frame,
            cache=self._config.cache_images,
            max_megapixels=self._config.max_image_megapixels,
            channels=self._in_channels,
        )

    def _collate(
        self, frame: Frame, canvases: tuple[Size, ...]
    ) -> Callable[[list[Sample]], MaskBatch]:
        return partial(
            collate_masks,
            multiple=self._config.pad_multiple,
            canvas_buckets=canvases,
            frame=frame,
        )


def make_datamodule(
    config: MaskDataConfig,
    *,
    in_channels: int,
    seed: int,
    classes: PixelClasses | None = None,
    scored_at: Literal["original", "resized"] = "original",
) -> MaskDataModule:
    """Makes the loaders of the three splits.

    Args:
        config: Of the data.
        in_channels: Of the model.
        seed: Of the run.
        classes: Those of the weights that are evaluated; None takes those of the data.
        scored_at: Whether evaluation has labels in the sizes of the files, or resized with their images.

    Returns:
        The data module; nothing is read yet.
    """
    return MaskDataModule(
        config,
        root=project_root(),
        in_channels=in_channels,
        seed=seed,
        classes=classes,
        eval_frame="file" if scored_at == "original" else "canvas",
    )


def _check_learnable(counts: ClassCounts, records: MaskRecords) -> None:
    """A class is told from another one, or, where pixels have several, from its absence."""
    names = records.classes.names
    missing = [name for name, count in zip(names, counts.pixels, strict=True) if not count]
    if len(names) - len(missing) < (1 if records.multilabel else 2):
        raise ValueError(
            f"data.train: there is nothing to learn: of the classes {shortened(names)}, no pixel of the {len(records)} "
            f"masks is {shortened(missing)} (images in {records.image_root}): check data.classes and data.void"
        )
    if missing:
        _log.warning("data.train: no pixel of any mask is %s", shortened(missing))
