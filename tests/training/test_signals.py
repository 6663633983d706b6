"""A run that is told to stop saves, says so, and ends; what processes do among themselves is in `end_to_end`."""

import logging
import os
import signal
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from lumbar.training.checkpoint import AtomicCheckpointIO
from lumbar.training.run import fit, validate
from lumbar.training.run_folder import RunFolder
from lumbar.training.signals import Interrupted
from tests.training.toy import TRAINER, ShuffledData, ToyData, ToyModule, new_folder

Sent = dict[int, int]
"""Signal to be sent to the process itself at a batch, counted over the run."""
NUMBERS = (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT)


class Disturbed(ToyModule):
    """Gets signals in the midst of its steps."""

    def __init__(self, training: Sent | None = None, evaluation: Sent | None = None) -> None:
        super().__init__()
        self.sent = {"training": training or {}, "evaluation": evaluation or {}}
        self.done = {"training": 0, "evaluation": 0}

    def training_step(self, batch: Sequence[Tensor], batch_index: int) -> Tensor:
        self._next("training")
        return super().training_step(batch, batch_index)

    def validation_step(self, batch: Sequence[Tensor], batch_index: int) -> None:
        self._next("evaluation")
        super().validation_step(batch, batch_index)

    def test_step(self, batch: Sequence[Tensor], batch_index: int) -> None:
        self._next("evaluation")
        super().test_step(batch, batch_index)

    def _next(self, stage: str) -> None:
        if self.done[stage] in self.sent[stage]:
            os.kill(os.getpid(), self.sent[stage][self.done[stage]])
        self.done[stage] += 1


def step_in(folder: RunFolder) -> int:
    step: int = AtomicCheckpointIO().load_checkpoint(folder.last)["global_step"]
    return step


def interrupt(module: Disturbed, folder: RunFolder, **changes: Any) -> int:
    """The code with which a run ends that is told to stop."""
    config = TRAINER.model_copy(update=changes)
    with pytest.raises(Interrupted) as caught:
        fit(module, ShuffledData(), config, folder=folder)
    assert isinstance(caught.value.code, int)
    return caught.value.code


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGUSR1, 143), (signal.SIGINT, 130)]
)
def test_the_step_is_finished_and_saved(
    tmp_path: Path, number: signal.Signals, code: int, caplog: pytest.LogCaptureFixture
) -> None:
    before = [signal.getsignal(number) for number in NUMBERS]
    folder, module = new_folder(tmp_path), Disturbed({3: number})

    assert interrupt(module, folder) == code
    assert step_in(folder) == module.done["training"] == 4
    saved = f"saved {folder.last} at step 4"
    resume = "the same command with --resume auto goes on"
    assert caplog.messages == [f"stopped by {number.name}; {saved}; {resume}"]
    assert [signal.getsignal(number) for number in NUMBERS] == before


@pytest.mark.parametrize("at", [3, 5, 11])
def test_it_goes_on_as_if_it_had_not_been_told(tmp_path: Path, at: int) -> None:
    whole, second = ToyModule(), ToyModule()
    fit(whole, ShuffledData(), TRAINER, folder=new_folder(tmp_path / "whole"))
    folder = new_folder(tmp_path / "parts")
    interrupt(Disturbed({at: signal.SIGTERM}), folder)
    fit(second, ShuffledData(), TRAINER, folder=folder, resume=folder.last)

    assert step_in(folder) == 12
    assert second.seen == whole.seen[-len(second.seen) :]
    for left, right in zip(whole.parameters(), second.parameters(), strict=True):
        assert torch.equal(left, right)


def test_accumulated_batches_are_finished_first(tmp_path: Path) -> None:
    folder, module = new_folder(tmp_path), Disturbed({2: signal.SIGTERM})
    interrupt(module, folder, accumulate=3)

    assert (step_in(folder), module.done["training"]) == (1, 3)


