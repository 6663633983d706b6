"""Batches on their way from the loader to the device that computes with them."""

from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from torch import Tensor


def to_device(batch: Any, device: torch.device) -> Any:
    """Copies a batch to a device, to a GPU while that computes something else.

    A GPU has a stream for these copies alone. A copy from pinned memory starts at once, beside the step that is still
    computed, and what is computed with the batch waits for it. Nothing is fetched ahead of time: the loader has handed
    out the batches that were trained on, and no others.

    Args:
        batch: NamedTuples of tensors and of such.
        device: Where they go.

    Returns:
        The same on the device; tensors that are there already are not copied.
    """
    if device.type != "cuda":
        return _each(batch, lambda tensor: tensor.to(device))
    copying, computing = _copying_stream(device), torch.cuda.current_stream(device)
    with torch.cuda.stream(copying):
        copied = _each(batch, lambda tensor: _copied(tensor, device, computing))
    computing.wait_stream(copying)
    return copied


def _copied(tensor: Tensor, device: torch.device, computing: torch.cuda.Stream) -> Tensor:
    copied = tensor.to(device, non_blocking=True)
    # Its memory is that of the copying stream, which could fill it anew as soon as Python has forgotten it.
    copied.record_stream(computing)
    return copied


@cache
def _copying_stream(device: torch.device) -> torch.cuda.Stream:
    return torch.cuda.Stream(device)


def _each(batch: Any, change: Callable[[Tensor], Tensor]) -> Any:
    if isinstance(batch, Tensor):
        return change(batch)
    return type(batch)(*(_each(part, change) for part in batch))
