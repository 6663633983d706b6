"""Images with boxes as Lightning wants them."""

from collections.abc import Callable
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Dataset

from lumbar.data.canvases import (
    canvas_groups,
    choose_canvases,
    evaluation_sizes,
    padding_share,
    training_sizes,
)
from lumbar.data.categories import Categories
from lumbar.data.collate import collate
from lumbar.data.config import DataConfig
from lumbar.data.read import read_split
from lumbar.data.records import Records
from lumbar.data.sample import Sample
from lumbar.data.sizes import Size, canvas_of
from lumbar.data.splits import EvalSet, Split, SplitModule, TrainSet, aspect_groups
from lumbar.data.transforms import build_transform

_NO_SIZES = np.zeros((0, 2), dtype=np.int64)

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
        images_per_step: int = 1,
    ) -> None:
        """Keeps the settings; no file is read yet.

        Args:
            config: Where the data lie and how they become batches.
            make_dataset: The task's data set, made from (records, transform, seed); in training, `bad_images` says
                what it does with one that cannot be read.
            root: Folder that a relative `config.root` starts from.
            seed: Of the run.
            categories: The classes of a trained model; None takes those of the training split.
            images_per_step: So many that are trained on, or none, have each canvas that is chosen from the data.
        """
        super().__init__(config, seed=seed)
        self._config = config
        self._make_dataset = make_dataset
        self._root = root / config.root
        self._categories = categories
        self._images_per_step = images_per_step
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

    @cached_property
    def canvases(self) -> tuple[Size, ...]:
        """Those of the settings, or chosen for the images of all splits that are named; empty for any multiple."""
        config = self._config
        if config.canvas_buckets != "auto":
            return config.canvas_buckets
        trained, *evaluated = (
            self._read_once(split).sizes if getattr(config, split).annotations else _NO_SIZES
            for split in ("train", "val", "test")
        )
        return choose_canvases(
            training_sizes(trained, config.resize, config.augment),
            evaluation_sizes(np.concatenate(evaluated), config.resize),
            multiple=config.pad_multiple,
            least=self._images_per_step if self._grouped else len(trained),
        )

    def explain_canvases(self) -> str:
        """The canvases, if they are few, and what share of them images leave empty, each as large as it is trained."""
        if not self.canvases:
            return ""
        config = self._config
        sizes = training_sizes(self.records("train").sizes, config.resize, config.augment)
        share = padding_share(sizes, self.canvases, config.pad_multiple)
        named = ", ".join(f"{height} x {width}" for height, width in self.canvases)
        return f"{named}; {share:.0%} of their pixels are padding"

    def train_set(self) -> TrainSet:
        """Augmented images, grouped by their canvas or aspect ratio."""
        config, records = self._config, self.records("train")
        transform = build_transform(config.resize, config.augment)
        return TrainSet(
            self._make_dataset(records, transform, self._seed, bad_images=config.bad_images),
            self._groups(records.sizes),
            self._collate(),
            self.canvases,
        )

    def eval_set(self, split: Split) -> EvalSet:
        """Resized images, each on a canvas that follows from its size."""
        config, records = self._config, self.records(split)
        canvases = [
            canvas_of((height, width), config.resize, config.pad_multiple, self.canvases)
            for height, width in records.sizes.tolist()
        ]
        dataset = self._make_dataset(records, build_transform(config.resize, None), self._seed)
        return EvalSet(dataset, canvases, self._collate())

    @property
    def _grouped(self) -> bool:
        return self._config.group_by_aspect and not self._config.augment.scale_jitter

    def _groups(self, files: NDArray[np.int64]) -> NDArray[np.int64]:
        if not self._grouped:
            return np.zeros(len(files), dtype=np.int64)
        if not self.canvases:
            return aspect_groups(files)
        config = self._config
        return canvas_groups(training_sizes(files, config.resize, config.augment), self.canvases)

    def _collate(self) -> Callable[[list[Sample]], Any]:
        return partial(
            collate,
            multiple=self._config.pad_multiple,
            canvas_buckets=self.canvases,
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
