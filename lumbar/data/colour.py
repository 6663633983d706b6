"""Random colours: brightness, contrast, saturation and hue as one affine map of RGB in one pass."""

import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import conv2d

from lumbar.data.sample import Sample

LUMA = np.array([0.299, 0.587, 0.114])
"""Share of red, green and blue in the luma (ITU-R BT.601)."""


@dataclass(frozen=True)
class ColourJitter:
    """Draws brightness, contrast and saturation around 1 and a turn of the hue.

    The factors are within `strength` of 1, the turn within a tenth of `strength` of zero, in full
    circles. Images that are not RGB change in brightness and contrast only.
    """

    strength: float

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """Returns the sample in other colours."""
        brightness, contrast, saturation = rng.uniform(1 - self.strength, 1 + self.strength, 3)
        turn = rng.uniform(-0.1, 0.1) * self.strength
        channels = sample.image.shape[0]
        if channels == len(LUMA):
            mixing, luma = chroma_matrix(saturation, turn), LUMA
        else:
            mixing, luma = np.eye(channels), np.full(channels, 1 / channels)
        return replace(
            sample, image=remap_colours(sample.image, mixing * brightness, luma, contrast)
        )


def chroma_matrix(saturation: float, turn: float) -> NDArray[np.float64]:
    """A (3, 3) matrix that turns the hue and scales the saturation; grey and luma stay as they are.

    Args:
        saturation: 0 is grey, 1 leaves the saturation.
        turn: Hue shift as a fraction of the full circle.
    """
    cosine, sine = math.cos(2 * math.pi * turn), math.sin(2 * math.pi * turn)
    cross = np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / math.sqrt(3)
    around_grey = cosine * np.eye(3) + sine * cross + (1 - cosine) / 3
    # The turn shifts the luma; the difference, added to all channels, restores it.
    keeps_luma = around_grey + (LUMA - LUMA @ around_grey)
    return saturation * keeps_luma + (1 - saturation) * LUMA


def remap_colours(
    image: Tensor, mixing: NDArray[np.float64], luma: NDArray[np.float64], contrast: float
) -> Tensor:
    """Mixes the channels, then spreads them around the mean luma of the mixed image.

    Args:
        image: (C, H, W) uint8 or float, 0 to 255.
        mixing: (C, C) weight of each old channel in each new one.
        luma: (C,) share of each channel in the luma.
        contrast: Factor of the distances from the mean luma.

    Returns:
        (C, H, W) of the same dtype, clipped to 0 to 255.
    """
    pixels = image.float()
    mixed_mean = mixing @ pixels.mean((1, 2)).numpy()
    offset = torch.full((len(luma),), (1 - contrast) * float(luma @ mixed_mean))
    weight = torch.from_numpy(mixing * contrast).float()[:, :, None, None]
    changed = conv2d(pixels[None], weight, offset)[0].clamp_(0, 255)
    return changed if image.is_floating_point() else changed.round_().to(image.dtype)
