"""A step on each canvas before the first one, so that nothing is compiled, and no memory runs out, in the midst."""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from time import perf_counter
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.utilities import rank_zero_only
from torch import Tensor

_say = rank_zero_only(logging.getLogger(__name__).info)
_GIB = 2**30


class Rehearsal(Callback):
    """Computes the gradients of a made-up batch on each canvas, and changes nothing by it.

    All ranks rehearse the same canvases in the same order: what sums over ranks finds the others.
    """

    def __init__(
        self,
        batches: Mapping[tuple[int, int], Callable[[], Any]],
        losses: Callable[[Any], Mapping[str, Tensor]],
        *,
        runs: int = 1,
    ) -> None:
        """Keeps what is rehearsed.

        Args:
            batches: Makes the batch for a canvas (height, width), those first that take the most memory.
            losses: Those of a batch, with their sum as `loss`.
            runs: Steps on each canvas.
        """
        self._batches = batches
        self._losses = losses
        self._runs = runs

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Rehearses before the first batch, when the module is as it will be trained."""
        batches, self._batches = self._batches, {}
        device = pl_module.device
        for number, (canvas, make) in enumerate(batches.items(), start=1):
            began = perf_counter()
            with _unchanged(pl_module):
                made = trainer.strategy.batch_to_device(make(), device)
                for _ in range(self._runs):
                    self._step(trainer, pl_module, made)
            seconds = perf_counter() - began
            _say(
                "canvas %d of %d: %d x %d rehearsed in %.0f s%s",
                *(number, len(batches), *canvas, seconds, _memory(device)),
            )

    def _step(self, trainer: Trainer, module: LightningModule, batch: Any) -> None:
        with torch.enable_grad():
            with trainer.precision_plugin.train_step_context():
                loss = self._losses(batch)["loss"]
            trained = [parameter for parameter in module.parameters() if parameter.requires_grad]
            # Not `backward`: that would leave gradients, and have DDP exchange them.
            torch.autograd.grad(loss, trained, allow_unused=True)


@contextmanager
def _unchanged(module: LightningModule) -> Iterator[None]:
    """Gives back the buffers, batch statistics among them, and the random generators as they were."""
    kept = [(buffer, buffer.clone()) for buffer in module.buffers()]
    devices = [module.device] if module.device.type == "cuda" else []
    with torch.random.fork_rng(devices):
        yield
    for buffer, value in kept:
        buffer.copy_(value)


def _memory(device: torch.device) -> str:
    """The most that was allocated so far."""
    if device.type != "cuda":
        return ""
    torch.cuda.synchronize(device)
    return f", {torch.cuda.max_memory_allocated(device) / _GIB:.1f} GiB at most"