def test_an_evaluation_stops_at_once(tmp_path: Path) -> None:
    folder, module = new_folder(tmp_path), Disturbed(evaluation={1: signal.SIGTERM})

    assert interrupt(module, folder) == 143
    assert (step_in(folder), module.done["evaluation"]) == (6, 2)


def test_an_epoch_without_evaluation_is_stopped_after_the_next_step(tmp_path: Path) -> None:
    folder, module = new_folder(tmp_path), Disturbed({5: signal.SIGTERM})
    interrupt(module, folder, val_every_epochs=2)

    assert step_in(folder) == 7


@pytest.mark.parametrize("split", ["val", "test"])
def test_an_evaluation_alone_stops_as_well(split: Any, caplog: pytest.LogCaptureFixture) -> None:
    module = Disturbed(evaluation={0: signal.SIGINT})
    with pytest.raises(Interrupted) as caught:
        validate(module, ToyData(), TRAINER, split=split)

    assert (caught.value.code, module.done["evaluation"]) == (130, 1)
    assert caplog.messages == ["stopped by SIGINT; nothing was saved"]


def test_a_signal_at_the_very_end_stops_what_follows(tmp_path: Path) -> None:
    """Scores are still to be computed after a training."""

    class Late(ToyModule):
        def on_train_end(self) -> None:
            os.kill(os.getpid(), signal.SIGTERM)

    module = Late()
    trainer = fit(module, ToyData(), TRAINER, folder=new_folder(tmp_path))

    with pytest.raises(Interrupted):
        validate(module, ToyData(), TRAINER, trainer=trainer)


def test_the_first_signal_decides(tmp_path: Path) -> None:
    folder = new_folder(tmp_path)
    module = Disturbed({2: signal.SIGINT, 3: signal.SIGTERM}, None)

    assert interrupt(module, folder, accumulate=3) == 130


def test_a_second_control_c_is_left_to_the_system(tmp_path: Path) -> None:
    """Which ends the process at once, whatever it waits for."""
    handlers = []

    class Looking(Disturbed):
        def training_step(self, batch: Sequence[Tensor], batch_index: int) -> Tensor:
            loss = super().training_step(batch, batch_index)
            handlers.append(signal.getsignal(signal.SIGINT))
            return loss

    interrupt(Looking({1: signal.SIGINT}), new_folder(tmp_path))

    assert handlers[0] not in (signal.SIG_DFL, signal.default_int_handler)
    assert handlers[1] is signal.SIG_DFL


@pytest.mark.parametrize(
    ("number", "requeue", "calls"),
    [
        (signal.SIGUSR1, True, "requeue 17\n"),
        (signal.SIGTERM, True, ""),
        (signal.SIGUSR1, False, ""),
    ],
)
def test_a_slurm_job_is_put_into_the_queue_again_on_demand(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    number: signal.Signals,
    requeue: bool,
    calls: str,
) -> None:
    command, log = tmp_path / "bin" / "scontrol", tmp_path / "log"
    command.parent.mkdir()
    log.touch()
    command.write_text(f'#!/bin/sh\necho "$@" >> {log}\n')
    command.chmod(command.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(command.parent), prepend=os.pathsep)
    monkeypatch.setenv("SLURM_JOB_ID", "17")
    folder = new_folder(tmp_path / "run")

    assert interrupt(Disturbed({3: number}), folder, slurm_requeue=requeue) == 143
    assert log.read_text() == calls
    assert step_in(folder) == 4


def test_an_error_is_not_taken_for_a_signal(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(ToyModule):
        def training_step(self, batch: Sequence[Tensor], batch_index: int) -> Tensor:
            raise OSError("broken")

    before = [signal.getsignal(number) for number in NUMBERS]
    caplog.set_level(logging.WARNING, "lumbar")
    with pytest.raises(OSError, match="broken"):
        fit(Broken(), ToyData(), TRAINER, folder=new_folder(tmp_path))

    assert caplog.messages == []
    assert [signal.getsignal(number) for number in NUMBERS] == before
