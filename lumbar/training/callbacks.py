"""What happens beside the steps: averaging, checkpoints, and the last evaluation."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint, WeightAveraging
from lightning.pytorch.trainer.states import TrainerFn
from lightning.pytorch.utilities.types import STEP_OUTPUT
from torch.optim.swa_utils import get_ema_multi_avg_fn

from lumbar.training.late import Reader


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

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Does so, too, where there was no step left to train."""
        if self._average_model is not None:
            self.on_train_end(trainer, pl_module)


class LastCheckpoint(Checkpoint):
    """Keeps `last.ckpt`, of which a run can go on as if it had never been interrupted.

    It is renewed every few steps, before each evaluation, and at the end of each epoch.

    Attributes:
        saved: The file and its step, in words; None if there is none yet.
    """

    def __init__(self, path: Path, *, every: int | None) -> None:
        """Saves at `path`, after `every` optimiser steps if it is not None."""
        self.saved: str | None = None
        self._path = path
        self._every = every
        self._step = 0
        self._step_ended = False
        self._held = -1

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Counts from the step of the checkpoint that the run goes on from."""
        self._step = trainer.global_step

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: STEP_OUTPUT,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Saves if it is time; never within accumulated batches, whose gradients are in no checkpoint."""
        self._step_ended = trainer.global_step != self._step
        self._step = trainer.global_step
        if trainer.is_last_batch or (self._every and self._step % self._every == 0):
            self.hold(trainer)

    def hold(self, trainer: Trainer) -> bool:
        """Makes sure that the file has the present state.

        Returns:
            Whether this is possible: between two steps, or between the last step of an epoch and its evaluation.
        """
        # Without an evaluation the epoch is about to end, and is saved then.
        followed = trainer.enable_validation and not (
            (trainer.current_epoch + 1) % (trainer.check_val_every_n_epoch or 1)
        )
        possible = followed if trainer.is_last_batch else not trainer.should_stop
        if not (possible and self._step_ended):
            return False
        if self._held != self._step:
            self._save(trainer)
        return True

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Saves."""
        self._save(trainer)

    def on_save_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Corrects what Lightning would take for another place, of this checkpoint and of any other."""
        loops = checkpoint["loops"]["fit_loop"]
        batches, epochs = loops["epoch_loop.batch_progress"], loops["epoch_progress"]
        evaluation = loops["epoch_loop.val_loop.batch_progress"]
        done = evaluation["total"]["completed"]
        evaluation["total"].update(ready=done, started=done)
        if batches["is_last_batch"] and _is_open(batches):
            _before_evaluation(batches, evaluation)
        if not batches["is_last_batch"] and _is_open(epochs):
            _within_epoch(epochs)

    def _save(self, trainer: Trainer) -> None:
        for callback in trainer.callbacks:  # type: ignore[attr-defined] # Lightning declares it elsewhere
            if isinstance(callback, Reader):
                callback.settle()
        for logger in trainer.loggers:
            logger.save()
        trainer.save_checkpoint(self._path, weights_only=False)
        self._held = self._step
        self.saved = f"{self._path} at step {self._step}"


def _is_open(progress: Mapping[str, dict[str, int]]) -> bool:
    """Whether the callbacks are still busy with what was processed last."""
    return progress["total"]["completed"] < progress["total"]["processed"]


def _before_evaluation(
    batches: Mapping[str, dict[str, int]], evaluation: Mapping[str, dict[str, int]]
) -> None:
    """Has a run go on with the evaluation of an epoch whose batches are done.

    Lightning would take it for evaluated, unless the evaluation had begun: with one batch, which is never completed.
    """
    for counts in (batches["total"], batches["current"]):
        counts["completed"] = counts["processed"]
    for counts in (evaluation["total"], evaluation["current"]):
        counts.update(dict.fromkeys(counts, 0))
    evaluation["total"].update(ready=1, started=1)


def _within_epoch(epochs: Mapping[str, dict[str, int]]) -> None:
    """Has a run that was limited in its steps go on within an epoch, if the limit is lifted.

    Lightning would begin another one, and never get to the steps of the last.
    """
    for counts in (epochs["total"], epochs["current"]):
        counts["processed"] -= 1


class BestCheckpoint(Checkpoint):
    """Keeps `best.ckpt`, renewed after every evaluation with a higher score than before."""

    def __init__(self, path: Path, monitor: str) -> None:
        """Saves at `path` by the score that is logged as `monitor`; never if the task does not log it."""
        self._path = path
        self._monitor = monitor
        self._score = -math.inf

    def state_dict(self) -> dict[str, float]:
        """The best score so far."""
        return {"score": self._score}

    def load_state_dict(self, state_dict: dict[str, float]) -> None:
        """Goes on from the best score."""
        self._score = state_dict["score"]

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Saves if the score has risen."""
        score = float(trainer.callback_metrics.get(self._monitor, math.nan))
        if trainer.state.fn == TrainerFn.FITTING and score > self._score:
            self._score = score
            trainer.save_checkpoint(self._path, weights_only=False)


class FinalEvaluation(Callback):
    """Ends the training after its last step with an evaluation, wherever in an epoch that is."""

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Counts the steps of the run; one that is resumed after the last of them may still have to be evaluated."""
        self._total_steps = trainer.estimated_stepping_batches
        if trainer.global_step >= self._total_steps:
            trainer.check_val_every_n_epoch = 1
            trainer.should_stop = not trainer.is_last_batch

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Takes no step more."""
        trainer.should_stop |= trainer.global_step >= self._total_steps

    on_train_epoch_end = on_train_epoch_start

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: STEP_OUTPUT,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Asks for the evaluation and the end when the last step is done."""
        if trainer.global_step >= self._total_steps:
            trainer.check_val_every_n_epoch = 1
            trainer.should_stop = True
