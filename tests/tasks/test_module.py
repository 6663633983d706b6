"""The steps of the module add up the losses, score the splits, and drive the optimiser."""

import csv
from pathlib import Path

import pytest
import torch

from lumbar.training.run import fit, validate
from lumbar.training.run_folder import RunFolder
from tests.tasks.toy_task import Share, ToyConfig, ToyData, make_toy_module

CONFIG = ToyConfig()


def metrics_of(folder: RunFolder) -> dict[str, list[float]]:
    """The numbers of each column that has any, from the first row to the last."""
    with folder.metrics.open(newline="") as file:
        rows = list(csv.DictReader(file))
    columns = {name: [float(row[name]) for row in rows if row[name]] for name in rows[0]}
    return {name: values for name, values in columns.items() if values}


@pytest.fixture
def trained(tmp_path: Path) -> dict[str, list[float]]:
    """What a run of two epochs has logged."""
    trainer = CONFIG.trainer.model_copy(update={"log_every_steps": 1})
    fit(make_toy_module(CONFIG), ToyData(), trainer, folder=RunFolder(tmp_path))
    return metrics_of(RunFolder(tmp_path))


@pytest.mark.parametrize(("stage", "count"), [("train", 8), ("val", 2)])
def test_the_loss_is_the_sum_of_its_parts(
    stage: str, count: int, trained: dict[str, list[float]]
) -> None:
    kind, size, total = (trained[f"{stage}/{name}"] for name in ("part/kind", "part/size", "loss"))

    assert len(total) == count
    assert total == pytest.approx([sum(step) for step in zip(kind, size, strict=True)])
    assert min(size) > 0


def test_scores_that_there_are_are_logged(trained: dict[str, list[float]]) -> None:
    assert len(trained["val/share"]) == 2
    assert "val/nothing" not in trained


@pytest.mark.parametrize(("split", "total"), [("val", 4), ("test", 2)])
def test_an_evaluation_forgets_the_one_before(split: str, total: int) -> None:
    module = make_toy_module(CONFIG)

    for _ in range(2):
        found = validate(module, ToyData(), CONFIG.trainer, split=split)
        scores = module.scores[split]
        assert isinstance(scores, Share)
        assert scores.total == total
        assert found["share"] == pytest.approx(scores.right / total)


def test_the_learning_rate_follows_the_total_batch_and_the_schedule(tmp_path: Path) -> None:
    config = CONFIG.trainer.model_copy(update={"accumulate": 4, "max_epochs": 3})

    trainer = fit(make_toy_module(CONFIG), ToyData(), config, folder=RunFolder(tmp_path))

    (optimizer,) = trainer.optimizers
    assert trainer.global_step == 3
    assert {group["initial_lr"] for group in optimizer.param_groups} == {0.1 * 2 * 4 / 4}
    assert {group["lr"] for group in optimizer.param_groups} == {0.0}


def test_a_step_moves_every_part() -> None:
    module = make_toy_module(CONFIG)
    before = {name: value.clone() for name, value in module.state_dict().items()}

    validate(module, ToyData(), CONFIG.trainer)
    assert all(torch.equal(before[name], value) for name, value in module.state_dict().items())
