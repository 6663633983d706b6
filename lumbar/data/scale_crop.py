"""Transforms for images with masks: a random scale, and a window in which no class takes nearly everything."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from lumbar.data.geometry import cropped, resized, size_of
from lumbar.data.interpolation import INTERPOLATIONS
from lumbar.data.pixel_classes import IGNORE
from lumbar.data.sample import Sample
from lumbar.data.sizes import Size, fitted_size

_ATTEMPTS = 10
# Both are torchvision's, which rounds sizes down.
_ROUNDED_DOWN = ("torchvision", "pil")


@dataclass(frozen=True, kw_only=True)
class Rescale:
    """Resizes an image to a size, times a random factor."""

    short: int | None
    """Short edge in pixels before the factor; None takes that of the image."""
    long: int | None
    """The long edge is never longer than this times the factor; None allows any."""
    factors: tuple[float, float] = (1.0, 1.0)
    """Range of the factor."""
    rule: str = "antialias"
    """One of `INTERPOLATIONS`."""

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """Returns the resized sample, or the sample itself where it keeps its size."""
        size = self.size(size_of(sample), rng.uniform(*self.factors))
        if size == size_of(sample):
            return sample
        return resized(sample, size, INTERPOLATIONS[self.rule])

    def size(self, size: Size, factor: float = 1.0) -> Size:
        """Says how large an image becomes.

        Args:
            size: Its height and width in pixels.
            factor: What was drawn.

        Returns:
            Height and width in pixels.
        """
        short = max(1, round(factor * (self.short or min(size))))
        long = self.long and max(1, round(factor * self.long))
        return fitted_size(size, short, long, floor=self.rule in _ROUNDED_DOWN)


@dataclass(frozen=True)
class RandomWindow:
    """Cuts out a window at a random place; where an image is smaller, all of it is kept.

    Another place is tried, up to ten times, until the window has two classes, of which none has as large a share of
    the labelled pixels as `cat_max_ratio` (mmsegmentation's rule).
    """

    size: Size
    cat_max_ratio: float = 1.0
    """1 takes the first place."""

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """Returns what is seen in the window."""
        window = self._draw(sample, rng)
        for _ in range(_ATTEMPTS if self.cat_max_ratio < 1 else 0):
            assert window.mask is not None
            if _is_mixed(window.mask, self.cat_max_ratio):
                break
            window = self._draw(sample, rng)
        return window

    def _draw(self, sample: Sample, rng: np.random.Generator) -> Sample:
        top, left = (
            int(rng.integers(max(0, edge - length) + 1))
            for edge, length in zip(size_of(sample), self.size, strict=True)
        )
        return cropped(sample, (top, left), self.size)


def _is_mixed(mask: Tensor, highest: float) -> bool:
    counts = torch.bincount(mask.flatten(), minlength=IGNORE + 1)[:IGNORE]
    several = int((counts > 0).sum()) > 1
    return several and int(counts.max()) < highest * int(counts.sum())
