"""Tiles over a slice of any size, blended into one map of probabilities.

The blend is a running weighted mean: each tile moves it towards its own probabilities, by its share of the weight so
far. Where tiles agree the mean does not move by a bit.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from medical.scans.resample import Size

_SIGMA = 1 / 8
"""Standard deviation of the Gaussian as a share of the tile's edge, that of nnU-Net and MONAI."""


@dataclass(frozen=True)
class Tiles:
    """Where tiles lie on slices of one size; the last ones may reach beyond a slice, where there is nothing but 0."""

    slice_size: Size
    """Height and width of the slices."""
    size: Size
    """Height and width of a tile."""
    corners: tuple[tuple[int, int], ...]
    """Top and left of each, row by row."""

    @classmethod
    def over(cls, slice_size: Size, *, tile: Size, overlap: float, multiple: int) -> Self:
        """Lays tiles over slices.

        Args:
            slice_size: Height and width of the slices.
            tile: Height and width of a tile; slices that are smaller are looked at as a whole.
            overlap: Share of a tile that the next one covers again, at least.
            multiple: Tiles are enlarged to multiples of this.
        """
        height, width = (
            math.ceil(min(edge, window) / multiple) * multiple
            for edge, window in zip(slice_size, tile, strict=True)
        )
        tops, lefts = (
            starts(edge, window, max(1, round(window * (1 - overlap))))
            for edge, window in zip(slice_size, (height, width), strict=True)
        )
        return cls(
            slice_size, (height, width), tuple((top, left) for top in tops for left in lefts)
        )

    def cut(self, pixels: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
        """Cuts a slice up.

        Args:
            pixels: (C, h, w) float32.

        Yields:
            Each tile, (C, *size) float32, zero below and to the right of the slice.
        """
        height, width = self.size
        for top, left in self.corners:
            part = pixels[:, top : top + height, left : left + width]
            below, beside = height - part.shape[1], width - part.shape[2]
            yield np.pad(part, ((0, 0), (0, below), (0, beside)))

    def blend(self, probabilities: Iterator[NDArray[np.float32]]) -> NDArray[np.float32]:
        """Joins what was found in the tiles; takes no more from the iterator than there are tiles.

        Args:
            probabilities: (K, *size) of each tile, in the order of `cut`.

        Returns:
            (K, h, w) float32 of the slice.
        """
        if len(self.corners) == 1:
            rows, columns = self.slice_size
            return next(probabilities)[:, :rows, :columns]
        weight = gaussian(self.size)
        total = np.zeros(self.slice_size, np.float32)
        mean: NDArray[np.float32] | None = None
        for top, left in self.corners:
            tile = next(probabilities)
            if mean is None:
                mean = np.zeros((len(tile), *self.slice_size), np.float32)
            there = np.s_[top : top + self.size[0], left : left + self.size[1]]
            rows, columns = total[there].shape
            added = weight[:rows, :columns]
            total[there] += added
            part = mean[:, *there]
            part += (tile[:, :rows, :columns] - part) * (added / total[there])
        assert mean is not None
        return mean


def starts(edge: int, window: int, stride: int) -> list[int]:
    """Where windows start on an edge so that they cover it, evenly.

    Args:
        edge: Pixels of the edge.
        window: Pixels of a window.
        stride: The most pixels from one window to the next.
    """
    last = max(0, edge - window)
    steps = math.ceil(last / stride)
    return [round(step * last / max(1, steps)) for step in range(steps + 1)]


def gaussian(window: Size) -> NDArray[np.float32]:
    """Weights (h, w) that are 1 in the middle of a window and fall off towards its borders, never to zero."""
    rows, columns = (
        np.exp(-0.5 * ((np.arange(edge) - (edge - 1) / 2) / (edge * _SIGMA)) ** 2)
        for edge in window
    )
    return np.outer(rows, columns).astype(np.float32)
