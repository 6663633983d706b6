"""What a network forgets while it learns, as a function of the seeds of the images."""

from typing import NamedTuple

from torch import Tensor, nn

from lumbar.ops.random import random_keys

_FIRST_STREAM = 256
"""The first streams of a seed belong to the samplers of the detection heads."""
_KEYS = 2**32


class Drop(NamedTuple):
    """How much is dropped."""

    path: float = 0.0
    """Probability that an image leaves out the branch of the last unit; less in the units before it."""
    inside: float = 0.0
    """Probability that a value is set to zero before the last convolution of a unit."""


NO_DROP = Drop()


def decayed(drop: Drop, unit: int, num_units: int) -> Drop:
    """What of it one unit has: the rate of its path grows with depth (arXiv:1603.09382, equation 4).

    Args:
        drop: Of the network.
        unit: Number of the unit, from 0.
        num_units: How many there are.
    """
    return drop._replace(path=drop.path * (unit + 1) / num_units)


class DropPath(nn.Module):
    """Sets a branch to zero for some images of a batch: stochastic depth, Huang et al. 2016 (arXiv:1603.09382).

    What is left is made larger, so that the expectation stays.

    Args:
        rate: Probability of zero, below 1.
        unit: Number of the unit; units draw apart from each other.
    """

    def __init__(self, rate: float, unit: int) -> None:
        super().__init__()
        self.rate = rate
        self.stream = _FIRST_STREAM + 2 * unit

    def forward(self, x: Tensor, seeds: Tensor) -> Tensor:
        """Drops from x (B, C, H, W) by the seeds (B,) of its images."""
        if self.rate == 0:
            return x
        keys = random_keys(seeds, self.stream, 1)
        return x * _factors(keys, self.rate, x)[:, :, None, None]

    def extra_repr(self) -> str:
        """The rate."""
        return f"{self.rate:g}"


class Dropout(DropPath):
    """Sets single values to zero: the dropout inside wide units, Zagoruyko and Komodakis 2016 (arXiv:1605.07146)."""

    def __init__(self, rate: float, unit: int) -> None:
        super().__init__(rate, unit)
        self.stream += 1

    def forward(self, x: Tensor, seeds: Tensor) -> Tensor:
        """Drops from x (B, C, H, W) by the seeds (B,) of its images."""
        if self.rate == 0:
            return x
        keys = random_keys(seeds, self.stream, x[0].numel())
        return x * _factors(keys, self.rate, x).view(x.shape)


def _factors(keys: Tensor, rate: float, x: Tensor) -> Tensor:
    return (keys >= round(rate * _KEYS)).to(x.dtype).div_(1 - rate)
