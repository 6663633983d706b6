"""A classifier as a Lightning module: which step computes what, and nothing of how."""

from collections.abc import Mapping, Sequence

from lightning.pytorch.trainer.states import TrainerFn
from torch import Tensor
from torch.optim import Optimizer

from classification.batch import LabelBatch
from classification.config import ClassificationConfig
from classification.metrics import ClassificationMetric
from classification.network import Classification, PooledNetwork
from classification.scores import ClassificationScores
from classification.thaw import Thaw
from lumbar.data.splits import Split
from lumbar.tasks.module import TaskModule, with_sum
from lumbar.training.config import OptimConfig, ScheduleConfig


class ClassificationModule(TaskModule[ClassificationScores]):
    """Trains on `losses`, validates as images are predicted; `train/error` counts images as they were shown."""

    model: PooledNetwork
    metrics: dict[str, ClassificationMetric]
    monitor = "val/top1"

    def __init__(
        self,
        model: PooledNetwork,
        *,
        metrics: Mapping[str, ClassificationMetric],
        thaw: Thaw | None,
        optim: OptimConfig,
        schedule: ScheduleConfig,
        images_per_batch: int,
    ) -> None:
        """Joins a classifier with its evaluation and its optimisation.

        Args:
            model: The network.
            metrics: Of the splits that are evaluated, `val` and `test` or one of them.
            thaw: Holds stages until they are trained, too; None where none waits.
            optim: Settings of the optimiser.
            schedule: Settings of the learning rate.
            images_per_batch: Training images on each device in one batch.
        """
        super().__init__(
            model,
            metrics=metrics,
            optim=optim,
            schedule=schedule,
            images_per_batch=images_per_batch,
        )
        self.thaw = thaw

    def forward(self, batch: LabelBatch) -> Classification:
        """Classifies a batch of (B, C, H, W) images."""
        return self.model.predict(batch.images)

    def training_step(self, batch: LabelBatch, batch_index: int) -> Tensor:
        """The sum of the losses of one batch; a scalar."""
        lesson = self.model.learn(batch.images, batch.targets)
        losses = with_sum(lesson.losses)
        self.log_dict({f"train/{name}": value.detach() for name, value in losses.items()})
        self.log("train/error", lesson.error)
        return losses["loss"]

    def validation_step(self, batch: LabelBatch, batch_index: int) -> dict[str, Tensor]:
        """What is found in one batch; while the model is trained, its losses, too."""
        found = self._collect("val", batch)
        if self.trainer.state.fn == TrainerFn.FITTING:
            self.note_losses(self.model.losses(batch.images, batch.targets), batch)
        return found

    def test_step(self, batch: LabelBatch, batch_index: int) -> dict[str, Tensor]:
        """What is found in one batch."""
        return self._collect("test", batch)

    def on_train_start(self) -> None:
        """Holds the stages of the epoch, in the middle of which a run may go on."""
        self.on_train_epoch_start()

    def on_train_epoch_start(self) -> None:
        """Holds the stages that are not trained in this epoch."""
        if self.thaw is not None:
            self.thaw.begin_epoch(self.current_epoch)

    def on_before_optimizer_step(self, optimizer: Optimizer) -> None:
        """Keeps held stages as they are."""
        if self.thaw is not None:
            self.thaw.drop_gradients()

    def _collect(self, split: str, batch: LabelBatch) -> dict[str, Tensor]:
        found = self.model.predict(batch.images)
        self.metrics[split].update(found.scores, batch.targets.labels, batch.image_ids)
        return found._asdict()


def make_module(
    model: PooledNetwork,
    config: ClassificationConfig,
    class_names: Sequence[str],
    splits: Sequence[Split],
    *,
    pretrained: bool = False,
) -> ClassificationModule:
    """Joins a classifier with the evaluation and the optimisation that a config names.

    Args:
        model: The network.
        config: Of the run.
        class_names: What its labels mean.
        splits: Those that are evaluated.
        pretrained: Whether its backbone has weights that are worth holding.
    """
    epoch, stages = config.model.thaw_epoch, config.model.backbone.freeze
    waits = pretrained and epoch is not None and bool(stages)
    return ClassificationModule(
        model,
        metrics={split: ClassificationMetric(class_names) for split in splits},
        thaw=Thaw(model.backbone, stages, epoch=epoch or 0) if waits else None,
        optim=config.optim,
        schedule=config.schedule,
        images_per_batch=config.data.batch_size_per_device,
    )
