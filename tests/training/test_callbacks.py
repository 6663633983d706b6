"""What a run keeps, what it validates with, where it stops."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor

from lumbar.ops.structures import Batch, Images, Targets
from lumbar.training.callbacks import FiniteLoss
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


def stops_at(losses: list[float], *, patience: int, every: int = 1) -> int | None:
    """Batch at which the guard raises."""
    guard = FiniteLoss(patience=patience, every=every)
    trainer = Trainer(accelerator="cpu", logger=False, enable_checkpointing=False)
    for index, loss in enumerate(losses):
        try:
            guard.on_train_batch_end(
                trainer, ToyModule(), {"loss": torch.tensor(loss)}, None, index
            )
        except ValueError:
            return index
    return None


NAN, INF = float("nan"), float("inf")


def test_only_a_streak_of_bad_losses_stops_a_run() -> None:
    assert stops_at([1.0, NAN, 1.0, INF, 1.0, -INF], patience=2) is None
    assert stops_at([1.0, NAN, 1.0, INF, NAN, NAN], patience=2) == 4
    assert stops_at([NAN] * 9, patience=3) == 2
    assert stops_at([NAN] * 9, patience=3, every=4) == 3
    assert stops_at([NAN] * 9, patience=5, every=4) == 7


def test_the_error_names_step_and_images() -> None:
    sizes = torch.zeros(2, 2)
    images = Images(torch.zeros(2, 3, 4, 4), sizes, sizes)
    batch = Batch(images, Targets(*[sizes] * 4), torch.tensor([12, 34]))
    trainer = Trainer(accelerator="cpu", logger=False, enable_checkpointing=False)

    with pytest.raises(
        ValueError, match=r"step 0 \(images 12, 34\): the loss is nan.*lower optim.lr"
    ):
        FiniteLoss(patience=1, every=1).on_train_batch_end(
            trainer, ToyModule(), torch.tensor(NAN), batch, 0
        )


def test_a_step_without_a_loss_is_none_of_our_business() -> None:
    trainer = Trainer(accelerator="cpu", logger=False, enable_checkpointing=False)

    FiniteLoss(patience=1, every=1).on_train_batch_end(trainer, ToyModule(), None, None, 0)


def test_a_diverged_run_ends_with_the_error(tmp_path: Path) -> None:
    config = TRAINER.model_copy(update={"max_epochs": 9, "log_every_steps": 1})

    with pytest.raises(ValueError, match=r"^step 10: the loss is nan, after 10 batches in a row"):
        fit(ToyModule(), ToyData(broken=True), config, folder=new_folder(tmp_path), seed=0)
