"""One image with its annotations, on the way from the file to the batch."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


@dataclass
class Sample:
    """An image, its boxes and its mask; transforms return a changed copy."""

    image: Tensor
    """(C, H, W) uint8 or float32, 0 to 255, RGB when C is 3."""
    boxes: Tensor
    """(n, 4) float32 xyxy, pixels of `image`."""
    labels: Tensor
    """(n,) int64 class in 0..K-1."""
    original_size: tuple[int, int]
    """Height and width of the image file."""
    image_id: int
    """Id in the annotation file."""
    seed: int
    """In [0, 2**31): everything random about this image in this epoch follows from it."""
    mask: Tensor | None = None
    """uint8, where the task has one: (H, W) class of each pixel, or (K, H, W) 0 or 1 for each class; 255 is ignored."""

    @classmethod
    def of_pixels(cls, pixels: NDArray[np.uint8], *, image_id: int = 0, seed: int = 0) -> Self:
        """Begins with an image alone: nothing is known to be in it.

        Args:
            pixels: (H, W, C), which are copied.
            image_id: Id in the annotation file.
            seed: Everything random about it follows from this.
        """
        height, width, _ = pixels.shape
        return cls(
            image=torch.from_numpy(pixels.copy()).permute(2, 0, 1),
            boxes=torch.zeros(0, 4),
            labels=torch.zeros(0, dtype=torch.int64),
            original_size=(height, width),
            image_id=image_id,
            seed=seed,
        )


Transform = Callable[[Sample, np.random.Generator], Sample]


def item_seed(seed: int, epoch: int, image_id: int) -> int:
    """Mixes run, epoch and image into one seed, the same in every process, on every machine.

    Returns:
        A number in [0, 2**31).
    """
    digest = hashlib.blake2b(f"{seed} {epoch} {image_id}".encode(), digest_size=4).digest()
    return int.from_bytes(digest, "little") >> 1
