"""A backbone in stages, which are frozen and computed again by their names."""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import Self

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from backbones.base import Backbone


class Body(Backbone):
    """A backbone in stages: a stem, then one for each map.

    Args:
        stages: Their names, in the order in which they are computed.
        checkpointed: Stages that keep only their input and are computed again in the backward pass.
    """

    def __init__(self, stages: Sequence[str], *, checkpointed: Collection[str] = ()) -> None:
        super().__init__()
        self.stages = tuple(stages)
        self.checkpointed = frozenset(checkpointed)
        self.frozen: frozenset[str] = frozenset()

    def modules_of(self, stage: str) -> Iterator[nn.Module]:
        """The modules that hold the parameters of a stage."""
        yield self.get_submodule(stage)

    def freeze(self, stages: Collection[str]) -> None:
        """Stops the training of these stages; their batch norms use running statistics in any mode.

        Raises:
            ValueError: A name that is no stage.
        """
        unknown = sorted(set(stages) - set(self.stages))
        if unknown:
            raise ValueError(
                f"no such stage: {', '.join(unknown)}; the stages are {', '.join(self.stages)}"
            )
        self.frozen = self.frozen.union(stages)
        for module in self._modules_of(stages):
            module.requires_grad_(requires_grad=False)
        self.train(self.training)

    def train(self, mode: bool = True) -> Self:  # noqa: FBT001, FBT002 - as in nn.Module
        """Sets the mode of all stages that are not frozen; those stay in evaluation."""
        super().train(mode)
        for module in self._modules_of(self.frozen):
            module.eval()
        return self

    def run(self, stage: str, *inputs: Tensor | None) -> Tensor:
        """The output of a stage, whose activations are kept or not.

        Args:
            stage: Name of a module or method.
            inputs: What it takes: maps (B, C, H, W), and seeds (B,) where they are given.
        """
        compute: Callable[..., Tensor] = getattr(self, stage)
        if stage not in self.checkpointed or not torch.is_grad_enabled():
            return compute(*inputs)
        recompute = partial(checkpoint, use_reentrant=False)
        # A compiler works on functions without side effects: what it recomputes updates nothing.
        if not torch.compiler.is_compiling():
            modules = list(self._modules_of([stage]))
            recompute = partial(recompute, context_fn=partial(_contexts, modules))
        out: Tensor = recompute(compute, *inputs)
        return out

    def _modules_of(self, stages: Collection[str]) -> Iterator[nn.Module]:
        for stage in stages:
            yield from self.modules_of(stage)


def _contexts(
    modules: list[nn.Module],
) -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
    return nullcontext(), _buffers_kept(modules)


@contextmanager
def _buffers_kept(modules: list[nn.Module]) -> Iterator[None]:
    # For recomputation: the running statistics took this batch in the first pass already.
    buffers = [buffer for module in modules for buffer in module.buffers()]
    values = [buffer.clone() for buffer in buffers]
    try:
        yield
    finally:
        for buffer, value in zip(buffers, values, strict=True):
            buffer.copy_(value)
