"""Going on where a checkpoint was saved: the next batch, and the random numbers."""

import random
from collections.abc import Mapping
from math import ceil
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from lightning.pytorch import Callback, LightningModule, Trainer

from lumbar.training.ranks import from_all_ranks


@runtime_checkable
class PlaceableLoader(Protocol):
    """A loader that can begin at any batch of any epoch."""

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Begins at batch `batches` of epoch `epoch`."""


class Continuation(Callback):
    """Keeps in a checkpoint what Lightning leaves out, and restores it.

    The place in the data follows from the number of steps alone. So the images of a step may be spread over more or
    fewer ranks and accumulated batches than before.
    """

    _saved: Mapping[str, Any] | None = None

    def on_save_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Adds the length of an epoch and the random states of all ranks."""
        checkpoint["continuation"] = {
            "steps_per_epoch": _steps_per_epoch(trainer),
            "accumulate": trainer.accumulate_grad_batches,
            "random": from_all_ranks(_random_state()),
        }

    def on_load_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Counts the batches that are done anew, if a step now accumulates another number of them.

        Raises:
            ValueError: More epochs are done than there are to be.
        """
        if checkpoint["epoch"] > (trainer.max_epochs or 0):
            raise ValueError(
                f"--resume: the checkpoint is in epoch {checkpoint['epoch'] + 1}, later than "
                f"trainer.max_epochs={trainer.max_epochs}"
            )
        self._saved = checkpoint["continuation"]
        before, now = checkpoint["continuation"]["accumulate"], trainer.accumulate_grad_batches
        if before != now:
            progress = checkpoint["loops"]["fit_loop"]["epoch_loop.batch_progress"]
            for counts in (progress["total"], progress["current"]):
                pending = counts["processed"] - counts["completed"]
                done = counts["processed"] // before * now
                counts.update(dict.fromkeys(counts, done), completed=done - pending)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Goes to the place in the data, and restores the random numbers.

        Raises:
            ValueError: The epochs have become longer or shorter.
        """
        if self._saved is None:
            return
        before, now = self._saved["steps_per_epoch"], _steps_per_epoch(trainer)
        if before != now:
            raise ValueError(
                f"--resume: an epoch has {now} steps, and had {before} when the checkpoint was saved: "
                "the training images have changed; bring them back, or train anew"
            )
        # Lightning restores loaders only in the midst of an epoch, and not once their length was asked for.
        if isinstance(trainer.train_dataloader, PlaceableLoader):
            epoch, steps = divmod(trainer.global_step, now)
            batches = steps * trainer.accumulate_grad_batches
            trainer.train_dataloader.load_state_dict({"epoch": epoch, "batches": batches})
        if len(self._saved["random"]) == trainer.world_size:
            _restore_random(self._saved["random"][trainer.global_rank])


def _steps_per_epoch(trainer: Trainer) -> int:
    return ceil(trainer.num_training_batches / trainer.accumulate_grad_batches)


def _random_state() -> dict[str, Any]:
    """The global generators of this process, in tensors and plain values."""
    of_numpy = np.random.get_state(legacy=False)  # noqa: NPY002 - what others draw from
    assert isinstance(of_numpy, dict)
    of_numpy["state"]["key"] = of_numpy["state"]["key"].tolist()
    state: dict[str, Any] = {
        "python": random.getstate(),
        "numpy": of_numpy,
        "torch": torch.get_rng_state(),
    }
    if torch.cuda.is_available():
        state["cuda"] = torch.cuda.get_rng_state()
    return state


def _restore_random(state: Mapping[str, Any]) -> None:
    random.setstate(state["python"])
    np.random.set_state(state["numpy"])  # noqa: NPY002
    torch.set_rng_state(state["torch"])
    if "cuda" in state and torch.cuda.is_available():
        torch.cuda.set_rng_state(state["cuda"])
