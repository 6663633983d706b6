"""Being told to stop, by the scheduler or from the terminal, on any of the processes."""

import logging
import os
import signal
import subprocess
import threading
from types import FrameType
from typing import Any, NoReturn

from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint
from lightning.pytorch.strategies.launchers.launcher import _Launcher
from lightning.pytorch.utilities import rank_zero_only
from lightning.pytorch.utilities.types import STEP_OUTPUT

from lumbar.training.callbacks import LastCheckpoint
from lumbar.training.ranks import Agreement

_say = rank_zero_only(logging.getLogger(__name__).warning)
_HANDLED = [
    signal.Signals[name] for name in ("SIGTERM", "SIGUSR1", "SIGINT") if hasattr(signal, name)
]
_BATCHES_BETWEEN = 8


class Interrupted(SystemExit):
    """Ends a run that was told to stop; a process that lets it pass exits with 130 after Ctrl-C, else with 143."""


class Signals(Checkpoint):
    """Stops a run on SIGTERM, SIGUSR1 (what SLURM sends before the time is up) and Ctrl-C.

    A handler only takes note. At the end of a batch the ranks find out whether one of them was told, save `last.ckpt`
    together where an optimiser step has ended, and all raise `Interrupted`. A second Ctrl-C ends the process at once.

    It counts as a checkpoint for Lightning, which calls those last: after the average of the weights has moved.
    """

    def __init__(self, last: LastCheckpoint | None = None, *, requeue: bool = False) -> None:
        """Stops without saving if there is no `last`; with `requeue` SIGUSR1 puts a SLURM job into the queue again."""
        self._last = last
        self._requeue = requeue
        self._told = 0
        self._handlers: dict[signal.Signals, Any] = {}
        self._agreement: Agreement | None = None
        self._launcher: _Launcher | None = None

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Handles the signals, instead of Lightning."""
        # Its handler calls the other ranks in the midst of whatever they do, which hangs if they were told as well; and
        # it asks the device of the first rank for news at each step, which waits for the device.
        trainer._signal_connector.register_signal_handlers = _nothing  # type: ignore[method-assign] # noqa: SLF001
        trainer.fit_loop.epoch_loop._broadcast_sigterm_tensor = _nothing  # type: ignore[method-assign] # noqa: SLF001
        self._launcher = trainer.strategy.launcher
        if self._agreement is None and trainer.world_size > 1:
            self._agreement = Agreement()
        if threading.current_thread() is threading.main_thread():
            self._handlers = {number: signal.signal(number, self._note) for number in _HANDLED}

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Leaves the signals to those who had them before."""
        self._leave()
        if self._agreement is not None:
            self._agreement.close()
            self._agreement = None

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: STEP_OUTPUT,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Saves and stops if a rank was told to, and the step is complete."""
        if self._is_told() and (self._last is None or self._last.hold(trainer)):
            self._stop(trainer)

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Finds out for how many batches all ranks take part."""
        if self._agreement is not None:
            count = sum(trainer.num_test_batches if trainer.testing else trainer.num_val_batches)
            self._common = self._agreement.least(int(count))

    def on_validation_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: STEP_OUTPUT,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Stops; nothing is left to save since the last training step."""
        # Between ranks only now and then: each time the faster ones may have to wait for the slower ones.
        asks = self._agreement is None or (
            batch_idx % _BATCHES_BETWEEN == 0 and batch_idx < self._common
        )
        if asks and self._is_told():
            self._stop(trainer)

    on_test_start = on_validation_start
    on_test_batch_end = on_validation_batch_end

    def on_exception(
        self, trainer: Trainer, pl_module: LightningModule, exception: BaseException
    ) -> None:
        """Says what is saved and how to go on, on a terminal that others have left clean."""
        if isinstance(exception, Interrupted):
            self.teardown(trainer, pl_module, stage="")
            saved = self._last and self._last.saved
            kept = f"saved {saved}; the same command with --resume auto goes on"
            by = signal.Signals(self._told).name
            _say("stopped by %s; %s", by, kept if saved else "nothing was saved")
            return
        self._leave()
        if self._launcher is not None:
            # The processes that this one has started would wait for it in a collective call.
            self._launcher.kill(signal.SIGKILL)

    def _leave(self) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        self._handlers = {}

    def _note(self, number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGINT:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
        if not self._told and self._launcher is not None:
            # A terminal sends Ctrl-C to them, too: another one would be the second.
            self._launcher.kill(signal.SIGTERM)
        self._told = self._told or number

    def _is_told(self) -> bool:
        if self._agreement is None:
            return bool(self._told)
        agreed = self._agreement.ask(self._told)
        self._told = self._told or agreed
        return bool(agreed)

    def _stop(self, trainer: Trainer) -> NoReturn:
        job = os.environ.get("SLURM_JOB_ID")
        if self._requeue and self._told == signal.SIGUSR1 and job and trainer.is_global_zero:
            subprocess.run(["scontrol", "requeue", job], check=False)  # noqa: S603, S607 - found by PATH
        # Lightning takes another code of a process that it has started for a crash, and kills the first process.
        environment = getattr(trainer.strategy, "cluster_environment", None)
        if isinstance(environment, LightningEnvironment) and trainer.local_rank > 0:
            raise Interrupted(0)
        raise Interrupted(128 + (self._told if self._told == signal.SIGINT else signal.SIGTERM))


def _nothing() -> None:
    """What Lightning does about signals here."""
