"""A run from the config to the run folder, its resumption, and several processes."""

import json
import shutil
from pathlib import Path

import pytest
import torch

from classification.config import ClassificationConfig
from classification.train import train
from classification.weights import load_classifier
from lumbar.training.checkpoint import AtomicCheckpointIO
from lumbar.training.load import load_config, override_config
from lumbar.training.run_folder import RunFolder
from tests.classification.runs import NAMES, tiny_run


def test_the_run_folder_is_whole(run_folder: RunFolder, run_config: ClassificationConfig) -> None:
    assert load_config(ClassificationConfig, run_folder.config) == run_config
    best = AtomicCheckpointIO().load_checkpoint(run_folder.best)["state_dict"]
    released, config, names = load_classifier(str(run_folder.weights))
    assert {f"model.{name}" for name in released} == best.keys()
    assert all(torch.equal(value, best[f"model.{name}"]) for name, value in released.items())
    assert (config, names) == (run_config, NAMES)
    assert (run_folder.pictures / "train_batch.jpg").is_file()
    assert (run_folder.pictures / "test_predictions.jpg").is_file()


def test_results_are_those_of_the_test_split(run_folder: RunFolder) -> None:
    results = json.loads(run_folder.results.read_text())

    assert results["num_images"] == 9
    assert results["class_names"] == [*NAMES]


@pytest.mark.parametrize(
    "changes",
    [
        [
            *("loss={name: sigmoid, present_from: 0.2}", "mix={mixup: 0.2, cutmix: 1.0}"),
            *("optim.name=lamb", "data.augment.rand_augment.layers=2", "trainer.ema_decay=0.9"),
            *("data.frame.train=resized_crop", "data.augment.erase=0.25", "model.dropout=0.1"),
        ],
        ["model.backbone.name=cifar_resnet20", "model.backbone.norm=batch", "optim.name=sgd"],
    ],
)
def test_settings_reach_the_run(changes: list[str], examples: Path, tmp_path: Path) -> None:
    config = tiny_run(examples, [*changes, "trainer.max_steps=2", "data.test.images=''"])

    trained = train(config, name="x", output=tmp_path / "run")

    assert load_classifier(str(trained.folder.weights)).config == config
    assert trained.scores.to_dict()["num_images"] == 12


def test_a_stopped_run_goes_on_to_the_same_bits(
    examples: Path, run_folder: RunFolder, tmp_path: Path
) -> None:
    mixed = ["mix.mixup=0.4", "data.augment.erase=0.5", "trainer.save_every_steps=1"]
    config = tiny_run(examples, mixed)
    whole = train(config, name="x", output=tmp_path / "whole").folder
    part = override_config(config, ["trainer.max_steps=4"])
    train(part, name="x", output=tmp_path / "part")

    resumed = train(
        config, name="x", output=tmp_path / "part", resume="auto", resume_anyway=True
    ).folder

    ends = [AtomicCheckpointIO().load_checkpoint(run.last) for run in (whole, resumed)]
    assert ends[0]["global_step"] == ends[1]["global_step"] == 6
    for name, value in ends[0]["state_dict"].items():
        assert torch.equal(ends[1]["state_dict"][name], value), name


def test_training_starts_from_another_run(
    examples: Path, run_folder: RunFolder, tmp_path: Path
) -> None:
    changes = [f"model.weights={run_folder.weights}", "optim.lr=1e-12", "trainer.max_steps=1"]
    tuned = train(tiny_run(examples, changes), name="x", output=tmp_path / "run").folder

    start, end = (load_classifier(str(run.weights)).state for run in (run_folder, tuned))
    for name, tensor in start.items():
        torch.testing.assert_close(end[name], tensor, rtol=0, atol=1e-9)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("data.root=gone", r"data\.train\.annotations: no such file"),
        ("data.train.images=''", r"data\.train\.images is not set"),
        ("data.boxes.min_edge=5000", r"data\.train: none of the"),
        ("model.weights=gone", "gone: no such weights file"),
    ],
)
def test_mistakes_leave_no_run_folder(
    change: str, message: str, examples: Path, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=message):
        train(tiny_run(examples, [change]), name="x", output=tmp_path / "run")

    assert not any(tmp_path.iterdir())


def test_a_copied_run_can_go_on(
    run_folder: RunFolder, run_config: ClassificationConfig, tmp_path: Path
) -> None:
    folder = shutil.copytree(run_folder.path, tmp_path / "copy")
    longer = override_config(run_config, ["trainer.max_epochs=3"])

    resumed = train(longer, name="tiny", output=folder, resume="auto").folder

    assert AtomicCheckpointIO().load_checkpoint(resumed.last)["global_step"] == 9
