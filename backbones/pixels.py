"""Pixel normalisation that travels with the weights."""

from collections.abc import Sequence
from typing import Self

import torch
from torch import Tensor, nn

from lumbar.ops.structures import Images

IMAGENET_MEAN = (0.485 * 255, 0.456 * 255, 0.406 * 255)
IMAGENET_STD = (0.229 * 255, 0.224 * 255, 0.225 * 255)


class PixelNorm(nn.Module):
    """Shifts and scales the channels of images; the padding becomes zero.

    Args:
        mean: For each channel, in units of 0 to 255.
        std: For each channel, in the same units.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean))
        self.register_buffer("std", torch.tensor(std))

    @classmethod
    def of_imagenet(cls, channels: int = 3) -> Self:
        """Statistics of ImageNet; any number of channels but three gets their grey averages."""
        if channels == 3:
            return cls(IMAGENET_MEAN, IMAGENET_STD)
        return cls([sum(IMAGENET_MEAN) / 3] * channels, [sum(IMAGENET_STD) / 3] * channels)

    def forward(self, images: Images) -> Tensor:
        """Normalised canvas (B, C, H, W) in the dtype of the buffers, zero outside the images."""
        mean, std = self.mean[:, None, None], self.std[:, None, None]
        x = (images.canvas.to(mean.dtype) - mean).div_(std)
        return x.masked_fill_(_outside(images), 0)


def _outside(images: Images) -> Tensor:
    height, width = images.canvas.shape[-2:]
    sizes = images.sizes[:, :, None]
    rows = torch.arange(height, device=sizes.device) >= sizes[:, 0]
    columns = torch.arange(width, device=sizes.device) >= sizes[:, 1]
    return rows[:, None, :, None] | columns[:, None, None, :]
