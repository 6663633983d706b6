"""What happens beside the steps: averaging, checkpoints, the last evaluation, and the end of a run that diverged."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint, WeightAveraging
from lightning.pytorch.utilities.types import STEP_OUTPUT
from torch import Tensor
from torch.optim.swa_utils import get_ema_multi_avg_fn


class WeightAverage(WeightAveraging):
    """Exponential moving average of the weights and buffers, on which the model is validated and released."""

    def __init__(self, decay: float) -> None:
        super().__init__(multi_avg_fn=get_ema_multi_avg_fn(decay))

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Puts the average where the model will be: at this moment it is still on the CPU."""
        self._device = trainer.strategy.root_device
        super().setup(trainer, pl_module, stage)
        if self._average_model is not None:
            # The counter is read after every step; on the device each reading would wait for it.
            self._average_model.n_averaged = self._average_model.n_averaged.cpu()

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Leaves the average in the model, and never again puts it in the place of other weights."""
        super().on_train_end(trainer, pl_module)
        self._average_model = None


class LastCheckpoint(ModelCheckpoint):
    """Keeps `last.ckpt`, renewed after every epoch and its evaluation."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            folder, filename="last", save_on_train_epoch_end=True, enable_version_counter=False
        )


class BestCheckpoint(ModelCheckpoint):
    """Keeps `best.ckpt`, renewed after every evaluation with a higher score than before."""

    def __init__(self, folder: Path, monitor: str) -> None:
        super().__init__(
            folder,
            filename="best",
            monitor=monitor,
            mode="max",
            save_on_train_epoch_end=False,
            enable_version_counter=False,
        )

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Does nothing where the task does not score."""
        if self.monitor in trainer.callback_metrics:
            super().on_validation_end(trainer, pl_module)


class FinalEvaluation(Callback):
    """Ends the training after its last step with an evaluation, wherever in an epoch that is."""

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Counts the steps of the run."""
        self._total_steps = trainer.estimated_stepping_batches

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: STEP_OUTPUT,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Asks for both when the last step is done."""
        if trainer.global_step >= self._total_steps:
            trainer.check_val_every_n_epoch = 1
            trainer.should_stop = True


class FiniteLoss(Callback):
    """Stops a run whose loss stays infinite or undefined.

    The streak is counted on the device, and read only every few steps.
    """

    def __init__(self, *, patience: int, every: int) -> None:
        """Stops after `patience` bad losses in a row, noticed after at most `every` more batches."""
        self._patience = patience
        self._every = every
        self._streak: Tensor | None = None

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: STEP_OUTPUT,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Counts.

        Raises:
            ValueError: The streak is too long.
        """
        loss = outputs["loss"] if isinstance(outputs, Mapping) else outputs
        if not isinstance(loss, Tensor):
            return
        streak = torch.zeros_like(loss) if self._streak is None else self._streak
        self._streak = (streak + 1) * ~torch.isfinite(loss.detach())
        if (batch_idx + 1) % self._every == 0 and self._streak.item() >= self._patience:
            ids = getattr(batch, "image_ids", None)
            images = "" if ids is None else f" (images {', '.join(map(str, ids.tolist()))})"
            raise ValueError(
                f"step {trainer.global_step}{images}: the loss is {loss.item()}, after "
                f"{int(self._streak.item())} batches in a row without a finite one; lower optim.lr, "
                "lengthen schedule.warmup_steps, or set trainer.clip_norm"
            )
