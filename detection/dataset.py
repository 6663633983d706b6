"""From an annotation record to a training sample: the one place where crowds and degenerate boxes are left out."""

import logging
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import Dataset

from lumbar.data.image_io import read_image
from lumbar.data.records import Record, Records
from lumbar.data.transforms import Sample, Transform, item_seed

_log = logging.getLogger(__name__)


class DetectionDataset(Dataset[Sample]):
    """Reads, transforms and labels the images of one split."""

    def __init__(
        self,
        records: Records,
        transform: Transform,
        seed: int,
        *,
        cache: bool = False,
        max_megapixels: float = 100.0,
        channels: int = 3,
        bad_images: Literal["stop", "blank"] = "stop",
    ) -> None:
        """Keeps what is needed to make any sample.

        Args:
            records: Annotations of the split.
            transform: Changes image and boxes together.
            seed: Of the run; with epoch and image it decides everything random.
            cache: Keep decoded images in memory.
            max_megapixels: Larger files are refused.
            channels: Of the images.
            bad_images: An image that cannot be read is an error, or a black one of its size without objects.
        """
        self.records = records
        self.transform = transform
        self.seed = seed
        self._cache: dict[int, NDArray[np.uint8]] | None = {} if cache else None
        self._max_megapixels = max_megapixels
        self._channels = channels
        self._bad_images = bad_images

    def __len__(self) -> int:
        """Images of the split."""
        return len(self.records)

    def __getitem__(self, key: tuple[int, int]) -> Sample:
        """Makes one sample.

        Args:
            key: (epoch, index).

        Returns:
            The transformed image with the boxes that still have an area.

        Raises:
            ValueError: If the image cannot be read, or is not of the size that its annotation says.
        """
        epoch, index = key
        record = self.records[index]
        seed = item_seed(self.seed, epoch, record.image_id)
        try:
            image = self._read(index)
        except ValueError as error:
            if self._bad_images == "stop":
                raise
            _log.warning("%s: trained as a black image without objects", error)
            image = np.zeros((*record.size, self._channels), dtype=np.uint8)
            record = record._replace(usable=np.zeros_like(record.usable))
        sample = self.transform(_to_sample(record, image, seed), np.random.default_rng(seed))
        keep = (sample.boxes[:, 2:] > sample.boxes[:, :2]).all(1)
        sample.boxes, sample.labels = sample.boxes[keep], sample.labels[keep]
        return sample

    def _read(self, index: int) -> NDArray[np.uint8]:
        if self._cache is not None and index in self._cache:
            return self._cache[index]
        path = self.records[index].path
        image = read_image(path, channels=self._channels, max_megapixels=self._max_megapixels)
        if self._cache is not None:
            self._cache[index] = image
        return image


def _to_sample(record: Record, image: NDArray[np.uint8], seed: int) -> Sample:
    keep = record.usable & ~record.crowd
    height, width = image.shape[:2]
    if record.size not in {(0, 0), (height, width)}:
        raise ValueError(
            f"{record.path}: the file is {width} x {height} pixels, but its annotation says "
            f"{record.size[1]} x {record.size[0]}; the boxes would not fit: correct the annotation file"
        )
    return Sample(
        image=torch.from_numpy(image.copy()).permute(2, 0, 1),
        boxes=torch.from_numpy(record.boxes[keep]).to(torch.float32),
        labels=torch.from_numpy(record.labels[keep]),
        original_size=(height, width),
        image_id=record.image_id,
        seed=seed,
    )
