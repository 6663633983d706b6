"""What a network forgets while it learns, as a function of the seeds of the images."""

from math import prod
from typing import ClassVar, NamedTuple

from torch import Tensor, nn

from lumbar.ops.random import random_keys

_FIRST_STREAM = 256
"""The streams before it belong to what stands on a backbone."""
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


def unit_streams(unit: int) -> tuple[int, int]:
    """The streams from which a unit draws what it drops of its path, and inside; units draw apart from each other."""
    return _FIRST_STREAM + 2 * unit, _FIRST_STREAM + 2 * unit + 1


class DropPath(nn.Module):
    """Sets a branch to zero for some images of a batch: stochastic depth, Huang et al. 2016 (arXiv:1603.09382).

    What is left is made larger, so that the expectation stays. In evaluation nothing is dropped.

    Args:
        rate: Probability of zero, below 1.
        stream: Number of this use of the seeds, so that two of them draw apart.
    """

    apart: ClassVar[int] = 0
    """How many axes of an image are drawn apart: of (C, H, W) none, the channels, or all."""

    def __init__(self, rate: float, stream: int) -> None:
        super().__init__()
        self.rate = rate
        self.stream = stream

    def forward(self, x: Tensor, seeds: Tensor | None) -> Tensor:
        """Drops from x, (B, C, H, W) or (B, C), by the seeds (B,) of its images; None drops nothing."""
        if seeds is None or self.rate == 0 or not self.training:
            return x
        drawn = x.shape[1 : 1 + self.apart]
        keys = random_keys(seeds, self.stream, prod(drawn))
        kept = (keys >= round(self.rate * _KEYS)).to(x.dtype).div_(1 - self.rate)
        return x * kept.view(-1, *drawn, *[1] * (x.ndim - 1 - len(drawn)))

    def extra_repr(self) -> str:
        """The rate."""
        return f"{self.rate:g}"


class ChannelDropout(DropPath):
    """Sets whole channels to zero: spatial dropout, Tompson et al. 2015 (arXiv:1411.4280), section 3.2."""

    apart = 1


class Dropout(DropPath):
    """Sets single values to zero: Srivastava et al. 2014, and inside wide units arXiv:1605.07146."""

    apart = 3
