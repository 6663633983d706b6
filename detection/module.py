"""Faster R-CNN as a Lightning module: which step computes what, and nothing of how."""

from collections.abc import Mapping
from typing import Any

import torch
from lightning.pytorch import LightningModule
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor

from detection.coco_eval import CocoAP, CocoScores
from detection.faster_rcnn import FasterRCNN
from lumbar.data.records import Records
from lumbar.ops.structures import Batch, Detections
from lumbar.training.batch_means import BatchMeans
from lumbar.training.config import OptimConfig, ScheduleConfig
from lumbar.training.optim import build_optimizer, scaled_lr
from lumbar.training.schedule import build_schedule


class DetectionModule(LightningModule):
    """Trains on `losses`, validates on `predict` and COCO's AP."""

    def __init__(
        self,
        model: FasterRCNN,
        *,
        truth: Mapping[str, Records],
        optim: OptimConfig,
        schedule: ScheduleConfig,
        images_per_batch: int,
    ) -> None:
        """Joins a detector with its optimisation.

        Args:
            model: Any detector with `losses`, `dense`, `sparse_losses` and `sparse_predict`.
            truth: Ground truth of the splits `val` and `test`, of those that are evaluated.
            optim: Settings of the optimiser.
            schedule: Settings of the learning rate.
            images_per_batch: Training images on each device in one batch.
        """
        super().__init__()
        self.model = model
        self.coco_ap = {split: CocoAP(records) for split, records in truth.items()}
        self.scores: dict[str, CocoScores] = {}
        self._losses = BatchMeans()
        self.optim_config = optim
        self.schedule_config = schedule
        self.images_per_batch = images_per_batch

    def forward(self, batch: Batch) -> Detections:
        """Detects the objects of a batch of (B, C, H, W) images."""
        return self.model.predict(batch.images)

    def training_step(self, batch: Batch, batch_index: int) -> Tensor:
        """The sum of the losses of one batch, a scalar."""
        losses = self.model.losses(batch.images, batch.targets)
        total = torch.stack(list(losses.values())).sum()
        self.log_dict(
            {f"train/{name}": value.detach() for name, value in (losses | {"loss": total}).items()}
        )
        return total

    def validation_step(self, batch: Batch, batch_index: int) -> dict[str, Any]:
        """The `detections` of one batch; its losses come from the same features."""
        dense = self.model.dense(batch.images)
        losses = self.model.sparse_losses(dense, batch.images, batch.targets)
        total = torch.stack(list(losses.values())).sum()
        self._losses.update(losses | {"loss": total}, batch.image_ids)
        return self._collect("val", batch, self.model.sparse_predict(dense, batch.images))

    def test_step(self, batch: Batch, batch_index: int) -> dict[str, Any]:
        """The `detections` of one batch."""
        return self._collect("test", batch, self.model.predict(batch.images))

    def on_validation_epoch_end(self) -> None:
        """Scores the validation split; every rank logs the same numbers."""
        self._score("val")
        self.log_dict({f"val/{name}": mean for name, mean in self._losses.compute().items()})

    def on_test_epoch_end(self) -> None:
        """Scores the test split."""
        self._score("test")

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """The optimiser, and a schedule that steps with it."""
        trainer = self.trainer
        total_batch = self.images_per_batch * trainer.world_size * trainer.accumulate_grad_batches
        lr = scaled_lr(self.optim_config, total_batch)
        optimizer = build_optimizer(self, self.optim_config, lr)
        steps = int(trainer.estimated_stepping_batches)
        schedule = build_schedule(optimizer, self.schedule_config, steps)
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }

    def _collect(self, split: str, batch: Batch, detections: Detections) -> dict[str, Any]:
        self.coco_ap[split].update(detections, batch.images, batch.image_ids)
        return {"detections": detections}

    def _score(self, split: str) -> None:
        self.scores[split] = scores = self.coco_ap[split].compute()
        self.coco_ap[split].reset()
        self.log_dict({f"{split}/{name}": value for name, value in scores.summary.items()})
