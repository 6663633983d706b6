"""A task small enough to be trained within a test: two kinds of noise to be told apart."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from lightning.pytorch import LightningDataModule
from torch import Tensor, nn
from torch.utils.data import DataLoader

from lumbar.data.draw import Picture
from lumbar.ops.structures import Images
from lumbar.schema import Section
from lumbar.tasks.course import Prepared
from lumbar.tasks.module import TaskModule
from lumbar.tasks.pictures import without_padding
from lumbar.training.checkpoint import save_weights
from lumbar.training.config import OptimConfig, ScheduleConfig, TrainerConfig

CLASSES = ("dark", "bright")


class ToyBatch(NamedTuple):
    """Images with a kind each."""

    images: Images
    kinds: Tensor
    image_ids: Tensor


class ToyConfig(Section):
    """All settings of a run."""

    seed: int = 3
    """Everything random follows from it."""
    test: bool = True
    """Whether there is a test split."""
    optim: OptimConfig = OptimConfig(lr=0.1, base_batch_size=4)
    trainer: TrainerConfig = TrainerConfig(
        max_epochs=2, accelerator="cpu", precision="fp32", progress="none", loggers=("csv",)
    )


@dataclass(frozen=True)
class Share:
    """How many images were right."""

    right: int
    total: int

    @property
    def summary(self) -> dict[str, float | None]:
        return {"share": self.right / self.total, "nothing": None}

    def to_dict(self) -> dict[str, Any]:
        return {"right": self.right, "total": self.total}

    def table(self) -> str:
        return f"{self.right} of {self.total} are right"


class ShareMetric:
    """Counts the images that were right."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.right = self.total = 0

    def update(self, right: Tensor) -> None:
        self.right += int(right.sum())
        self.total += len(right)

    def compute(self) -> Share:
        return Share(self.right, self.total)


class ToyModel(nn.Module):
    """A linear layer on the mean colour."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = nn.Linear(3, 4)
        self.head = nn.Linear(4, 2)

    def forward(self, images: Images) -> Tensor:
        x: Tensor = self.head(self.backbone(images.canvas.mean((2, 3)) / 255 - 0.5).relu())
        return x

    def losses(self, images: Images, kinds: Tensor) -> dict[str, Tensor]:
        entropy = nn.functional.cross_entropy(self(images), kinds)
        return {"part/kind": entropy, "part/size": 1e-3 * self.head.weight.square().sum()}


class ToyModule(TaskModule[Share]):
    """Evaluates by the share of images that are right."""

    model: ToyModel
    metrics: dict[str, ShareMetric]
    monitor = "val/share"

    def validation_step(self, batch: ToyBatch, batch_index: int) -> dict[str, Tensor]:
        self.note_losses(self.model.losses(batch.images, batch.kinds), batch)
        return self._collect("val", batch)

    def test_step(self, batch: ToyBatch, batch_index: int) -> dict[str, Tensor]:
        return self._collect("test", batch)

    def _collect(self, split: str, batch: ToyBatch) -> dict[str, Tensor]:
        found = self.model(batch.images).argmax(1)
        self.metrics[split].update(found == batch.kinds)
        return {"found": found}


class ToyData(LightningDataModule):
    """Eight images to train on, four to validate, two to test, in batches of two."""

    counts = {"train": 8, "val": 4, "test": 2}  # noqa: RUF012 - a constant

    def train_dataloader(self) -> DataLoader[ToyBatch]:
        return self._loader("train")

    def val_dataloader(self) -> DataLoader[ToyBatch]:
        return self._loader("val")

    def test_dataloader(self) -> DataLoader[ToyBatch]:
        return self._loader("test")

    def _loader(self, split: str) -> DataLoader[ToyBatch]:
        items = [toy_batch(first) for first in range(0, self.counts[split], 2)]
        return DataLoader(items, batch_size=None)


class ToyDrawing:
    """Draws the images."""

    def truth(self, batch: ToyBatch, index: int) -> Picture:
        return without_padding(batch.images, index)

    def comparison(self, batch: ToyBatch, outputs: Any, index: int) -> Picture:
        return np.concatenate([self.truth(batch, index)] * 2)

    def explained(self, sheet: Picture) -> Picture:
        return sheet


def toy_batch(first: int) -> ToyBatch:
    """A dark and a bright image."""
    kinds = torch.tensor([0, 1])
    generator = torch.Generator().manual_seed(first)
    pixels = torch.rand(2, 3, 6, 6, generator=generator) * 100 + 140 * kinds[:, None, None, None]
    sizes = torch.full((2, 2), 6)
    return ToyBatch(Images(pixels, sizes, sizes), kinds, torch.tensor([first, first + 1]))


def make_toy_module(config: ToyConfig, kind: type[ToyModule] = ToyModule) -> ToyModule:
    """The module of a run, with a metric for each split that is evaluated."""
    splits = ("val", "test") if config.test else ("val",)
    return kind(
        ToyModel(),
        metrics={split: ShareMetric() for split in splits},
        optim=config.optim,
        schedule=ScheduleConfig(name="poly", warmup_steps=0),
        images_per_batch=2,
    )


def prepare_toy(config: ToyConfig, kind: type[ToyModule] = ToyModule) -> Prepared[Share]:
    """A run that is ready to begin."""
    return Prepared(
        config=config,
        trainer=config.trainer,
        module=make_toy_module(config, kind),
        datamodule=ToyData(),
        num_images=ToyData.counts,
        classes=CLASSES,
        network="toy",
        report="loaded nothing",
        drawing=ToyDrawing(),
        save=_save,
    )


def _save(path: Path, state: dict[str, Tensor]) -> None:
    save_weights(path, state, {"task": "toy"})
