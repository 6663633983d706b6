"""Images with boxes as Lightning wants them."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from torch.utils.data import Dataset

from lumbar.data.categories import Categories
from lumbar.data.collate import collate
from lumbar.data.config import DataConfig
from lumbar.data.read import read_split
from lumbar.data.records import Records
from lumbar.data.sample import Sample
from lumbar.data.sizes import canvas_of
from lumbar.data.splits import EvalSet, Split, SplitModule, TrainSet, aspect_groups
from lumbar.data.transforms import build_transform

MakeDataset = Callable[..., Dataset[Sample]]
"""(records, transform, seed, bad_images="stop") to a data set that is asked for (epoch, index)."""


class DataModule(SplitModule):
    """Loaders of images with boxes; the task says how a record becomes a sample."""

    def __init__(
        self,
        config: DataConfig,
        make_dataset: MakeDataset,
        *,
        root: Path,
        seed: int,
        categories: Categories | None = None,
    ) -> None:
        """Keeps the settings; no file is read yet.

        Args:
            config: Where the data lie and how they become batches.
            make_dataset: The task's data set, made from (records, transform, seed); in training, `bad_images` says
                what it does with one that cannot be read.
            root: Folder that a relative `config.root` starts from.
            seed: Of the run.
            categories: The classes of a trained model; None takes those of the training split.
        """
        super().__init__(config, seed=seed)
        self._config = config
        self._make_dataset = make_dataset
        self._root = root / config.root
        self._categories = categories
        self._read: dict[Split, Records] = {}

    def prepare(self, split: Split) -> None:
        """Reads the annotations of a split."""
        self.records(split)

    def records(self, split: Split) -> Records:
        """Returns a split, which is read once, with its labels numbered as in `categories`.

        Training images without boxes are left out unless `keep_empty`.

        Raises:
            ValueError: A file is missing or wrong, no image has a box to train on, or there are
                classes that are not in `categories`.
        """
        return _relabel(self._read_once(split), self.categories, split)

    @property
    def categories(self) -> Categories:
        """The classes given, or those of the training split, or of validation if none is named."""
        if self._categories is not None:
            return self._categories
        return self._read_once("train" if self._config.train.annotations else "val").categories

    def train_set(self) -> TrainSet:
        """Augmented images, grouped by aspect ratio."""
        config, records = self._config, self.records("train")
        transform = build_transform(config.resize, config.augment)
        grouped = config.group_by_aspect and not config.augment.scale_jitter
        return TrainSet(
            self._make_dataset(records, transform, self._seed, bad_images=config.bad_images),
            aspect_groups(records.sizes) if grouped else np.zeros(len(records), dtype=np.int64),
            self._collate(),
        )

    def eval_set(self, split: Split) -> EvalSet:
        """Resized images, each on a canvas that follows from its size."""
        config, records = self._config, self.records(split)
        canvases = [
            canvas_of((height, width), config.resize, config.pad_multiple, config.canvas_buckets)
            for height, width in records.sizes.tolist()
        ]
        dataset = self._make_dataset(records, build_transform(config.resize, None), self._seed)
        return EvalSet(dataset, canvases, self._collate())

    def _collate(self) -> Callable[[list[Sample]], Any]:
        return partial(
            collate,
            multiple=self._config.pad_multiple,
            canvas_buckets=self._config.canvas_buckets,
            target_buckets=self._config.target_buckets,
        )

    def _read_once(self, split: Split) -> Records:
        if split not in self._read:
            records = read_split(getattr(self._config, split), self._root, name=split)
            if split == "train" and not self._config.keep_empty:
                records = _with_boxes(records)
            self._read[split] = records
        return self._read[split]


def _with_boxes(records: Records) -> Records:
    kept = records.with_boxes()
    if not len(kept):
        raise ValueError(
            f"data.train: none of the {len(records)} images of {records.image_root} has a box to "
            "train on: check data.train.annotations, or set data.keep_empty=true"
        )
    return kept


def _relabel(records: Records, categories: Categories, split: Split) -> Records:
    """Matches classes by name: VOC and YOLO number them anew in each split."""
    if records.categories == categories:
        return records
    names = records.categories.names
    unknown = [name for name in names if name not in categories.names]
    if unknown:
        raise ValueError(
            f"data.{split}.annotations: the classes {unknown} are not among those of the model or "
            f"the training split, {list(categories.names)}"
        )
    numbers = np.array([categories.names.index(name) for name in names])
    return replace(records, numbers=numbers[records.numbers], categories=categories)
