"""Loaders of the three splits as Lightning wants them, the same for every task: who reads what, in which order."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from lightning.pytorch import LightningDataModule
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset

from lumbar.data.config import LoadingConfig
from lumbar.data.geometry import fitted
from lumbar.data.loader import ResumableLoader, start_worker, worker_count
from lumbar.data.sample import Sample
from lumbar.data.samplers import EvalBatchSampler, TrainBatchSampler
from lumbar.data.sizes import Size
from lumbar.data.transfer import to_device

Split = Literal["train", "val", "test"]
_NEEDED: dict[str, tuple[Split, ...]] = {
    "fit": ("train", "val"),
    "validate": ("val",),
    "test": ("test",),
}


class TrainSet(NamedTuple):
    """What is trained on."""

    dataset: Dataset[Sample]
    """Asked for (epoch, index)."""
    groups: NDArray[np.int64]
    """(N,) number of the group that each image belongs to: only images of one group meet in a batch."""
    collate: Callable[[list[Sample]], Any]
    canvases: Sequence[Size] = ()
    """Those that batches lie on; empty where there may be any."""
    repeats: int = 1
    """Times that an image is shown in its epoch, changed otherwise each time."""


class EvalSet(NamedTuple):
    """What is evaluated."""

    dataset: Dataset[Sample]
    """Asked for (0, index)."""
    canvases: Sequence[Size]
    """Of each image: only images of one canvas meet in a batch."""
    collate: Callable[[list[Sample]], Any]


class SplitModule(LightningDataModule, ABC):
    """Loaders of the three splits; the task says what they load.

    Rank and world size are those of the Trainer that it is attached to. The Trainer must leave the
    samplers as they are (`use_distributed_sampler=False`).
    """

    def __init__(self, config: LoadingConfig, *, seed: int) -> None:
        """Keeps the settings; no file is read yet.

        Args:
            config: How samples become batches.
            seed: Of the run.
        """
        super().__init__()
        self._loading = config
        self._seed = seed

    @abstractmethod
    def prepare(self, split: Split) -> None:
        """Reads what is known of a split, and finds what is wrong with it."""

    @abstractmethod
    def train_set(self) -> TrainSet:
        """What the training loader loads."""

    @abstractmethod
    def eval_set(self, split: Split) -> EvalSet:
        """What the loader of an evaluated split loads."""

    def setup(self, stage: str) -> None:
        """Prepares what the stage needs: a missing file is found before anything slow begins."""
        for split in _NEEDED.get(stage, ()):
            self.prepare(split)

    def made_up_batches(self) -> dict[Size, Callable[[], Any]]:
        """Says how to make a training batch for each canvas, largest first: of one image, cut and filled up to it."""
        data = self.train_set()
        canvases = sorted(data.canvases, key=math.prod, reverse=True)
        return {canvas: partial(self._made_up, data, canvas) for canvas in canvases}

    def train_dataloader(self) -> ResumableLoader:
        """Shuffled and augmented; each pass is the next epoch."""
        data = self.train_set()
        order = TrainBatchSampler(
            data.groups,
            batch_size=self._loading.batch_size_per_device,
            seed=self._seed,
            rank=self._rank,
            world=self._world,
            accumulate=self.trainer.accumulate_grad_batches if self.trainer else 1,
            repeats=data.repeats,
        )
        return ResumableLoader(
            data.dataset, batch_sampler=order, collate_fn=data.collate, **self._loader_options()
        )

    def val_dataloader(self) -> DataLoader[Sample]:
        """Each image of the validation split once over all ranks."""
        return self._eval_loader("val")

    def test_dataloader(self) -> DataLoader[Sample]:
        """Each image of the test split once over all ranks."""
        return self._eval_loader("test")

    def transfer_batch_to_device(
        self, batch: Any, device: torch.device, dataloader_idx: int
    ) -> Any:
        """Copies a batch to the device, beside what that is computing."""
        return to_device(batch, device)

    def _made_up(self, data: TrainSet, canvas: Size) -> Any:
        sample = fitted(data.dataset[0, 0], canvas)
        return data.collate([sample] * self._loading.batch_size_per_device)

    def _eval_loader(self, split: Split) -> DataLoader[Sample]:
        dataset, canvases, collate = self.eval_set(split)
        order = EvalBatchSampler(
            canvases,
            batch_size=self._loading.eval_batch_size_per_device,
            rank=self._rank,
            world=self._world,
        )
        return DataLoader(
            dataset, batch_sampler=order, collate_fn=collate, **self._loader_options()
        )

    def _loader_options(self) -> dict[str, Any]:
        workers = worker_count(self._loading.workers, sharing=self._devices)
        return {
            "num_workers": workers,
            "persistent_workers": workers > 0,
            "pin_memory": self._on_gpu,
            "worker_init_fn": start_worker,
            "generator": torch.Generator(),  # a resumed run would draw more often from the global one
        }

    @property
    def _rank(self) -> int:
        return self.trainer.global_rank if self.trainer else 0

    @property
    def _world(self) -> int:
        return self.trainer.world_size if self.trainer else 1

    @property
    def _devices(self) -> int:
        """Devices of this machine."""
        return self.trainer.num_devices if self.trainer else 1

    @property
    def _on_gpu(self) -> bool:
        return self.trainer is not None and self.trainer.strategy.root_device.type == "cuda"


def aspect_groups(sizes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Groups images by their orientation.

    Args:
        sizes: (N, 2) height and width.

    Returns:
        (N,): 1 for landscape and square, 0 for portrait.
    """
    return (sizes[:, 1] >= sizes[:, 0]).astype(np.int64)
