"""Steps whose loss or gradient is not finite are not taken, and a run of nothing else ends."""

import logging
from collections.abc import Mapping
from functools import partial
from math import isfinite
from typing import Any, NamedTuple

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.utilities import rank_zero_only
from lightning.pytorch.utilities.types import STEP_OUTPUT
from torch import Tensor, nn
from torch.optim import Optimizer

from lumbar.training.late import Late, Reader
from lumbar.training.progress import logged
from lumbar.training.ranks import from_all_ranks
from lumbar.training.statistics import running_statistics

_warn = rank_zero_only(logging.getLogger(__name__).warning)
_NONE = -1
_SKIPPED, _STREAK = "skipped steps", "in a row"


class _Suspects(NamedTuple):
    """What a rank knows of skipped steps."""

    guilty: list[int]
    """Image ids of the last batch whose loss was not finite."""
    present: list[int]
    """Image ids of the present batch, if its step was skipped."""
    losses: dict[str, float]
    """Losses of the present batch that are not finite."""


class FiniteSteps(Reader):
    """Leaves weights, optimiser and batch statistics as they were where a loss or a gradient is not finite.

    All ranks decide alike without asking each other: DDP adds up their gradients, and a sum with a NaN in it is NaN on
    each of them. That alone would miss an infinite loss whose gradient is finite, so its gradient is made NaN.

    The decision stays on the device, as the flag by which fused optimisers leave out a step with its momentum, its
    weight decay and its count; it is fetched once every few steps, and read a batch later. The schedule and the average
    of the weights go on.

    Under fp16 the scaler leaves out steps by itself until its scale fits. They are counted only once the scale has
    fallen to 1, where it is no longer to blame.
    """

    def __init__(self, *, patience: int, every: int) -> None:
        """Ends the run after `patience` skipped steps in a row; looks every so many steps."""
        self._patience = patience
        self._every = every
        self._taken = 0
        self._told = 0
        self._skipped: Tensor | int = 0
        self._streak: Tensor | int = 0

    def state_dict(self) -> dict[str, int]:
        """The counts."""
        return {"skipped": int(self._skipped), "streak": int(self._streak)}

    def load_state_dict(self, state_dict: dict[str, int]) -> None:
        """Goes on counting."""
        self._told = self._skipped = state_dict["skipped"]
        self._streak = state_dict["streak"]

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Looks for the statistics that a bad batch would spoil."""
        self._taken = trainer.global_step
        self._statistics = list(running_statistics(pl_module))
        self._guilty = self._present = torch.zeros(0, dtype=torch.int64, device=pl_module.device)

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Keeps the statistics of before the step."""
        if self._statistics and batch_idx % trainer.accumulate_grad_batches == 0:
            self._kept = torch.cat(self._statistics)

    def on_before_backward(
        self, trainer: Trainer, pl_module: LightningModule, loss: Tensor
    ) -> None:
        """Sees to it that a bad loss, a scalar, has a gradient that all ranks notice."""
        self._finite = finite = torch.isfinite(loss.detach())
        loss.register_hook(lambda gradient: torch.where(finite, gradient, torch.nan))

    def on_before_optimizer_step(
        self, trainer: Trainer, pl_module: LightningModule, optimizer: Optimizer
    ) -> None:
        """Decides, on the gradients of all ranks without the scale of fp16, before they are clipped."""
        parameters = (p for group in optimizer.param_groups for p in group["params"])
        norm = nn.utils.get_total_norm([p.grad for p in parameters if p.grad is not None])
        bad = ~torch.isfinite(norm)
        optimizer.found_inf = bad.float()  # type: ignore[attr-defined] # what fused steps look at
        if self._statistics:
            values = torch.where(bad, self._kept, torch.cat(self._statistics))
            sizes = [len(statistic) for statistic in self._statistics]
            torch._foreach_copy_(self._statistics, list(values.split(sizes)))
        scaler = getattr(trainer.precision_plugin, "scaler", None)
        counts = bad if scaler is None else bad & (scaler._scale <= 1)  # noqa: SLF001
        self._streak = (self._streak + 1) * counts
        self._skipped = self._skipped + counts

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: STEP_OUTPUT,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Remembers the images, and looks at the counts after every so many steps.

        Raises:
            ValueError: Too many steps in a row were skipped.
        """
        self.settle()
        if hasattr(batch, "image_ids"):
            self._present = batch.image_ids
            unknown = torch.full_like(batch.image_ids, _NONE)
            before = self._guilty if len(self._guilty) else unknown
            self._guilty = torch.where(self._finite, before, batch.image_ids)
        step_ended = trainer.global_step != self._taken
        self._taken = trainer.global_step
        if step_ended and self._taken % self._every == 0:
            self._ask(trainer)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Looks at the steps since the last time."""
        if self._taken % self._every:
            self._ask(trainer)
        super().on_train_end(trainer, pl_module)

    def _ask(self, trainer: Trainer) -> None:
        counts = {_SKIPPED: torch.as_tensor(self._skipped), _STREAK: torch.as_tensor(self._streak)}
        late = Late(logged(trainer, "train/") | counts)
        self.later(partial(self._look, trainer, self._taken, late))

    def _look(self, trainer: Trainer, step: int, late: Late) -> None:
        losses = late.read()
        skipped, streak = int(losses.pop(_SKIPPED)), int(losses.pop(_STREAK))
        for logger in trainer.loggers:
            logger.log_metrics({"train/skipped_steps": skipped}, step - 1)
        if skipped == self._told:
            return
        self._told = skipped
        where = self._suspects(losses, ongoing=streak > 0)
        if streak >= self._patience:
            raise ValueError(
                f"step {step}: the last {streak} steps were skipped, as the loss or the gradient was not "
                f"finite{where}; lower optim.lr, lengthen schedule.warmup_steps, or set trainer.clip_norm"
            )
        _warn(
            "step %d: steps skipped so far: %d, as the loss or the gradient was not finite%s",
            step,
            skipped,
            where,
        )

    def _suspects(self, losses: Mapping[str, float], *, ongoing: bool) -> str:
        losses = {name: value for name, value in losses.items() if not isfinite(value)}
        guilty = [image for image in self._guilty.tolist() if image != _NONE]
        present = self._present.tolist() if ongoing else []
        ranks = from_all_ranks(_Suspects(guilty, present, losses))
        # A bad loss has its batch; a bad gradient is everyone's.
        guilty = [image for rank in ranks for image in rank.guilty]
        images = guilty or [image for rank in ranks for image in rank.present]
        named = {name: value for rank in ranks for name, value in rank.losses.items()}
        parts = [f"{name} {value}" for name, value in named.items()]
        parts += [f"images {', '.join(map(str, images))}"] * bool(images)
        self._guilty = torch.full_like(self._guilty, _NONE)
        return f" ({'; '.join(parts)})" if parts else ""
