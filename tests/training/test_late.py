"""Numbers are those of the step in which they were asked for, whenever they are read."""

import csv
from functools import partial
from pathlib import Path

import pytest
import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint

from benchmarks.waits import SyncCounter
from lumbar.training.late import Late, Reader
from lumbar.training.run import fit
from tests.training.toy import TRAINER, ShuffledData, ToyData, ToyModule, new_folder


def test_they_are_read_as_they_were() -> None:
    losses = {"one": torch.tensor(1.5), "two": torch.tensor(2, dtype=torch.int64)}
    late = Late(losses)
    losses["one"].zero_()

    assert late.read() == {"one": 1.5, "two": 2.0}
    assert Late({}).read() == {}


@pytest.mark.gpu
def test_asking_does_not_wait() -> None:
    value = torch.ones((), device="cuda")
    torch.cuda.set_sync_debug_mode("error")
    try:
        late = Late({"one": value})
    finally:
        torch.cuda.set_sync_debug_mode("default")
    value.zero_()
    assert late.read() == {"one": 1.0}


def test_what_is_left_to_do_is_done_once() -> None:
    reader, done = Reader(), list[int]()
    reader.later(partial(done.append, 1))
    reader.settle()
    reader.settle()

    assert done == [1]


class First(Callback):
    """Counts the waiting of each batch, with all that callbacks do about it."""

    def __init__(self) -> None:
        self.waits: list[dict[str, int]] = []

    def on_train_batch_start(self, *_: object) -> None:
        self.counter = SyncCounter()
        self.counter.__enter__()  # type: ignore[no-untyped-call]


class Last(Checkpoint):
    """Ends the counting: Lightning calls checkpoints after all others."""

    def __init__(self, first: First) -> None:
        self.first = first

    def on_train_batch_end(self, *_: object) -> None:
        self.first.counter.__exit__(None, None, None)  # type: ignore[no-untyped-call]
        self.first.waits.append(dict(self.first.counter.counts))


@pytest.mark.parametrize("changes", [{"clip_norm": 1.0}, {"accumulate": 2}], ids=str)
def test_no_batch_waits_not_even_for_what_is_shown(
    tmp_path: Path, changes: dict[str, float]
) -> None:
    """The first one makes the places of what is logged."""
    first = First()
    config = TRAINER.model_copy(update={"max_epochs": 1, "save_every_steps": None} | changes)
    fit(
        ToyModule(),
        ShuffledData(count=24),
        config,
        folder=new_folder(tmp_path),
        callbacks=[first, Last(first)],
    )

    assert first.waits[1:] == [{}] * 11


def test_a_checkpoint_has_the_row_of_its_step(tmp_path: Path) -> None:
    """Asked for in the step of the checkpoint, it would be written a step later."""

    class Copied(Callback):
        rows: list[int]

        def on_train_batch_start(
            self, trainer: Trainer, pl_module: LightningModule, batch: object, batch_idx: int
        ) -> None:
            if trainer.global_step == 4:
                with folder.metrics.open(newline="", encoding="utf-8") as file:
                    self.rows = [int(row["step"]) for row in csv.DictReader(file)]

    folder, copied = new_folder(tmp_path), Copied()
    changes = {"loggers": ("csv",), "log_every_steps": 2, "save_every_steps": 4}
    config = TRAINER.model_copy(update=changes)
    fit(ToyModule(), ToyData(), config, folder=folder, callbacks=[copied])

    assert copied.rows == [1, 3]
