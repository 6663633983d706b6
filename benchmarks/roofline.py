"""What a device can do at most, and what a job asks of it (Williams et al. 2009, doi:10.1145/1498765.1498785)."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode, flop_registry

from benchmarks.timing import DTYPES, Job, seconds


class Ceiling(NamedTuple):
    """The best that a device was seen to do in one precision."""

    flops: float
    """A second, in a product of matrices or a convolution."""
    bytes: float
    """A second, read and written by a copy."""


class Work(NamedTuple):
    """What a job asks for, counted operator by operator."""

    operators: int
    """Without views: about what is launched on a GPU."""
    flops: int
    product_bytes: int
    """Read and written by products: what is left where all that is elementwise is fused into them."""
    bytes: int
    """Read and written by all operators."""

    def best_seconds(self, ceiling: Ceiling) -> float:
        """The time below which it cannot be done: by arithmetic, or by the traffic that no fusion avoids."""
        return max(self.flops / ceiling.flops, self.product_bytes / ceiling.bytes)

    def limit(self, ceiling: Ceiling) -> str:
        """What that time goes into: `arithmetic` or `memory`."""
        arithmetic = self.flops / ceiling.flops
        return "arithmetic" if arithmetic >= self.product_bytes / ceiling.bytes else "memory"


class _Traffic(TorchDispatchMode):
    """Counts operators and the bytes of their tensors, while it is entered."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.operators = self.product_bytes = self.bytes = 0

    def __torch_dispatch__(
        self,
        func: torch._ops.OpOverload,
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        out = func(*args, **(kwargs or {}))
        if not func.is_view and func.namespace != "prim":
            tensors = [x for x in tree_leaves((args, kwargs, out)) if isinstance(x, Tensor)]
            moved = sum(x.numel() * x.element_size() for x in tensors)
            self.operators += 1
            self.bytes += moved
            self.product_bytes += moved * (func.overloadpacket in flop_registry)
        return out


def count_work(job: Job) -> Work:
    """Does a job once, under a count; on fake tensors nothing is computed."""
    flops = FlopCounterMode(display=False)
    with flops, _Traffic() as traffic:
        job()
    return Work(traffic.operators, flops.get_total_flops(), traffic.product_bytes, traffic.bytes)


def fakes() -> FakeTensorMode:
    """The mode in which tensors have shapes and no values: what is made and done in it costs nothing."""
    return FakeTensorMode()


def measure_ceilings(device: torch.device, rounds: int = 5) -> dict[str, Ceiling]:
    """The best of some rounds, for each precision."""
    big = device.type == "cuda"
    source = torch.empty(2**28 if big else 2**25, device=device)
    target = torch.empty_like(source)
    copied = min(seconds(lambda: target.copy_(source), device) for _ in range(rounds))
    traffic = 2 * source.numel() * source.element_size() / copied
    return {
        precision: Ceiling(_best_flops(device, dtype, rounds, big=big), traffic)
        for precision, dtype in DTYPES.items()
    }


def _best_flops(device: torch.device, dtype: torch.dtype, rounds: int, *, big: bool) -> float:
    matrix = torch.randn((8192 if big else 1024,) * 2, device=device, dtype=dtype)
    maps = torch.randn(64 if big else 2, 256, 64, 64, device=device, dtype=dtype)
    maps = maps.contiguous(memory_format=torch.channels_last)
    weight = torch.randn(256, 256, 3, 3, device=device, dtype=dtype)
    weight = weight.contiguous(memory_format=torch.channels_last)
    jobs: list[Job] = [lambda: matrix @ matrix, lambda: F.conv2d(maps, weight, padding=1)]
    return max(
        count_work(job).flops / min(seconds(job, device) for _ in range(rounds)) for job in jobs
    )
