"""Anchors: boxes of fixed sizes and shapes at every cell of every pyramid level.

L levels, A anchors for each cell, H and W rows and columns of a level's grid.
"""

import math
from collections.abc import Callable, Sequence
from typing import Self

import torch
from torch import Tensor, nn


def cell_anchors(size: float, ratios: Sequence[float]) -> Tensor:
    """Anchors of one area around the origin.

    Args:
        size: Square root of the area in pixels.
        ratios: Height over width of each.

    Returns:
        (A, 4) float64 xyxy.
    """
    half = [(size / math.sqrt(ratio) / 2, size * math.sqrt(ratio) / 2) for ratio in ratios]
    return torch.tensor([(-w, -h, w, h) for w, h in half], dtype=torch.float64)


class Anchors(nn.Module):
    """Places the cell anchors of each level on its grid, at multiples of the level's stride."""

    cells: Tensor

    def __init__(
        self, *, sizes: Sequence[float], ratios: Sequence[float], strides: Sequence[int]
    ) -> None:
        """Computes the anchors of one cell.

        Args:
            sizes: Square root of the area in pixels, one for each level.
            ratios: Height over width, the same on all levels.
            strides: Pixels between neighbouring cells, one for each level.

        Raises:
            ValueError: If there is not exactly one size for each level.
        """
        super().__init__()
        if len(sizes) != len(strides):
            raise ValueError(
                f"model.anchors.sizes has {len(sizes)} entries, but the pyramid has {len(strides)} levels"
            )
        self.strides = tuple(strides)
        self._exact = self._rounded(torch.stack([cell_anchors(size, ratios) for size in sizes]))
        cells = self._exact.to(torch.get_default_dtype())
        self.register_buffer("cells", cells, persistent=False)

    @property
    def per_cell(self) -> int:
        """Anchors for each cell."""
        return self.cells.shape[1]

    def forward(self, grids: Sequence[tuple[int, int]], canvas: tuple[int, int]) -> list[Tensor]:
        """Lays out the anchors of every level.

        Args:
            grids: (H, W) of each level.
            canvas: Height and width of the network's input in pixels.

        Returns:
            For each level (H * W * A, 4) float xyxy, ordered by row, column, anchor.
        """
        return [
            self._level(cells, grid, self._steps(stride, grid, canvas))
            for cells, stride, grid in zip(self.cells, self.strides, grids, strict=True)
        ]

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:  # noqa: FBT001, FBT002 - as in nn.Module
        # Another dtype starts from the exact numbers: those of the buffer are rounded to the old one.
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        self.cells = self._exact.to(self.cells)
        return self

    def _level(self, cells: Tensor, grid: tuple[int, int], steps: tuple[int, int]) -> Tensor:
        y, x = (
            torch.arange(count, device=cells.device, dtype=cells.dtype) * step
            for count, step in zip(grid, steps, strict=True)
        )
        rows, columns = torch.meshgrid(y, x, indexing="ij")
        shifts = torch.stack([columns, rows, columns, rows], -1)
        return (shifts[:, :, None] + cells).flatten(0, 2)

    def _rounded(self, cells: Tensor) -> Tensor:
        return cells

    def _steps(
        self, stride: int, grid: tuple[int, int], canvas: tuple[int, int]
    ) -> tuple[int, int]:
        return stride, stride


class TorchvisionAnchors(Anchors):
    """torchvision's rule: corners rounded to whole pixels, and steps of canvas size // grid size.

    The two rules differ where a grid is not canvas / stride: p6 of an 800 pixel canvas has 13 rows, 61 pixels apart.
    """

    def _rounded(self, cells: Tensor) -> Tensor:
        return cells.round()

    def _steps(
        self, stride: int, grid: tuple[int, int], canvas: tuple[int, int]
    ) -> tuple[int, int]:
        return canvas[0] // grid[0], canvas[1] // grid[1]
