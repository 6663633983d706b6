"""The ways to resize pixels, by the names of `data.resize.rule`; only this file knows OpenCV.

All of them are bilinear, and each zoo has its own.
"""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn.functional import interpolate
from torchvision.transforms.v2 import functional

from lumbar.data.sizes import Size

Interpolate = Callable[[Tensor, Size], Tensor]
"""(image (C, H, W) uint8 or float32, height and width) to the image of that size."""


def antialiased(image: Tensor, size: Size) -> Tensor:
    """Averages over all pixels that one of the result stands for.

    Args:
        image: (C, H, W) uint8 or float32.
        size: Height and width of the result.

    Returns:
        (C, *size) of the same dtype.
    """
    resized: Tensor = functional.resize(image, list(size), antialias=True)
    return resized


def by_torch(image: Tensor, size: Size) -> Tensor:
    """Interpolates between four pixels, in float32, as torchvision's detectors do.

    Args:
        image: (C, H, W) uint8 or float32.
        size: Height and width of the result.

    Returns:
        (C, *size) float32.
    """
    return interpolate(image[None].float(), size, mode="bilinear")[0]


def by_pillow(image: Tensor, size: Size) -> Tensor:
    """Averages as `antialiased` does, with Pillow's rounding, as detectron2 does.

    Args:
        image: (C, H, W) uint8 or float32.
        size: Height and width of the result.

    Returns:
        (C, *size) of the same dtype.
    """

    def resize(channel: NDArray[Any]) -> NDArray[Any]:
        picture = Image.fromarray(channel)
        return np.array(picture.resize(size[::-1], Image.Resampling.BILINEAR))

    return _by_channel(image, resize)


def by_opencv(image: Tensor, size: Size) -> Tensor:
    """Interpolates between four pixels, with OpenCV's rounding, as MMDetection does.

    Args:
        image: (C, H, W) uint8 or float32.
        size: Height and width of the result.

    Returns:
        (C, *size) of the same dtype.
    """
    library = single_threaded_opencv()
    return _by_channel(image, lambda channel: library.resize(channel, size[::-1]))


INTERPOLATIONS: Mapping[str, Interpolate] = {
    "antialias": antialiased,
    "torchvision": by_torch,
    "pil": by_pillow,
    "opencv": by_opencv,
}


@cache
def single_threaded_opencv() -> Any:
    """The library, imported where it is needed; its threads do not survive the fork into loader workers."""
    import cv2

    cv2.setNumThreads(0)
    return cv2


def _by_channel(image: Tensor, resize: Callable[[NDArray[Any]], NDArray[Any]]) -> Tensor:
    return torch.stack(
        [torch.from_numpy(resize(channel.contiguous().numpy())) for channel in image]
    )
