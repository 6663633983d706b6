"""Which part of an image becomes the square that the network sees."""

import math
from dataclasses import dataclass, replace

import numpy as np
from torch.nn.functional import pad

from lumbar.data.geometry import cropped, resized, size_of
from lumbar.data.interpolation import Interpolate
from lumbar.data.sample import Sample
from lumbar.data.sizes import Size, fitted_size

_ATTEMPTS = 10


@dataclass(frozen=True, kw_only=True)
class RandomResizedCrop:
    """A window of random area and shape, resized to a square, Szegedy et al. 2014 (arXiv:1409.4842), section 6.

    A window that does not fit is drawn anew; after ten of them the largest one of an allowed shape is taken from the
    middle.
    """

    size: int
    area: tuple[float, float]
    """Range of its share of the image."""
    aspect: tuple[float, float]
    """Range of its width over its height, even in its logarithm."""
    interpolate: Interpolate

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """Returns what is seen in the window, (C, size, size)."""
        start, size = self._window(size_of(sample), rng)
        return resized(cropped(sample, start, size), (self.size, self.size), self.interpolate)

    def _window(self, image: Size, rng: np.random.Generator) -> tuple[Size, Size]:
        """Its place and its size, each of rows and columns."""
        low, high = (math.log(aspect) for aspect in self.aspect)
        for _ in range(_ATTEMPTS):
            area = rng.uniform(*self.area) * image[0] * image[1]
            aspect = math.exp(rng.uniform(low, high))
            height, width = round(math.sqrt(area / aspect)), round(math.sqrt(area * aspect))
            if 0 < height <= image[0] and 0 < width <= image[1]:
                top = int(rng.integers(image[0] - height + 1))
                return (top, int(rng.integers(image[1] - width + 1))), (height, width)
        return self._largest(image)

    def _largest(self, image: Size) -> tuple[Size, Size]:
        height, width = image
        aspect = min(max(width / height, self.aspect[0]), self.aspect[1])
        height, width = min(height, round(width / aspect)), min(width, round(height * aspect))
        size = max(1, height), max(1, width)
        return ((image[0] - size[0]) // 2, (image[1] - size[1]) // 2), size


@dataclass(frozen=True, kw_only=True)
class PadAndCrop:
    """The image as a square, shifted by up to `pad` pixels, black where nothing is: He et al. 2015, section 4.2."""

    size: int
    pad: int
    interpolate: Interpolate

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """Returns the shifted square, (C, size, size)."""
        square = Stretch(self.size, self.interpolate)(sample, rng)
        start = int(rng.integers(2 * self.pad + 1)), int(rng.integers(2 * self.pad + 1))
        wide = replace(square, image=pad(square.image, (self.pad,) * 4))
        return cropped(wide, start, (self.size, self.size))


@dataclass(frozen=True)
class Stretch:
    """The whole image as a square, whatever its shape."""

    size: int
    interpolate: Interpolate

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """Returns the square, (C, size, size)."""
        square = (self.size, self.size)
        return sample if size_of(sample) == square else resized(sample, square, self.interpolate)


@dataclass(frozen=True, kw_only=True)
class MiddleCrop:
    """The middle of the image after its short edge has become `short`: nothing random."""

    short: int
    size: int
    interpolate: Interpolate

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """Returns the middle, (C, size, size)."""
        # torchvision's published scores come from edges that are rounded down.
        scaled = fitted_size(size_of(sample), self.short, None, floor=True)
        if scaled != size_of(sample):
            sample = resized(sample, scaled, self.interpolate)
        top, left = (round((edge - self.size) / 2) for edge in scaled)
        return cropped(sample, (top, left), (self.size, self.size))
