"""Made-up boxes for the tests of the operators."""

import torch
from torch import Tensor


def random_boxes(*shape: int, seed: int, size: float = 100.0) -> Tensor:
    """Boxes (*shape, 4) in float64 xyxy inside a square of `size` pixels, with sides of at least one pixel."""
    generator = torch.Generator().manual_seed(seed)
    corners = torch.rand(*shape, 4, generator=generator, dtype=torch.float64) * size
    low = torch.minimum(corners[..., :2], corners[..., 2:])
    return torch.cat([low, torch.maximum(corners[..., :2], corners[..., 2:]) + 1], -1)
