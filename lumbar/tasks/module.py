"""The Lightning module of every task: a model with `losses`, scored on each split."""

from collections.abc import Mapping
from typing import Any, Generic, Protocol, TypeVar

import torch
from lightning.pytorch import LightningModule
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn

from lumbar.training.batch_means import BatchMeans
from lumbar.training.config import OptimConfig, ScheduleConfig
from lumbar.training.optim import build_optimizer, scaled_lr
from lumbar.training.schedule import build_schedule


class Scores(Protocol):
    """What an evaluation found."""

    @property
    def summary(self) -> Mapping[str, float | None]:
        """The numbers that are logged; None where there is nothing to score."""

    def to_dict(self) -> dict[str, Any]:
        """Returns what results.json holds."""

    def table(self) -> str:
        """Renders the numbers for a terminal."""


S = TypeVar("S", bound=Scores)
S_co = TypeVar("S_co", bound=Scores, covariant=True)


class Metric(Protocol[S_co]):
    """Collects what was predicted for a split."""

    def compute(self) -> S_co:
        """Scores the images of all ranks together, and returns the same on each."""

    def reset(self) -> None:
        """Forgets all images."""


class TaskModule(LightningModule, Generic[S]):
    """Trains on `losses` and logs the scores of the splits; a task adds how it predicts in evaluation."""

    model: Any
    """The network; each task knows more of it."""
    monitor: str
    """The score that the best checkpoint has most of, as it is logged."""

    def __init__(
        self,
        model: nn.Module,
        *,
        metrics: Mapping[str, Metric[S]],
        optim: OptimConfig,
        schedule: ScheduleConfig,
        images_per_batch: int,
    ) -> None:
        """Joins a model with its optimisation.

        Args:
            model: Has `losses`, of all that a batch holds but the ids.
            metrics: Of the splits that are evaluated, `val` and `test` or one of them.
            optim: Settings of the optimiser.
            schedule: Settings of the learning rate.
            images_per_batch: Training images on each device in one batch.
        """
        super().__init__()
        self.model = model
        self.metrics = metrics
        self.scores: dict[str, S] = {}
        self._val_losses = BatchMeans()
        self.optim_config = optim
        self.schedule_config = schedule
        self.images_per_batch = images_per_batch

    def training_step(self, batch: Any, batch_index: int) -> Tensor:
        """The sum of the losses of one batch; a scalar."""
        losses = self.losses(batch)
        self.log_dict({f"train/{name}": value.detach() for name, value in losses.items()})
        return losses["loss"]

    def losses(self, batch: Any) -> dict[str, Tensor]:
        """The losses of one batch of images, their truth (and seeds) and their ids, and their sum; each a scalar."""
        *lesson, _ = batch
        return with_sum(self.model.losses(*lesson))

    def on_validation_epoch_end(self) -> None:
        """Scores the validation split; every rank logs the same numbers."""
        self.score("val")
        self.log_dict({f"val/{name}": mean for name, mean in self._val_losses.compute().items()})

    def on_test_epoch_end(self) -> None:
        """Scores the test split."""
        self.score("test")

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """The optimiser, and a schedule that steps with it."""
        trainer = self.trainer
        total_batch = self.images_per_batch * trainer.world_size * trainer.accumulate_grad_batches
        lr = scaled_lr(self.optim_config, total_batch)
        late = self.schedule_config.body_from > 0
        optimizer = build_optimizer(self, self.optim_config, lr, body_apart=late)
        steps = int(trainer.estimated_stepping_batches)
        schedule = build_schedule(optimizer, self.schedule_config, steps)
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }

    def note_losses(self, losses: Mapping[str, Tensor], batch: Any) -> None:
        """Takes the losses of a validation batch into the means of its epoch.

        Args:
            losses: By name, each a scalar.
            batch: Of these losses.
        """
        self._val_losses.update(with_sum(losses), batch.image_ids)

    def score(self, split: str) -> None:
        """Scores what was predicted for `val` or `test`, and logs it."""
        self.scores[split] = scores = self.metrics[split].compute()
        self.metrics[split].reset()
        known = {name: value for name, value in scores.summary.items() if value is not None}
        self.log_dict({f"{split}/{name}": value for name, value in known.items()})


def with_sum(losses: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Adds the sum of losses, each a scalar, to them as `loss`."""
    return {**losses, "loss": torch.stack([*losses.values()]).sum()}
