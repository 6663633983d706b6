"""From an image and its mask to a training sample."""

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import Dataset

from lumbar.data.collate import Frame
from lumbar.data.image_io import read_image
from lumbar.data.mask_records import MaskRecords
from lumbar.data.sample import Sample, Transform, item_seed

Pair = tuple[NDArray[np.uint8], NDArray[np.uint8]]
"""Image (H, W, C) and labels (H, W) or (K, H, W)."""


class SegmentationDataset(Dataset[Sample]):
    """Reads and transforms the images and masks of one split."""

    def __init__(
        self,
        records: MaskRecords,
        transform: Transform,
        seed: int,
        *,
        frame: Frame,
        cache: bool = False,
        max_megapixels: float = 100.0,
        channels: int = 3,
    ) -> None:
        """Keeps what is needed to make any sample.

        Args:
            records: Images and masks of the split.
            transform: Changes image and mask together.
            seed: Of the run; with epoch and image it decides everything random.
            frame: canvas: masks are transformed with their images; file: they stay as they are.
            cache: Keep decoded images and masks in memory.
            max_megapixels: Larger files are refused.
            channels: Of the images.
        """
        self.records = records
        self.transform = transform
        self.seed = seed
        self._frame = frame
        self._cache: dict[int, Pair] | None = {} if cache else None
        self._max_megapixels = max_megapixels
        self._channels = channels

    def __len__(self) -> int:
        """Images of the split."""
        return len(self.records)

    def __getitem__(self, key: tuple[int, int]) -> Sample:
        """Makes one sample.

        Args:
            key: (epoch, index).

        Returns:
            The transformed image with its mask.

        Raises:
            ValueError: An image or a mask cannot be read, or they do not fit together.
        """
        epoch, index = key
        image, labels = self.pair(index)
        image_id = self.records[index].image_id
        sample = Sample.of_pixels(
            image, image_id=image_id, seed=item_seed(self.seed, epoch, image_id)
        )
        mask, rng = torch.from_numpy(labels.copy()), np.random.default_rng(sample.seed)
        if self._frame == "canvas":
            return self.transform(replace(sample, mask=mask), rng)
        return replace(self.transform(sample, rng), mask=mask)

    def pair(self, index: int) -> Pair:
        """Reads an image and its mask.

        Args:
            index: Of the image.

        Returns:
            The image (H, W, C), and labels (H, W) or (K, H, W).

        Raises:
            ValueError: One of them cannot be read, or they do not fit together.
        """
        if self._cache is not None and index in self._cache:
            return self._cache[index]
        path = self.records[index].path
        image = read_image(path, channels=self._channels, max_megapixels=self._max_megapixels)
        height, width, _ = image.shape
        pair = image, self.records.labels(index, (height, width))
        if self._cache is not None:
            self._cache[index] = pair
        return pair
