"""What a run measures about itself while it goes on: pace, learning rate and losses."""

import sys
from collections import deque
from collections.abc import Mapping
from functools import partial
from itertools import islice
from time import perf_counter
from typing import Any, Literal

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.utilities.types import STEP_OUTPUT
from torch import Tensor

from lumbar.training.displays import Display, Pace, PlainDisplay, RichDisplay, Training
from lumbar.training.late import Late, Reader

_SHOWN = 7


class Stopwatch:
    """Images and seconds over the last few intervals; it can be stopped in between."""

    def __init__(self, window: int = 5) -> None:
        self._marks: deque[tuple[float, int, int]] = deque(maxlen=window + 1)
        self._busy = 0.0
        self._since: float | None = None
        self._images = 0

    def start(self) -> None:
        """Goes on."""
        self._since = perf_counter()

    def stop(self) -> None:
        """Leaves out the time until the next start."""
        if self._since is not None:
            self._busy += perf_counter() - self._since
            self._since = None

    def add(self, images: int) -> None:
        """Counts images; reads no clock."""
        self._images += images

    def mark(self, step: int) -> None:
        """Ends an interval at `step`."""
        self.stop()
        self.start()
        self._marks.append((self._busy, self._images, step))

    def pace(self, total_steps: int) -> Pace:
        """Rate over the window, and the time from its last mark to `total_steps`."""
        (begin, first_images, first_step), (end, images, step) = self._marks[0], self._marks[-1]
        if step == first_step or end == begin:
            return Pace(0.0, 0.0)
        seconds = end - begin
        left = (total_steps - step) * seconds / (step - first_step)
        return Pace((images - first_images) / seconds, left)


class ProgressReport(Reader):
    """Shows where the run is, and logs its learning rate and images per second.

    Losses are fetched once every few steps, and shown a batch later; in between batches are only counted.
    """

    def __init__(self, display: Display, *, every: int) -> None:
        """Reports to `display` after `every` optimiser steps."""
        self._display = display
        self._every = every
        self._total = 0
        self._reported = 0
        self._begun = False
        self._watch = Stopwatch()
        self._evaluation = Stopwatch()
        self._began = 0.0

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Only the first process shows anything."""
        if not trainer.is_global_zero:
            self._display = Display()

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Shows where the run begins."""
        self._total = int(trainer.estimated_stepping_batches)
        self._reported = trainer.global_step
        self._watch.mark(self._reported)
        self._display.training(self._state(trainer))

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Starts the clock at the first batch: what was rehearsed before it is none of the pace."""
        if not self._begun:
            self._begun = True
            self._watch = Stopwatch()
            self._watch.mark(self._reported)

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: STEP_OUTPUT,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Counts the images, and reports after every so many steps and at the end."""
        self.settle()
        self._watch.add(num_images(batch) * trainer.world_size)
        step = trainer.global_step
        self._display.advance(step)
        if step != self._reported and (step % self._every == 0 or step >= self._total):
            self._reported = step
            self._watch.mark(step)
            losses = Late(logged(trainer, "train/"))
            self.later(partial(self._report, trainer, self._state(trainer), losses))

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Stops the clock of the training, and starts another."""
        super().on_validation_start(trainer, pl_module)
        self._watch.stop()
        self._began = perf_counter()
        self._evaluation = Stopwatch(window=50)
        self._evaluation.mark(0)

    def on_validation_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: STEP_OUTPUT,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Counts the images."""
        total = int(sum(trainer.num_test_batches if trainer.testing else trainer.num_val_batches))
        self._evaluation.add(num_images(batch) * trainer.world_size)
        self._evaluation.mark(batch_idx + 1)
        self._display.evaluating(batch_idx + 1, total, self._evaluation.pace(total))

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Shows the scores, and goes on with the clock of the training."""
        in_fit = trainer.state.fn == "fit"
        title = f"epoch {trainer.current_epoch + 1}/{trainer.max_epochs}" if in_fit else "evaluated"
        scores = scalars(trainer, "test/" if trainer.testing else "val/")
        shown = dict(islice((item for item in scores.items() if "/" not in item[0]), _SHOWN))
        self._display.scores(title, shown, perf_counter() - self._began)
        self._watch.start()

    on_test_start = on_validation_start
    on_test_batch_end = on_validation_batch_end
    on_test_end = on_validation_end

    def on_exception(
        self, trainer: Trainer, pl_module: LightningModule, exception: BaseException
    ) -> None:
        """Leaves the terminal clean for the error."""
        self._display.close()

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Leaves the terminal clean."""
        self._display.close()

    def _report(self, trainer: Trainer, state: Training, late: Late) -> None:
        losses = late.read()
        losses = {"loss": losses.pop("loss")} | losses if "loss" in losses else losses
        self._display.training(state._replace(losses=losses))
        values = {f"train/{name}": value for name, value in losses.items()}
        values |= {"train/lr": state.lr, "train/images_per_second": state.pace.rate}
        for logger in trainer.loggers:
            logger.log_metrics(values, state.step - 1)

    def _state(self, trainer: Trainer) -> Training:
        return Training(
            step=trainer.global_step,
            total_steps=self._total,
            epoch=trainer.current_epoch + 1,
            epochs=trainer.max_epochs or 1,
            losses={},
            lr=max(group["lr"] for group in trainer.optimizers[0].param_groups),
            pace=self._watch.pace(self._total),
        )


def choose_display(kind: Literal["auto", "rich", "plain", "none"]) -> Display:
    """The display that a config names; `auto` is a bar where the standard output is a terminal."""
    if kind == "none":
        return Display()
    if kind == "rich" or (kind == "auto" and sys.stdout.isatty()):
        return RichDisplay()
    return PlainDisplay(sys.stdout)


def logged(trainer: Trainer, prefix: str) -> dict[str, Tensor]:
    """What was logged under `prefix`, each a scalar, by the rest of its name."""
    values = trainer.callback_metrics.items()
    return {name.removeprefix(prefix): value for name, value in values if name.startswith(prefix)}


def scalars(trainer: Trainer, prefix: str) -> dict[str, float]:
    """The same as numbers; waits for the device."""
    return {name: float(value) for name, value in logged(trainer, prefix).items()}


def num_images(batch: Any) -> int:
    """Size of a batch: the first dimension (B, ...) of its first tensor."""
    while not isinstance(batch, Tensor):
        batch = next(iter(batch.values())) if isinstance(batch, Mapping) else batch[0]
    return batch.shape[0]
