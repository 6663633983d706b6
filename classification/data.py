"""The data module of classification: labelled images in the loaders that serve any task."""

import logging
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from torch.utils.data import DataLoader

from classification.batch import LabelBatch, collate_labels
from classification.data_config import ImageDataConfig
from classification.dataset import ImageDataset
from classification.labelled import Decoding, LabelledImages
from classification.read import read_images
from classification.transforms import eval_transform, train_transform
from lumbar.data.sample import Sample, Transform
from lumbar.data.sizes import padded_size
from lumbar.data.splits import EvalSet, Split, SplitModule, TrainSet
from lumbar.training.load import project_root

_log = logging.getLogger(__name__)


class ImageDataModule(SplitModule):
    """Loaders of labelled images."""

    def __init__(
        self,
        config: ImageDataConfig,
        *,
        root: Path,
        in_channels: int,
        seed: int,
        class_names: Sequence[str] | None,
    ) -> None:
        """Keeps the settings; no file is read yet.

        Args:
            config: Where the data lie and how they become batches.
            root: Folder that a relative `config.root` starts from.
            in_channels: Of the images.
            seed: Of the run.
            class_names: Those of a trained model; None takes those of the training split.
        """
        super().__init__(config, seed=seed)
        self._config = config
        self._root = root / config.root
        self._decoding = Decoding(in_channels, config.max_image_megapixels)
        self._class_names = class_names
        self._read: dict[Split, LabelledImages] = {}

    def prepare(self, split: Split) -> None:
        """Lists the images of a split, and decodes them if they are to be kept in memory.

        Raises:
            ValueError: Files are missing or wrong, or there is nothing to learn.
        """
        images = self.images(split)
        if split == "train":
            _check_learnable(images)

    def images(self, split: Split) -> LabelledImages:
        """Returns a split, which is read once, with its classes numbered as in `class_names`.

        Raises:
            ValueError: A file is missing or wrong, or there are classes that are not in `class_names`.
        """
        try:
            return self._read_once(split).numbered_as(self.class_names)
        except ValueError as error:
            message = str(error)
            raise ValueError(
                message if message.startswith("data.") else f"data.{split}: {message}"
            ) from error

    @property
    def class_names(self) -> tuple[str, ...]:
        """The classes given, or those of the training split, or of validation if none is named."""
        if self._class_names is not None:
            return tuple(self._class_names)
        return self._read_once("train" if self._config.train.images else "val").class_names

    def train_set(self) -> TrainSet:
        """Augmented images of one size, all in one group."""
        config = self._config
        dataset = self._dataset("train", train_transform(config.frame, config.augment))
        canvas = padded_size((config.frame.size, config.frame.size), config.pad_multiple, ())
        groups = np.zeros(len(dataset), dtype=np.int64)
        return TrainSet(dataset, groups, self._collate(), (canvas,), config.repeats)

    def eval_set(self, split: Split) -> EvalSet:
        """The middle of each image."""
        dataset = self._dataset(split, eval_transform(self._config.frame))
        edge = self._config.frame.test_size
        return EvalSet(dataset, [(edge, edge)] * len(dataset), self._collate())

    def plain_loader(self, split: Split) -> DataLoader[Sample]:
        """Each image of a split once, as in evaluation; of training images, too."""
        return self._eval_loader(split)

    def _dataset(self, split: Split, transform: Transform) -> ImageDataset:
        return ImageDataset(self.images(split), transform, self._seed, decoding=self._decoding)

    def _collate(self) -> Callable[[list[Sample]], LabelBatch]:
        return partial(collate_labels, multiple=self._config.pad_multiple)

    def _read_once(self, split: Split) -> LabelledImages:
        if split not in self._read:
            config = self._config
            images = read_images(getattr(config, split), self._root, boxes=config.boxes, name=split)
            self._read[split] = images.in_memory(self._decoding) if config.cache_images else images
        return self._read[split]


def make_datamodule(
    config: ImageDataConfig,
    *,
    in_channels: int,
    seed: int,
    class_names: Sequence[str] | None = None,
) -> ImageDataModule:
    """Makes the loaders of the three splits.

    Args:
        config: Of the data.
        in_channels: Of the model.
        seed: Of the run.
        class_names: Those of the weights that are evaluated; None takes those of the data.

    Returns:
        The data module; nothing is read yet.
    """
    return ImageDataModule(
        config, root=project_root(), in_channels=in_channels, seed=seed, class_names=class_names
    )


def _check_learnable(images: LabelledImages) -> None:
    counts = images.counts()
    missing = [name for name, count in zip(images.class_names, counts, strict=True) if not count]
    if len(counts) - len(missing) < 2:
        raise ValueError(
            f"data.train: there is nothing to learn: all {len(images)} images are of the class "
            f"{images.class_names[int(counts.argmax())]}"
        )
    if missing:
        _log.warning("data.train: no image of the classes %s", ", ".join(missing))
