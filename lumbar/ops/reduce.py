"""Counts that mean the same on one process and on many."""

import torch
import torch.distributed as dist
from torch import Tensor


def count_per_rank(count: Tensor) -> Tensor:
    """Averages a count over the ranks.

    Gradients are averaged over ranks, so a local sum divided by this gives the mean over the joint batch.

    Args:
        count: scalar, this rank's count.

    Returns:
        scalar float: the joint count, at least 1, divided by the number of ranks.
    """
    count = count.detach().to(torch.promote_types(count.dtype, torch.float32))
    ranks = dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1
    if ranks > 1:
        count = count.clone()
        dist.all_reduce(count)
    return count.clamp(min=1) / ranks
