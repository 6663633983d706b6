"""Distances in pixels, by operations whose shapes and number are fixed."""

import torch
import torch.nn.functional as F
from torch import Tensor


def distance_to(seeds: Tensor, reach: int) -> Tensor:
    """Measures how far each pixel is from the nearest seed: exact up to `reach`, and `reach` beyond it.

    A parabola is lowered over each seed along the rows, then along the columns (Felzenszwalb and Huttenlocher 2012);
    as it ends at `reach`, a fixed number of shifts does it.

    Args:
        seeds: (*, H, W) bool.
        reach: Largest distance in pixels.

    Returns:
        (*, H, W) float32, Euclidean distances of the centres of pixels.
    """
    squared = (~seeds).int() * reach**2
    return _lowered(_lowered(squared, reach).mT, reach).mT.sqrt()


def _lowered(squared: Tensor, reach: int) -> Tensor:
    width = squared.shape[-1]
    padded = F.pad(squared, (reach, reach), value=reach**2)
    for shift in range(1, reach):
        for start in (reach - shift, reach + shift):
            moved = padded.narrow(-1, start, width) + shift**2
            squared = torch.minimum(squared, moved)
    return squared
