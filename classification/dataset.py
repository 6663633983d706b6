"""From a labelled image to a training sample."""

import numpy as np
import torch
from torch.utils.data import Dataset

from classification.labelled import Decoding, LabelledImages
from lumbar.data.geometry import size_of
from lumbar.data.sample import Sample, Transform, item_seed


class ImageDataset(Dataset[Sample]):
    """Reads and transforms the images of one split."""

    def __init__(
        self, images: LabelledImages, transform: Transform, seed: int, *, decoding: Decoding
    ) -> None:
        """Keeps what is needed to make any sample.

        Args:
            images: Of the split.
            transform: Changes an image.
            seed: Of the run; with epoch and image it decides everything random.
            decoding: How image files are decoded.
        """
        self.images = images
        self.transform = transform
        self.seed = seed
        self._decoding = decoding

    def __len__(self) -> int:
        """Images of the split."""
        return len(self.images)

    def __getitem__(self, key: tuple[int, int]) -> Sample:
        """Makes one sample.

        Args:
            key: (epoch, index).

        Returns:
            The transformed image with its one label, of a box (1, 4) around all of it.

        Raises:
            ValueError: The image cannot be read.
        """
        epoch, index = key
        pixels = self.images.read(index, self._decoding)
        image_id = int(self.images.places[index])
        sample = Sample.of_pixels(
            pixels, image_id=image_id, seed=item_seed(self.seed, epoch, image_id)
        )
        changed = self.transform(sample, np.random.default_rng(sample.seed))
        # Labels go with boxes: this one is of the whole image, whatever has become of it.
        height, width = size_of(changed)
        changed.boxes = torch.tensor([[0, 0, width, height]], dtype=torch.float32)
        changed.labels = torch.from_numpy(self.images.labels[index : index + 1])
        return changed
