"""Made-up boxes for the tests of the operators."""

import torch
from torch import Tensor


def random_boxes(*shape: int, seed: int, size: float = 100.0) -> Tensor:
    """Boxes (*shape, 4) in float64 xyxy inside a square of `size` pixels, with sides of at least one pixel."""
    generator = torch.Generator().manual_seed(seed)
    corners = torch.rand(*shape, 4, generator=generator, dtype=torch.float64) * size
    low = torch.minimum(corners[..., :2], corners[..., 2:])
    return torch.cat([low, torch.maximum(corners[..., :2], corners[..., 2:]) + 1], -1)


def crowded(seed: int, rows: int, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """Boxes around few centres, three labels, a fifth of them not valid."""
    generator = torch.Generator().manual_seed(seed)
    centres = random_boxes(rows, 4, seed=seed)
    chosen = torch.randint(4, (rows, count, 1), generator=generator).expand(-1, -1, 4)
    noise = torch.randn(rows, count, 4, generator=generator, dtype=torch.float64) * 4
    boxes = centres.gather(1, chosen) + noise
    labels = torch.randint(3, (rows, count), generator=generator)
    return boxes, labels, torch.rand(rows, count, generator=generator) > 0.2
