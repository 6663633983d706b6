"""Distances by looking at every pair of pixels."""

import torch
from torch import Tensor


def to_nearest(mask: Tensor) -> Tensor:
    """How far each pixel is from the nearest one in the mask (H, W), float64; inf where it is empty."""
    if not mask.any():
        return torch.full(mask.shape, torch.inf, dtype=torch.float64)
    pixels = torch.cartesian_prod(*(torch.arange(side) for side in mask.shape)).double()
    exactly = "donot_use_mm_for_euclid_dist"
    distances = torch.cdist(pixels, mask.nonzero().double(), compute_mode=exactly)
    return distances.amin(1).view(mask.shape)
