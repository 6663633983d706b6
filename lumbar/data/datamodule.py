"""The splits of a data set as Lightning wants them: who reads what, in which batches."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from lightning.pytorch import LightningDataModule
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset

from lumbar.data.categories import Categories
from lumbar.data.collate import collate
from lumbar.data.config import DataConfig
from lumbar.data.loader import ResumableLoader, start_worker
from lumbar.data.read import read_split
from lumbar.data.records import Records
from lumbar.data.sample import Sample
from lumbar.data.samplers import EvalBatchSampler, TrainBatchSampler
from lumbar.data.sizes import Size, canvas_of
from lumbar.data.transforms import build_transform

Split = Literal["train", "val", "test"]
MakeDataset = Callable[..., Dataset[Sample]]
"""(records, transform, seed, bad_images="stop") to a data set that is asked for (epoch, index)."""
_NEEDED: dict[str, tuple[Split, ...]] = {
    "fit": ("train", "val"),
    "validate": ("val",),
    "test": ("test",),
}


class DataModule(LightningDataModule):
    """Loaders of the three splits; the task says how a record becomes a sample.

    Rank and world size are those of the Trainer that it is attached to. The Trainer must leave the
    samplers as they are (`use_distributed_sampler=False`).
    """

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
        super().__init__()
        self._config = config
        self._make_dataset = make_dataset
        self._root = root / config.root
        self._seed = seed
        self._categories = categories
        self._read: dict[Split, Records] = {}

    def setup(self, stage: str) -> None:
        """Reads what the stage needs: a missing file is found before anything slow begins."""
        for split in _NEEDED.get(stage, ()):
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

    def train_dataloader(self) -> ResumableLoader:
        """Shuffled, augmented, grouped by aspect ratio; each pass is the next epoch."""
        config, records = self._config, self.records("train")
        transform = build_transform(config.resize, config.augment)
        order = TrainBatchSampler(
            _aspect_groups(records, config),
            batch_size=config.batch_size_per_device,
            seed=self._seed,
            rank=self._rank,
            world=self._world,
            accumulate=self.trainer.accumulate_grad_batches if self.trainer else 1,
        )
        dataset = self._make_dataset(records, transform, self._seed, bad_images=config.bad_images)
        return ResumableLoader(dataset, batch_sampler=order, **self._loader_options())

    def val_dataloader(self) -> DataLoader[Sample]:
        """Each image of the validation split once over all ranks."""
        return self._eval_loader("val")

    def test_dataloader(self) -> DataLoader[Sample]:
        """Each image of the test split once over all ranks."""
        return self._eval_loader("test")

    def _read_once(self, split: Split) -> Records:
        if split not in self._read:
            records = read_split(getattr(self._config, split), self._root, name=split)
            if split == "train" and not self._config.keep_empty:
                records = _with_boxes(records)
            self._read[split] = records
        return self._read[split]

    def _eval_loader(self, split: Split) -> DataLoader[Sample]:
        config, records = self._config, self.records(split)
        order = EvalBatchSampler(
            _canvases(records, config),
            batch_size=config.eval_batch_size_per_device,
            rank=self._rank,
            world=self._world,
        )
        dataset = self._make_dataset(records, build_transform(config.resize, None), self._seed)
        return DataLoader(dataset, batch_sampler=order, **self._loader_options())

    def _loader_options(self) -> dict[str, Any]:
        config = self._config
        join = partial(
            collate,
            multiple=config.pad_multiple,
            canvas_buckets=config.canvas_buckets,
            target_buckets=config.target_buckets,
        )
        return {
            "collate_fn": join,
            "num_workers": config.workers,
            "persistent_workers": config.workers > 0,
            "pin_memory": torch.cuda.is_available(),
            "worker_init_fn": start_worker,
            "generator": torch.Generator(),  # a resumed run would draw more often from the global one
        }

    @property
    def _rank(self) -> int:
        return self.trainer.global_rank if self.trainer else 0

    @property
    def _world(self) -> int:
        return self.trainer.world_size if self.trainer else 1


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


def _aspect_groups(records: Records, config: DataConfig) -> NDArray[np.int64]:
    """Returns (N,): 1 for landscape and square, 0 for portrait; all alike where canvases are."""
    if not config.group_by_aspect or config.augment.scale_jitter:
        return np.zeros(len(records), dtype=np.int64)
    return (records.sizes[:, 1] >= records.sizes[:, 0]).astype(np.int64)


def _canvases(records: Records, config: DataConfig) -> list[Size]:
    return [
        canvas_of((height, width), config.resize, config.pad_multiple, config.canvas_buckets)
        for height, width in records.sizes.tolist()
    ]
