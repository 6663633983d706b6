"""What a run keeps, what it validates with, where it stops."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor

from lumbar.training.checkpoint import AtomicCheckpointIO
from lumbar.training.run import fit, validate
from tests.training.toy import TRAINER, ToyData, ToyModule, new_folder


class Scripted(ToyModule):
    """Scores what it is told to, one number for each validation."""

    def __init__(self, scores: list[float]) -> None:
        super().__init__()
        self.scores = scores

    def validation_step(self, batch: Any, batch_index: int) -> None:
        if self.scores:
            self.log("val/AP", self.scores[len(self.seen) - 1])


def weight_in(path: Path) -> float:
    state: Mapping[str, Tensor] = AtomicCheckpointIO().load_checkpoint(path)["state_dict"]
    return state["net.1.weight"].flatten()[0].item()


def test_last_and_best_are_what_they_are_called(tmp_path: Path) -> None:
    module, folder = Scripted([0.2, 0.5, 0.3]), new_folder(tmp_path)
    config = TRAINER.model_copy(update={"max_epochs": 3})
    fit(module, ToyData(), config, folder=folder, seed=0)

    assert len(set(module.seen)) == 3
    assert weight_in(folder.best) == module.seen[1]
    assert weight_in(folder.last) == module.seen[2] == module.first_weight
    assert sorted(path.name for path in folder.checkpoints.iterdir()) == ["best.ckpt", "last.ckpt"]


def test_a_score_of_nothing_is_not_the_best(tmp_path: Path) -> None:
    module, folder = Scripted([0.1, float("nan")]), new_folder(tmp_path)
    fit(module, ToyData(), TRAINER, folder=folder, seed=0)

    assert weight_in(folder.best) == module.seen[0]


def test_without_scores_there_is_no_best(tmp_path: Path) -> None:
    folder = new_folder(tmp_path)
    fit(Scripted([]), ToyData(), TRAINER, folder=folder, seed=0)

    assert [path.name for path in folder.checkpoints.iterdir()] == ["last.ckpt"]


class RawWeights(Callback):
    """Keeps the weight after every step."""

    def __init__(self) -> None:
        self.values: list[float] = []

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: object) -> None:
        assert isinstance(pl_module, ToyModule)
        self.values.append(pl_module.first_weight)


def test_the_average_is_validated_saved_and_released(tmp_path: Path) -> None:
    module, folder, raw = ToyModule(), new_folder(tmp_path), RawWeights()
    config = TRAINER.model_copy(update={"ema_decay": 0.75})
    fit(module, ToyData(), config, folder=folder, seed=0, callbacks=[raw])

    average = raw.values[0]
    averages = []
    for value in raw.values:
        average += (value - average) * 0.25
        averages.append(average)
    assert module.seen == pytest.approx([averages[5], averages[11]], abs=1e-6)
    assert abs(averages[11] - raw.values[11]) > 1e-4
    assert module.first_weight == weight_in(folder.last) == pytest.approx(averages[11], abs=1e-6)


def test_the_average_does_not_come_back_over_other_weights(tmp_path: Path) -> None:
    module, config = ToyModule(), TRAINER.model_copy(update={"ema_decay": 0.75})
    trainer = fit(module, ToyData(), config, folder=new_folder(tmp_path), seed=0)
    with torch.no_grad():
        module.net[1].weight.fill_(7.0)
    validate(module, ToyData(), config, trainer=trainer)

    assert module.seen[-1] == 7.0


@pytest.mark.parametrize(
    ("changes", "validated_after"),
    [
        ({"max_steps": 2}, [2]),
        ({"max_steps": 8}, [6, 8]),
        ({"max_epochs": 3, "val_every_epochs": 2}, [12, 18]),
        ({"max_epochs": 4, "val_every_epochs": 2}, [12, 24]),
        ({"max_steps": 3, "val_every_epochs": 5}, [3]),
        ({"max_steps": 5, "accumulate": 4}, [2, 4, 5]),
    ],
)
def test_the_last_step_is_evaluated(
    tmp_path: Path, changes: dict[str, int], validated_after: list[int]
) -> None:
    class Counted(ToyModule):
        def on_validation_start(self) -> None:
            super().on_validation_start()
            steps.append(self.trainer.global_step)

    steps: list[int] = []
    config = TRAINER.model_copy(update={"max_epochs": 9} | changes)
    trainer = fit(Counted(), ToyData(), config, folder=new_folder(tmp_path), seed=0)

    assert steps == validated_after
    assert trainer.global_step == validated_after[-1]


def saved_at(tmp_path: Path, **changes: Any) -> list[int]:
    """Steps at which `last.ckpt` is written, each once for every time."""
    steps = []

    class Noting(AtomicCheckpointIO):
        def save_checkpoint(
            self, checkpoint: dict[str, Any], path: Any, storage_options: object = None
        ) -> None:
            if Path(path).name == "last.ckpt":
                steps.append(checkpoint["global_step"])

    class Watch(Callback):
        def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
            trainer.strategy.checkpoint_io = Noting()

    config = TRAINER.model_copy(update=changes)
    fit(ToyModule(), ToyData(), config, folder=new_folder(tmp_path), callbacks=[Watch()])
    return steps


@pytest.mark.parametrize(
    ("changes", "steps"),
    [
        ({"save_every_steps": None}, [6, 6, 12, 12]),
        ({"save_every_steps": 4}, [4, 6, 6, 8, 12, 12]),
        ({"save_every_steps": 3}, [3, 6, 6, 9, 12, 12]),
        ({"save_every_steps": 1, "accumulate": 3}, [1, 2, 2, 3, 4, 4]),
        ({"save_every_steps": None, "val_every_epochs": 2}, [6, 12, 12]),
        ({"save_every_steps": 5, "max_steps": 5}, [5]),
    ],
)
def test_the_last_is_saved_on_the_way_and_around_evaluations(
    tmp_path: Path, changes: dict[str, int], steps: list[int]
) -> None:
    assert saved_at(tmp_path, **changes) == steps


def test_the_best_stays_the_best_over_a_resume_and_a_move(tmp_path: Path) -> None:
    first = new_folder(tmp_path / "first")
    fit(Scripted([0.9]), ToyData(), TRAINER.model_copy(update={"max_epochs": 1}), folder=first)
    moved = new_folder(first.path.rename(tmp_path / "moved"))
    best = weight_in(moved.best)
    module = Scripted([0.5, 0.8])
    config = TRAINER.model_copy(update={"max_epochs": 3})
    fit(module, ToyData(), config, folder=moved, resume=moved.last)

    assert len(module.seen) == 2
    assert weight_in(moved.best) == best
