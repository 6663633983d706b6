"""Transforms that move pixels, and boxes and mask with them, as a random generator says."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional

from lumbar.data.config import ResizeConfig
from lumbar.data.interpolation import INTERPOLATIONS, Interpolate, antialiased
from lumbar.data.pixel_classes import IGNORE
from lumbar.data.sample import Sample
from lumbar.data.sizes import Size, resized_size

GREY = 128
"""Value of the pixels that large-scale jitter adds."""


@dataclass(frozen=True)
class Resize:
    """Resizes the short edge to one of `shorts`; the long edge stays within `resize.long`."""

    resize: ResizeConfig
    shorts: tuple[int, ...]

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """Returns the resized sample; float32 under the rule "torchvision"."""
        short = self.shorts[rng.integers(len(self.shorts))]
        size = resized_size(size_of(sample), self.resize, short)
        return resized(sample, size, INTERPOLATIONS[self.resize.rule])


@dataclass(frozen=True)
class HorizontalFlip:
    """Swaps left and right with this probability."""

    probability: float

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """Returns the mirrored sample, or the sample itself."""
        if rng.random() >= self.probability:
            return sample
        width = sample.image.shape[-1]
        x1, y1, x2, y2 = sample.boxes.unbind(1)
        boxes = torch.stack((width - x2, y1, width - x1, y2), dim=1)
        return _move(sample, lambda pixels: pixels.flip(-1), boxes)


@dataclass(frozen=True)
class VerticalFlip:
    """Swaps top and bottom with this probability."""

    probability: float

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """Returns the mirrored sample, or the sample itself."""
        if rng.random() >= self.probability:
            return sample
        height = sample.image.shape[-2]
        x1, y1, x2, y2 = sample.boxes.unbind(1)
        boxes = torch.stack((x1, height - y2, x2, height - y1), dim=1)
        return _move(sample, lambda pixels: pixels.flip(-2), boxes)


@dataclass(frozen=True)
class RandomCrop:
    """Cuts out a window that holds an object.

    Its height and width are drawn as fractions of the image's. It holds the centre of a randomly
    chosen box, so that an image with objects never loses them all; an image without boxes is cut
    anywhere. Boxes stay when their centre is inside, and are clipped.
    """

    fractions: tuple[float, float]

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """Returns the sample inside the window."""
        height, width = (
            max(1, round(edge * rng.uniform(*self.fractions))) for edge in size_of(sample)
        )
        centres = ((sample.boxes[:, :2] + sample.boxes[:, 2:]) / 2).flip(1)  # (n, 2): y, x
        focus = centres[rng.integers(len(centres))].tolist() if len(centres) else (None, None)
        top = _window_start(sample.image.shape[-2], height, focus[0], rng)
        left = _window_start(sample.image.shape[-1], width, focus[1], rng)
        offsets = centres - torch.tensor((top, left))
        inside = ((offsets >= 0) & (offsets < torch.tensor((height, width)))).all(1)
        return cropped(_select(sample, inside), (top, left), (height, width))


@dataclass(frozen=True)
class ScaleJitter:
    """Large-scale jitter, Ghiasi et al. 2021 (arXiv:2012.07177), to a square of `size` pixels.

    The image is resized to fit into the square times a random scale, then cut at a random place
    where it is larger than the square and padded with grey to the right and below where it is
    smaller. What is visible of a box stays.
    """

    scales: tuple[float, float]
    size: int

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """Returns the square sample."""
        height, width = size_of(sample)
        scale = rng.uniform(*self.scales) * self.size / max(height, width)
        scaled = max(1, round(height * scale)), max(1, round(width * scale))
        top, left = (int(rng.integers(max(0, edge - self.size) + 1)) for edge in scaled)
        larger = resized(sample, scaled, antialiased)
        square = (self.size, self.size)
        return _pad(cropped(larger, (top, left), square), square)


def size_of(sample: Sample) -> Size:
    """Says height and width of a sample's image."""
    height, width = sample.image.shape[-2:]
    return height, width


def _move(sample: Sample, pixels: Callable[[Tensor], Tensor], boxes: Tensor) -> Sample:
    """Applies one rearrangement of pixels, a function of (..., H, W), to image and mask."""
    mask = None if sample.mask is None else pixels(sample.mask)
    return replace(sample, image=pixels(sample.image), boxes=boxes, mask=mask)


def _select(sample: Sample, keep: Tensor) -> Sample:
    return replace(sample, boxes=sample.boxes[keep], labels=sample.labels[keep])


def resized(sample: Sample, size: Size, interpolation: Interpolate) -> Sample:
    """Resizes a sample; each pixel of its mask takes the class of the nearest one."""
    height, width = size_of(sample)
    # Divided in float32, as torchvision does it: boxes agree to the last bit.
    ratio = torch.tensor(size[::-1] * 2, dtype=torch.float32) / torch.tensor((width, height) * 2)
    mask = sample.mask
    if mask is not None:
        nearest = InterpolationMode.NEAREST_EXACT
        mask = functional.resize(mask[None], list(size), interpolation=nearest)[0]
    image = interpolation(sample.image, size)
    return replace(sample, image=image, boxes=sample.boxes * ratio, mask=mask)


def _window_start(edge: int, length: int, centre: float | None, rng: np.random.Generator) -> int:
    """Draws where a window of `length` pixels starts on an edge so that it holds `centre`."""
    low, high = 0, edge - length
    if centre is not None:
        pixel = min(int(centre), edge - 1)
        low, high = max(low, pixel - length + 1), min(high, pixel)
    return int(rng.integers(low, high + 1))


def cropped(sample: Sample, start: Size, size: Size) -> Sample:
    """Cuts out at most `size` pixels from `start` (top, left) on; of boxes the visible part is kept."""
    top, left = start
    rows, columns = slice(top, top + size[0]), slice(left, left + size[1])
    moved = _move(sample, lambda pixels: pixels[..., rows, columns], sample.boxes)
    height, width = size_of(moved)
    offset = torch.tensor((left, top, left, top))
    boxes = (sample.boxes - offset).clamp(min=0).minimum(torch.tensor((width, height) * 2))
    return _select(replace(moved, boxes=boxes), (boxes[:, 2:] > boxes[:, :2]).all(1))


def fitted(sample: Sample, size: Size) -> Sample:
    """Cuts a sample at the right and below, or fills it up with grey, to have a size."""
    return _pad(cropped(sample, (0, 0), size), size)


def _pad(sample: Sample, size: Size) -> Sample:
    height, width = size_of(sample)
    margins = (0, size[1] - width, 0, size[0] - height)
    mask = None if sample.mask is None else pad(sample.mask, margins, value=IGNORE)
    return replace(sample, image=pad(sample.image, margins, value=GREY), mask=mask)
