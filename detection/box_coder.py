"""Boxes as offsets from other boxes (Girshick et al. 2014, arXiv:1311.2524, appendix C)."""

import math

import torch
from torch import Tensor

from lumbar.ops.precision import at_least_float32

_LARGEST_LOG_SCALE = math.log(1000 / 16)


class BoxCoder:
    """Encodes a box as weighted (dx, dy, dw, dh) against a reference box, and back."""

    def __init__(self, *, position: float, size: float) -> None:
        """Keeps the factors of (dx, dy) and of (dw, dh): the inverse of their expected spread."""
        self.position = position
        self.size = size

    def encode(self, boxes: Tensor, references: Tensor) -> Tensor:
        """Expresses boxes by their references.

        Args:
            boxes: (*, 4) float xyxy.
            references: (*, 4) float xyxy with positive sides.

        Returns:
            (*, 4) float deltas.
        """
        centre, size = _centre_and_size(boxes)
        origin, scale = _centre_and_size(references)
        shift, growth = (centre - origin) / scale, (size / scale).log()
        return torch.cat([shift * self.position, growth * self.size], -1)

    def decode(self, deltas: Tensor, references: Tensor) -> Tensor:
        """Applies deltas to references; the growth of a side is capped at 1000 / 16.

        Args:
            deltas: (*, 4) float.
            references: (*, 4) float32 or float64 xyxy.

        Returns:
            (*, 4) xyxy in at least float32.
        """
        shift, growth = at_least_float32(deltas).split(2, -1)
        origin, scale = _centre_and_size(references)
        centre = shift / self.position * scale + origin
        half = (growth / self.size).clamp(max=_LARGEST_LOG_SCALE).exp() * scale / 2
        return torch.cat([centre - half, centre + half], -1)


def _centre_and_size(boxes: Tensor) -> tuple[Tensor, Tensor]:
    size = boxes[..., 2:] - boxes[..., :2]
    return boxes[..., :2] + size / 2, size
