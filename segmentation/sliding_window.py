"""Windows over images of any size, blended into one map of probabilities.

The blend is a running weighted mean: each window moves it towards its own probabilities, by its share of the weight so
far. Where windows agree the mean does not move by a bit; a model that looks at single pixels gives exactly what it
gives for the whole image.

Windows are computed on the device of the model; all that grows with the image stays where the image is. For an image on
the host, the memory of the device depends on the window alone.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor

from lumbar.data.sizes import Size
from lumbar.ops.structures import Images
from segmentation.fcn import FCN
from segmentation.views import Inference

Rows = Callable[[int, int], Tensor]
"""(start, stop) to the rows (B, C, stop - start, W) of a canvas; what lies beyond the images may be missing."""

_SIGMA = 1 / 8
"""Standard deviation of the Gaussian as a share of the window's edge, that of nnU-Net and MONAI."""


@dataclass(frozen=True)
class SlidingWindow:
    """Looks at images by windows, one row of windows after the other."""

    inner: Inference
    """How a window is looked at."""
    weight: Tensor
    """(h, w) float32, positive: how much each pixel of a window counts."""
    stride: Size
    """Rows and columns from one window to the next."""
    windows_per_batch: int
    """The most windows of each image that are computed at a time."""

    def __call__(self, model: FCN, images: Images) -> Tensor:
        """Images (B, C, H, W) to probabilities (B, K, H, W), on the device of the images."""
        height, width = images.canvas.shape[-2:]
        blended = _nothing(model, images.sizes, (height, width))

        def rows(start: int, stop: int) -> Tensor:
            return images.canvas[:, :, start:stop]

        for top, band in self.bands(model, rows, images.sizes, (height, width)):
            blended[:, :, top : top + band.shape[2]] = band
        return blended

    def bands(
        self, model: FCN, rows: Rows, sizes: Tensor, canvas: Size
    ) -> Iterator[tuple[int, Tensor]]:
        """Blends images from top to bottom, and holds no more of their rows than a window has.

        Args:
            model: The segmenter.
            rows: Reads the canvas from top to bottom, those rows again that windows share.
            sizes: (B, 2) int64 height and width of the images, on the device where they are.
            canvas: Height and width of the canvas.

        Yields:
            The first row of a band, and its probabilities (B, K, n, W), which no later window changes.
        """
        window = self.weight.shape
        height, width = canvas
        padded = window[0], max(width, window[1])
        blend = _Blend(_nothing(model, sizes, padded), self.weight.to(sizes.device))
        for top, following in pairwise((*starts(height, window[0], self.stride[0]), height)):
            strip = _filled(rows(top, min(top + window[0], height)), padded)
            for left, probabilities in self._look(model, strip, sizes, top):
                blend.add(left, probabilities)
            done = following - top
            yield top, blend.mean[:, :, :done, :width]
            blend.move_up(done)

    def _look(
        self, model: FCN, strip: Tensor, sizes: Tensor, top: int
    ) -> Iterator[tuple[int, Tensor]]:
        """Looks at the windows of one row; yields where each starts, and its probabilities."""
        rows, columns = self.weight.shape
        lefts = starts(strip.shape[-1], columns, self.stride[1])
        batches = math.ceil(len(lefts) / self.windows_per_batch)
        count = math.ceil(len(lefts) / batches)
        device = model.pixels.mean.device
        for start in range(0, len(lefts), count):
            chosen = lefts[start : start + count]
            # Every batch has as many windows; what fills up the last one is not blended.
            filled = chosen + chosen[-1:] * (count - len(chosen))
            windows = torch.cat([strip[..., left : left + columns] for left in filled])
            visible = torch.cat([_inside(sizes, (top, left), (rows, columns)) for left in filled])
            visible = visible.to(device)
            probabilities = self.inner(model, Images(windows.to(device), visible, visible))
            yield from zip(chosen, probabilities.to(strip.device).split(len(strip)), strict=False)


class _Blend:
    """A running weighted mean of as many rows as a window has."""

    def __init__(self, mean: Tensor, weight: Tensor) -> None:
        self.mean = mean
        self._weight = weight
        self._total = mean.new_zeros(mean.shape[-2:])

    def add(self, left: int, probabilities: Tensor) -> None:
        """Moves the mean towards the probabilities (B, K, h, w) of the window from column `left` on."""
        columns = slice(left, left + self._weight.shape[1])
        total = self._total[:, columns].add_(self._weight)
        self.mean[..., columns].lerp_(probabilities, self._weight / total)

    def move_up(self, rows: int) -> None:
        """Forgets the first rows, and starts as many new ones."""
        self.mean = F.pad(self.mean[:, :, rows:], (0, 0, 0, rows))
        self._total = F.pad(self._total[rows:], (0, 0, 0, rows))


def starts(edge: int, window: int, stride: int) -> list[int]:
    """Where windows start on an edge so that they cover it; the last one is moved back to its end."""
    last = max(0, edge - window)
    return [*range(0, last, stride), last]


def gaussian(window: Size) -> Tensor:
    """Weights (h, w) that are 1 in the middle of a window and fall off towards its borders, never to zero."""
    rows, columns = (
        torch.exp(-0.5 * ((torch.arange(edge) - (edge - 1) / 2) / (edge * _SIGMA)) ** 2)
        for edge in window
    )
    return torch.outer(rows, columns)


def _nothing(model: FCN, sizes: Tensor, canvas: Size) -> Tensor:
    """Zeros (B, K, *canvas) on the device of the images, as wide as the model's probabilities."""
    dtype = torch.promote_types(model.pixels.mean.dtype, torch.float32)
    classes = model.classifier.output.channels
    return torch.zeros(len(sizes), classes, *canvas, dtype=dtype, device=sizes.device)


def _filled(strip: Tensor, size: Size) -> Tensor:
    """Adds black rows and columns up to this size."""
    return F.pad(strip, (0, size[1] - strip.shape[-1], 0, size[0] - strip.shape[-2]))


def _inside(sizes: Tensor, start: Size, window: Size) -> Tensor:
    """Height and width (B, 2) of what a window shows of each image."""
    rows, columns = sizes.unbind(1)
    return torch.stack(
        ((rows - start[0]).clamp(0, window[0]), (columns - start[1]).clamp(0, window[1])), 1
    )
