"""Features whose classes are clusters."""

import torch

from classification.features import Features


def make_clusters(count: int, *, spread: float, seed: int, classes: int = 3) -> Features:
    """Features of `count` images around one corner of a cube for each class."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(count) % classes
    noise = torch.randn(count, 6, generator=generator)
    rows = torch.eye(6)[labels] + spread * noise
    names = tuple(map(str, range(count)))
    return Features(rows, labels, names, tuple(f"class {n}" for n in range(classes)))
