"""Random changes of training patches: how they are turned, scaled and mirrored, and what becomes of intensities."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lumbar.data.albumentations import Albumentations
from lumbar.data.sample import Sample
from lumbar.data.sizes import Size
from medical.scans.preprocess import Flip
from medical.study.config import MedicalAugmentConfig

_RANGE = 255.0
_OFTEN = 1 / 3
_AXES: Mapping[Flip, tuple[int, ...]] = {
    "vertical": (-2,),
    "horizontal": (-1,),
    "both": (-2, -1),
}

AUTO_INTENSITIES: Sequence[Mapping[str, Any]] = (
    {"name": "GaussNoise", "std_range": [0.01, 0.06], "per_channel": True, "p": 0.1},
    {"name": "GaussianBlur", "blur_limit": 0, "sigma_limit": [0.5, 1.0], "p": 0.1},
    {
        "name": "RandomBrightnessContrast",
        "brightness_limit": 0.15,
        "contrast_limit": 0.25,
        "p": 0.2,
    },
    {"name": "RandomGamma", "gamma_limit": [70, 150], "p": 0.2},
    {"name": "Downscale", "scale_range": [0.5, 0.9], "p": 0.1},
)
"""What scanners and stains differ in, of any number of channels."""


@dataclass(frozen=True)
class Motion:
    """How a patch is turned, scaled and mirrored."""

    scale: float = 1.0
    """Above 1 everything is larger than in the slice."""
    angle: float = 0.0
    """Radians."""
    flips: tuple[int, ...] = ()
    """Axes of (..., h, w) along which the patch is mirrored at last."""

    @property
    def is_rigid(self) -> bool:
        """Whether pixels stay as they are."""
        return self.scale == 1 and self.angle == 0

    def backwards(
        self, anchor: tuple[float, float], landing: tuple[float, float], patch: Size
    ) -> Tensor:
        """Says which place of the slice each pixel of a patch shows, before it is mirrored.

        Args:
            anchor: Row and column of the slice around which it is turned.
            landing: Where they lie in the patch.
            patch: Its height and width.

        Returns:
            (h, w, 2) float64 row and column, of the centre of each pixel, from the upper left corner of the slice.
        """
        rows, columns = (
            torch.arange(length, dtype=torch.float64) + 0.5 - at
            for length, at in zip(patch, landing, strict=True)
        )
        cos, sin = math.cos(self.angle) / self.scale, math.sin(self.angle) / self.scale
        return torch.stack(
            (
                anchor[0] + cos * rows[:, None] - sin * columns,
                anchor[1] + sin * rows[:, None] + cos * columns,
            ),
            dim=-1,
        )


class Augment:
    """Draws the changes of patches from a generator."""

    def __init__(self, config: MedicalAugmentConfig, flips: Sequence[Flip]) -> None:
        """Builds the changes.

        Args:
            config: Ranges, and transforms of the intensities.
            flips: Mirrorings, each with a probability of one half.

        Raises:
            ValueError: albumentations has no such transform, or not with these arguments.
        """
        given = config.albumentations
        settings = AUTO_INTENSITIES if given == "auto" else given
        self._rotate = math.radians(config.rotate)
        self._scale = config.scale
        self._flips = [_AXES[flip] for flip in flips]
        self._change = Albumentations(settings, "augment.albumentations") if settings else None

    def motion(self, rng: np.random.Generator) -> Motion:
        """Draws how a patch is turned, scaled and mirrored."""
        turned, scaled = (rng.random(2) < _OFTEN).tolist()
        angle = float(rng.uniform(-self._rotate, self._rotate)) if turned else 0.0
        low, high = self._scale
        scale = math.exp(rng.uniform(math.log(low), math.log(high))) if scaled else 1.0
        mirrored: set[int] = set()
        for axes in self._flips:
            if rng.random() < 0.5:
                mirrored ^= {*axes}
        return Motion(scale, angle, tuple(sorted(mirrored)))

    def intensities(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """Changes the intensities of a patch (C, h, w) float32, which stay within 0 to 255.

        Raises:
            ValueError: The transforms changed the type or the channels.
        """
        if self._change is None:
            return sample
        # albumentations takes floating-point images from 0 to 1 only.
        changed = self._change(replace(sample, image=sample.image / _RANGE), rng)
        return replace(changed, image=changed.image.clamp(0, 1) * _RANGE)
