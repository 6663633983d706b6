"""How often a step makes its host wait for a GPU, and how many kernels it launches there."""

import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.profiler import ProfilerActivity, profile
from torch.utils._python_dispatch import TorchDispatchMode

_WAITING_TAGS = {torch.Tag.data_dependent_output, torch.Tag.dynamic_output_shape}
_WAITING_NAMES = {"torchvision::nms", "aten::histc"}
_INDEXING_NAMES = {
    "aten::index",
    "aten::index_put",
    "aten::index_put_",
    "aten::_index_put_impl_",
    "aten::_unsafe_index",
}
# A Python number that becomes a tensor is copied to the device, which waits unless its memory is pinned.
_COPYING_NAMES = {"aten::lift_fresh", "aten::lift_fresh_copy"}


class SyncCounter(TorchDispatchMode):
    """Counts, while it is entered, each operator that a GPU waits for; `counts` is by name.

    A custom operator counts as what it says it is; what its CPU kernel does inside is not looked at.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.counts: Counter[str] = Counter()

    def __torch_dispatch__(
        self,
        func: torch._ops.OpOverload,
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        if _waits(func, args):
            self.counts[func.name()] += 1
        return func(*args, **(kwargs or {}))


def count_syncs(step: Callable[[], object]) -> dict[str, int]:
    """Runs a step, on a CPU too, and returns how often it would wait, by operator."""
    with SyncCounter() as counter:
        step()
    return dict(counter.counts)


def count_waits(step: Callable[[], object]) -> int:
    """Runs a step on a GPU, and returns how often CUDA says that it waited."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        torch.cuda.set_sync_debug_mode("warn")
        step()
        torch.cuda.set_sync_debug_mode("default")
    return sum("synchronizing" in str(warning.message) for warning in caught)


def count_launches(step: Callable[[], object]) -> int:
    """Runs a step on a GPU, and returns its kernels, copies and fills."""
    with profile(activities=[ProfilerActivity.CUDA]) as profiler:
        step()
        torch.cuda.synchronize()
    return sum(event.device_type.name == "CUDA" for event in profiler.events())


def _waits(func: torch._ops.OpOverload, args: Sequence[Any]) -> bool:
    name = func.name().partition(".")[0]
    if name in _INDEXING_NAMES:
        # The tag of `index` is for masks; with integers its result is as large as they are.
        return any(index.dtype in (torch.bool, torch.uint8) for index in _tensors(args[1]))
    return name in _WAITING_NAMES | _COPYING_NAMES or not _WAITING_TAGS.isdisjoint(func.tags)


def _tensors(values: Sequence[Tensor | None]) -> Iterator[Tensor]:
    return (value for value in values if value is not None)
