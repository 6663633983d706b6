"""A task small enough to be trained within a test: two kinds of noise to be told apart."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning.pytorch import LightningDataModule, LightningModule
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, TensorDataset

from lumbar.data.loader import ResumableLoader, start_worker
from lumbar.data.samplers import Key, TrainBatchSampler
from lumbar.training.config import OptimConfig, ScheduleConfig, TrainerConfig
from lumbar.training.optim import build_optimizer
from lumbar.training.run_folder import RunFolder
from lumbar.training.schedule import build_schedule

TRAINER = TrainerConfig(
    max_epochs=2,
    accelerator="cpu",
    precision="fp32",
    progress="none",
    log_every_steps=2,
    loggers=(),
)


class ToyModule(LightningModule):
    """Logs losses and scores under the names that tasks use."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.net = nn.Sequential(nn.Flatten(), nn.Linear(12, 4), nn.ReLU(), nn.Linear(4, 2))
        self.seen: list[float] = []
        """First weight of the network at each validation."""

    def training_step(self, batch: Sequence[Tensor], batch_index: int) -> Tensor:
        loss = nn.functional.cross_entropy(self.net(batch[0]), batch[1])
        self.log_dict({"train/part/box": loss.detach() / 2, "train/loss": loss.detach()})
        return loss

    def validation_step(self, batch: Sequence[Tensor], batch_index: int) -> None:
        right = self.net(batch[0]).argmax(1) == batch[1]
        self.log_dict({"val/AP": right.float().mean(), "val/part/box": 0.5}, batch_size=len(right))

    def on_validation_start(self) -> None:
        self.seen.append(self.first_weight)

    def on_validation_epoch_start(self) -> None:
        self.seen[-1] = self.first_weight

    def test_step(self, batch: Sequence[Tensor], batch_index: int) -> None:
        right = self.net(batch[0]).argmax(1) == batch[1]
        self.log("test/AP", right.float().mean(), batch_size=len(right))

    def configure_optimizers(self) -> OptimizerLRScheduler:
        optimizer = build_optimizer(self, OptimConfig(), lr=0.05)
        schedule = build_schedule(optimizer, ScheduleConfig(name="constant", warmup_steps=0), 1)
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }

    @property
    def first_weight(self) -> float:
        return next(self.net.parameters()).flatten()[0].item()


class ToyData(LightningDataModule):
    """Twelve training images in six batches, five for evaluation in three."""

    def __init__(self, *, broken: bool = False) -> None:
        super().__init__()
        self.broken = broken

    def train_dataloader(self) -> DataLoader[tuple[Tensor, ...]]:
        return self._loader(12)

    def val_dataloader(self) -> DataLoader[tuple[Tensor, ...]]:
        return self._loader(5)

    def test_dataloader(self) -> DataLoader[tuple[Tensor, ...]]:
        return self._loader(3)

    def _loader(self, count: int) -> DataLoader[tuple[Tensor, ...]]:
        labels = torch.arange(count) % 2
        generator = torch.Generator().manual_seed(0)
        images = torch.randn(count, 3, 2, 2, generator=generator) + labels[:, None, None, None]
        if self.broken:
            images = images / 0
        return DataLoader(TensorDataset(images, labels), batch_size=2)


class NumberedNoise(Dataset[Any]):
    """Images that follow from (epoch, index), and their numbers."""

    def __getitem__(self, key: Key) -> tuple[Tensor, int, int]:
        epoch, index = key
        generator = torch.Generator().manual_seed(100 * epoch + index)
        return torch.randn(3, 2, 2, generator=generator) + index % 2, index % 2, index


class ShuffledData(ToyData):
    """Training images in another order in each epoch, shared out among the ranks."""

    def __init__(self, *, count: int = 12, batch_size: int = 2, workers: int = 0) -> None:
        super().__init__()
        self.count = count
        self.batch_size = batch_size
        self.workers = workers

    def train_dataloader(self) -> DataLoader[Any]:
        trainer = self.trainer
        assert trainer is not None
        order = TrainBatchSampler(
            np.zeros(self.count, dtype=np.int64),
            batch_size=self.batch_size,
            seed=0,
            rank=trainer.global_rank,
            world=trainer.world_size,
            accumulate=trainer.accumulate_grad_batches,
        )
        return ResumableLoader(
            NumberedNoise(),
            batch_sampler=order,
            num_workers=self.workers,
            persistent_workers=self.workers > 0,
            worker_init_fn=start_worker,
            generator=torch.Generator(),
        )


def new_folder(path: Path) -> RunFolder:
    """A run folder that no process before has used."""
    return RunFolder.create(path, "toy", resume=True)
