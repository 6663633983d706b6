"""A run that breaks off anywhere goes on as if it had not."""

import csv
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lightning.pytorch import Callback
from torch import Tensor

from lumbar.training.checkpoint import AtomicCheckpointIO
from lumbar.training.config import TrainerConfig
from lumbar.training.run import fit
from lumbar.training.run_folder import RunFolder
from tests.training.toy import TRAINER, ShuffledData, ToyModule, new_folder

SCHEDULES: dict[str, dict[str, Any]] = {
    "plain": {"max_epochs": 3},
    "rare evaluations": {"max_epochs": 3, "val_every_epochs": 2},
    "accumulated": {"max_epochs": 3, "accumulate": 2},
    "averaged": {"max_epochs": 3, "ema_decay": 0.7},
    "ends within an epoch": {"max_steps": 8, "ema_decay": 0.7},
    "ends with an epoch": {"max_steps": 12, "val_every_epochs": 5},
}
Step = tuple[int, tuple[int, ...]]


class Story(ToyModule):
    """Draws from every global generator, and writes down what it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.steps: list[Step] = []
        self.evaluations: list[int] = []

    def training_step(self, batch: Sequence[Tensor], batch_index: int) -> Tensor:
        self.steps.append((self.trainer.global_step, tuple(batch[2].tolist())))
        noise = torch.rand(()) + random.gauss() + np.random.rand()  # noqa: NPY002
        return super().training_step([batch[0] * noise, batch[1]], batch_index)

    def on_validation_start(self) -> None:
        super().on_validation_start()
        self.evaluations.append(self.trainer.global_step)


class BreaksOffError(Exception):
    """What happens to a run."""


class BreakOff(Callback):
    """Lets a run break off at the n-th of the moments at which it could."""

    def __init__(self, at: int | None = None) -> None:
        self.at = at
        self.moments = 0

    def _moment(self, *_: object) -> None:
        self.moments += 1
        if self.moments == self.at:
            raise BreaksOffError

    on_train_batch_start: Any = _moment
    on_before_optimizer_step: Any = _moment
    on_train_batch_end: Any = _moment
    on_validation_batch_end: Any = _moment
    on_validation_end: Any = _moment
    on_train_epoch_end: Any = _moment


class Told:
    """All that is left of a run: its parts as if they had been one."""

    def __init__(
        self, config: TrainerConfig, folder: RunFolder, breaks: list[int], data: ShuffledData
    ) -> None:
        self.steps: list[Step] = []
        self.evaluations: list[int] = []
        self.folder = folder
        while True:
            self.module, self.breaks = Story(), BreakOff(breaks.pop(0) if breaks else None)
            begun = self._begun()
            try:
                fit(
                    self.module,
                    data,
                    config,
                    folder=folder,
                    resume=folder.last if folder.last.is_file() else None,
                    callbacks=[self.breaks],
                )
            except BreaksOffError:
                self._add(begun)
            else:
                self._add(begun)
                return

    def _begun(self) -> int:
        last = self.folder.last
        return AtomicCheckpointIO().load_checkpoint(last)["global_step"] if last.is_file() else 0

    def _add(self, begun: int) -> None:
        self.steps = [step for step in self.steps if step[0] < begun] + self.module.steps
        again = self.module.evaluations[:1]
        self.evaluations = [step for step in self.evaluations if step not in again]
        self.evaluations += self.module.evaluations

    def assert_same(self, other: "Told") -> None:
        assert self.steps == other.steps
        assert self.evaluations == other.evaluations
        for left, right in zip(self.module.parameters(), other.module.parameters(), strict=True):
            assert torch.equal(left, right)
        for name in ("last", "best"):
            one, two = (
                AtomicCheckpointIO().load_checkpoint(getattr(told.folder, name))
                for told in (self, other)
            )
            assert one["global_step"] == two["global_step"]
            assert one["epoch"] == two["epoch"]
            weights = (content["state_dict"]["net.1.weight"] for content in (one, two))
            assert torch.equal(*weights)
        assert rows(self.folder) == rows(other.folder)


def rows(folder: RunFolder) -> list[dict[str, str]]:
    """The table of logged values, without the speed."""
    with folder.metrics.open(newline="") as file:
        return [
            {name: row[name] for name in row if "per_second" not in name}
            for row in csv.DictReader(file)
        ]


def config_of(schedule: str, every: int | None) -> TrainerConfig:
    changes = {"max_epochs": 9, "loggers": ("csv",), "log_every_steps": 1}
    return TRAINER.model_copy(update=changes | {"save_every_steps": every} | SCHEDULES[schedule])


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize(
    ("every", "stride"),
    [(1, 13), (4, 23), (None, 29)]
    + [pytest.param(every, 1, marks=pytest.mark.slow) for every in (1, 4, None)],
)
def test_broken_off_anywhere_and_resumed_is_unbroken(
    tmp_path: Path, schedule: str, every: int | None, stride: int
) -> None:
    config, data = config_of(schedule, every), ShuffledData()
    whole = Told(config, new_folder(tmp_path / "whole"), [], data)

    for at in range(1 + stride // 2, whole.breaks.moments + 1, stride):
        breaks = [at, at // 2 + 1] if at % 2 else [at]
        Told(config, new_folder(tmp_path / f"{at}"), breaks, ShuffledData()).assert_same(whole)


@pytest.mark.parametrize("name", ["last", "best"])
def test_any_checkpoint_can_be_gone_on_from(tmp_path: Path, name: str) -> None:
    config = config_of("plain", None)
    whole = Told(config, new_folder(tmp_path / "whole"), [], ShuffledData())
    first = new_folder(tmp_path / "first")
    short = config.model_copy(update={"max_epochs": 1})
    fit(Story(), ShuffledData(), short, folder=first)

    second = Story()
    fit(second, ShuffledData(), config, folder=first, resume=getattr(first, name))

    assert second.steps == whole.steps[6:]
    for left, right in zip(second.parameters(), whole.module.parameters(), strict=True):
        assert torch.equal(left, right)


def test_the_best_of_a_resumed_evaluation_can_be_gone_on_from(tmp_path: Path) -> None:
    config, folder = config_of("plain", None), new_folder(tmp_path)
    with pytest.raises(BreaksOffError):
        fit(Story(), ShuffledData(), config, folder=folder, callbacks=[BreakOff(20)])
    short = config.model_copy(update={"max_epochs": 1})
    first, second = Story(), Story()
    fit(first, ShuffledData(), short, folder=folder, resume=folder.last)
    fit(second, ShuffledData(), config, folder=folder, resume=folder.best)

    assert (first.steps, first.evaluations) == ([], [6])
    assert (len(second.steps), second.evaluations) == (12, [12, 18])


def test_a_finished_run_takes_no_further_step(tmp_path: Path) -> None:
    for schedule in ("averaged", "ends within an epoch", "ends with an epoch"):
        config = config_of(schedule, None)
        first = Told(config, new_folder(tmp_path / schedule), [], ShuffledData())
        second = Told(config, first.folder, [], ShuffledData())

        assert second.steps == []
        for left, right in zip(first.module.parameters(), second.module.parameters(), strict=True):
            assert torch.equal(left, right)


def test_a_longer_run_goes_on_with_the_next_images(tmp_path: Path) -> None:
    config = config_of("plain", None)
    whole = Told(config, new_folder(tmp_path / "whole"), [], ShuffledData())
    short = config.model_copy(update={"max_steps": 8})
    first = Told(short, new_folder(tmp_path / "first"), [], ShuffledData())
    second = Told(config, first.folder, [], ShuffledData())

    assert first.steps + second.steps == whole.steps
    assert (first.evaluations, second.evaluations) == ([6, 8], [12, 18])


@pytest.mark.parametrize(("before", "after", "moment"), [(1, 2, 18), (2, 1, 26)])
def test_a_step_may_be_accumulated_otherwise(
    tmp_path: Path, before: int, after: int, moment: int
) -> None:
    """Four images a step, three steps an epoch; the run breaks off in the second one."""
    config, data = config_of("plain", 1), {1: 4, 2: 2}
    once, twice = (config.model_copy(update={"accumulate": times}) for times in (before, after))
    whole = Told(twice, new_folder(tmp_path / "whole"), [], ShuffledData(batch_size=data[after]))
    folder, first_data = new_folder(tmp_path / "parts"), ShuffledData(batch_size=data[before])
    with pytest.raises(BreaksOffError):
        fit(Story(), first_data, once, folder=folder, callbacks=[BreakOff(moment)])
    second = Told(twice, folder, [], ShuffledData(batch_size=data[after]))

    assert second.steps == [step for step in whole.steps if step[0] >= 4]
    assert second.evaluations == [6, 9]


def test_other_images_are_noticed(tmp_path: Path) -> None:
    folder = new_folder(tmp_path)
    config = config_of("plain", None)
    fit(Story(), ShuffledData(), config.model_copy(update={"max_epochs": 1}), folder=folder)

    with pytest.raises(ValueError, match=r"an epoch has 5 steps, and had 6 .*bring them back"):
        fit(Story(), ShuffledData(count=10), config, folder=folder, resume=folder.last)


def test_a_run_cannot_be_shorter_than_it_is(tmp_path: Path) -> None:
    folder = new_folder(tmp_path)
    config = config_of("plain", None)
    fit(Story(), ShuffledData(), config, folder=folder)
    short = config.model_copy(update={"max_epochs": 1})

    with pytest.raises(ValueError, match=r"is in epoch 3, later than trainer\.max_epochs=1"):
        fit(Story(), ShuffledData(), short, folder=folder, resume=folder.last)


def test_the_random_numbers_of_other_ranks_are_not_ours(tmp_path: Path) -> None:
    folder = new_folder(tmp_path)
    config = config_of("plain", None)
    fit(Story(), ShuffledData(), config.model_copy(update={"max_epochs": 1}), folder=folder)
    checkpoint = AtomicCheckpointIO().load_checkpoint(folder.last)
    checkpoint["continuation"]["random"] *= 2
    AtomicCheckpointIO().save_checkpoint(checkpoint, folder.last)

    module = Story()
    fit(module, ShuffledData(), config, folder=folder, resume=folder.last)

    assert module.steps[0][0] == 6
