"""A balanced random choice of boxes for the loss, of fixed size."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from lumbar.ops.random import random_keys


class Samples(NamedTuple):
    """S chosen boxes of each image, positive ones first."""

    indices: Tensor
    """(B, S) int64 into the boxes that were offered."""
    positive: Tensor
    """(B, S) bool."""
    valid: Tensor
    """(B, S) bool: False where an image offered too few."""


def count_valid(samples: Samples) -> Tensor:
    """How many boxes were chosen: scalar int64."""
    return samples.valid.sum()


def count_slots(samples: Samples) -> Tensor:
    """How many were to be chosen, found or not: scalar int64."""
    return torch.ones_like(samples.indices).sum()


class BalancedSampler:
    """Chooses at most `batch * fg_fraction` positive boxes and fills up with negative ones.

    The choice is a function of the image's seed alone: the same on any rank, in any batch, eager and compiled.
    """

    def __init__(self, *, batch: int, fg_fraction: float, stream: int) -> None:
        """Fixes the size of the choice.

        Args:
            batch: Boxes chosen from each image.
            fg_fraction: Largest share of positive ones.
            stream: Number that tells this sampler's draws from those of others.
        """
        self.batch = batch
        self.max_positive = int(batch * fg_fraction)
        self.stream = stream

    def __call__(self, positive: Tensor, negative: Tensor, seeds: Tensor) -> Samples:
        """Chooses from N boxes of each image.

        Args:
            positive: (B, N) bool.
            negative: (B, N) bool, never True together with `positive`.
            seeds: (B,) int64.

        Returns:
            Samples of (B, batch).
        """
        keys = random_keys(seeds, self.stream, positive.shape[1])
        first, has_first = self._draw(keys, positive)
        second, has_second = self._draw(keys, negative)
        num_positive = has_first.sum(1, keepdim=True).clamp(max=self.max_positive)
        slot = torch.arange(self.batch, device=keys.device)[None]
        is_positive = slot < num_positive
        rest = (slot - num_positive).clamp(min=0)
        index = torch.where(is_positive, first, second.gather(1, rest))
        return Samples(index, is_positive, is_positive | has_second.gather(1, rest))

    def _draw(self, keys: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor]:
        """The wanted boxes with the highest keys: (B, batch) indices, and whether each is wanted at all."""
        ranked = F.pad(torch.where(wanted, keys, -1), (0, self.batch), value=-1)
        best, index = ranked.topk(self.batch, dim=1)
        return torch.where(best >= 0, index, 0), best >= 0
