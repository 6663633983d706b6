"""Sums over the ranks, so that many processes compute what one would with the joint batch."""

import torch
import torch.distributed as dist
from torch import Tensor


def num_ranks() -> int:
    """Processes that train together, 1 if this one is alone."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


@torch.library.custom_op("lumbar::sum_over_ranks", mutates_args=())
def sum_over_ranks(values: Tensor) -> Tensor:
    """Adds up what each rank has; as an operator, compiled graphs hold it whole.

    The gradients of all ranks are added up in the same way: where each rank adds its loss to the joint one, every rank
    gets the gradient of the joint loss.

    Args:
        values: (N,) float, or any other shape that all ranks share.

    Returns:
        (N,) the same sum on each rank.
    """
    total = values.clone()
    if num_ranks() > 1:
        dist.all_reduce(total)
    return total


@sum_over_ranks.register_fake
def _sum_over_ranks_fake(values: Tensor) -> Tensor:
    return torch.empty_like(values)


def _backward(_context: object, gradient: Tensor) -> Tensor:
    total: Tensor = sum_over_ranks(gradient.contiguous())
    return total


sum_over_ranks.register_autograd(_backward)


def count_per_rank(count: Tensor) -> Tensor:
    """Averages a count over the ranks.

    Gradients are averaged over ranks, so a local sum divided by this gives the mean over the joint batch. Where no
    gradients are computed, each rank counts for itself: in validation some have more batches than others, and would
    wait for them forever.

    Args:
        count: scalar, this rank's count.

    Returns:
        scalar float: the joint count, at least 1, divided by the number of ranks.
    """
    count = count.detach().to(torch.promote_types(count.dtype, torch.float32))
    ranks = num_ranks() if torch.is_grad_enabled() else 1
    if ranks > 1:
        count = sum_over_ranks(count)
    return count.clamp(min=1) / ranks
