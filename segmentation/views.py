"""Ways to look at an image, whose probabilities are averaged: as it is, mirrored, larger and smaller.

Each is a part that may hold another one. Images lie in the top left corner of their canvas and stay there: what is
mirrored or resized is the image, not its padding.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from lumbar.ops.structures import Images
from segmentation.fcn import FCN
from segmentation.heads import resize

Inference = Callable[[FCN, Images], Tensor]
"""(model, images) to the probabilities (B, K, H, W) of their canvas, at least float32; outside the images they mean
nothing."""


def whole(model: FCN, images: Images) -> Tensor:
    """Looks at images as they are.

    Args:
        model: The segmenter.
        images: (B, C, H, W) canvas.

    Returns:
        (B, K, H, W) probabilities, at least float32.
    """
    return model.task.probabilities(model.logits(images))


@dataclass(frozen=True)
class Flips:
    """Averages an image and its mirror images."""

    inner: Inference
    """How each of them is looked at."""
    axes: tuple[tuple[int, ...], ...]
    """For each mirror image the axes of the canvas that are turned around: 2 swaps top and bottom, 3 left and right."""

    def __call__(self, model: FCN, images: Images) -> Tensor:
        """Images (B, C, H, W) to probabilities (B, K, H, W)."""
        return _mean(self._view(model, images, axes) for axes in ((), *self.axes))

    def _view(self, model: FCN, images: Images, axes: tuple[int, ...]) -> Tensor:
        canvas = images.canvas
        for axis in axes:
            canvas = mirrored(canvas, images.sizes, axis)
        probabilities = self.inner(model, images._replace(canvas=canvas))
        for axis in axes:
            probabilities = mirrored(probabilities, images.sizes, axis)
        return probabilities


@dataclass(frozen=True)
class Scales:
    """Averages an image at several sizes."""

    inner: Inference
    """How each of them is looked at."""
    scales: tuple[float, ...]
    """Factors of the size."""

    def __call__(self, model: FCN, images: Images) -> Tensor:
        """Images (B, C, H, W) to probabilities (B, K, H, W)."""
        return _mean(self._view(model, images, scale) for scale in self.scales)

    def _view(self, model: FCN, images: Images, scale: float) -> Tensor:
        before = images.canvas.shape[-2:]
        after = [max(1, round(edge * scale)) for edge in before]
        canvas = _extended(images.canvas, images.sizes).float()
        canvas = F.interpolate(canvas, after, mode="bilinear", antialias=True)
        edges = zip(images.sizes.unbind(1), after, before, strict=True)
        sizes = torch.stack([(size * new / old).ceil().long() for size, new, old in edges], 1)
        probabilities = self.inner(model, Images(canvas, sizes, images.original_sizes))
        return resize(_extended(probabilities, sizes), before)


def mirrored(x: Tensor, sizes: Tensor, axis: int) -> Tensor:
    """Turns images around and leaves them, and their padding, where they are; twice gives what there was.

    Args:
        x: (B, C, H, W).
        sizes: (B, 2) int64 height and width of each image.
        axis: 2 swaps top and bottom, 3 left and right.

    Returns:
        (B, C, H, W).
    """
    places, ends = _along(x, sizes, axis)
    return _picked(x, torch.where(places < ends, ends - 1 - places, places), axis)


def _extended(x: Tensor, sizes: Tensor) -> Tensor:
    """Repeats the last row and column of each image in its padding, so that resizing mixes nothing else into them."""
    for axis in (2, 3):
        places, ends = _along(x, sizes, axis)
        x = _picked(x, places.minimum((ends - 1).clamp(min=0)), axis)
    return x


def _along(x: Tensor, sizes: Tensor, axis: int) -> tuple[Tensor, Tensor]:
    """The places (n,) on an axis, and where each image ends on it (B, 1)."""
    return torch.arange(x.shape[axis], device=x.device), sizes[:, axis - 2, None]


def _picked(x: Tensor, places: Tensor, axis: int) -> Tensor:
    """Takes for each image the rows or columns (B, n)."""
    places = places[:, None, :, None] if axis == 2 else places[:, None, None, :]
    return x.gather(axis, places.expand_as(x))


def _mean(views: Iterator[Tensor]) -> Tensor:
    """A running mean, which does not move by a bit where a view agrees with it."""
    mean = next(views)
    for count, view in enumerate(views, start=2):
        mean = mean.lerp(view, 1 / count)
    return mean
