"""A run from the config to the run folder."""

import csv
import json
import logging
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from lumbar.training.checkpoint import AtomicCheckpointIO
from lumbar.training.load import load_config, override_config
from lumbar.training.run_folder import RunFolder
from segmentation.config import SegmentationConfig
from segmentation.train import train
from segmentation.weights import load_segmenter
from tests.segmentation.mask_set import NAMES
from tests.segmentation.runs import tiny_run


def test_config_reads_back(run_folder: RunFolder, run_config: SegmentationConfig) -> None:
    assert load_config(SegmentationConfig, run_folder.config) == run_config


def test_the_weights_file_is_the_best_model_with_settings_and_classes(
    run_folder: RunFolder, run_config: SegmentationConfig
) -> None:
    released, config, classes = load_segmenter(str(run_folder.weights))
    best = AtomicCheckpointIO().load_checkpoint(run_folder.best)["state_dict"]

    assert {f"model.{name}" for name in released} == best.keys()
    assert all(torch.equal(value, best[f"model.{name}"]) for name, value in released.items())
    assert config == run_config
    assert (classes.names, classes.ids) == (NAMES, (0, 100, 200))


def test_results_are_those_of_the_test_split(run_folder: RunFolder) -> None:
    results = json.loads(run_folder.results.read_text())

    assert results["num_images"] == 2
    assert results["left_out"] == ["background"]
    assert results["per_class"].keys() == {*NAMES}
    assert 0.1 < results["summary"]["pooled/mean_iou"] < 1


def test_without_a_test_split_validation_counts(
    tmp_path: Path, mask_set: Path, caplog: pytest.LogCaptureFixture
) -> None:
    changes = ["data.test.masks=''", "trainer.max_steps=1", "scores.policies=[mmseg]"]
    with caplog.at_level(logging.INFO):
        trained = train(tiny_run(mask_set, changes), name="x", output=tmp_path)

    results = json.loads(trained.folder.results.read_text())
    assert results == trained.scores.to_dict()
    assert results["num_images"] == 3
    assert "mIoU" in results["policies"]["mmseg"]
    assert not (trained.folder.pictures / "test_predictions.jpg").exists()
    for shown in ("8 to train, 3 to validate", "3: background, disc, square", "resnet18 with head"):
        assert shown in caplog.text


def test_the_best_checkpoint_is_that_of_the_highest_score(run_folder: RunFolder) -> None:
    with run_folder.metrics.open(newline="") as file:
        scores = [float(row["val/mean_iou"]) for row in csv.DictReader(file) if row["val/mean_iou"]]

    best = AtomicCheckpointIO().load_checkpoint(run_folder.best)["global_step"]

    assert best == 4 * (1 + int(np.argmax(scores)))
    assert len({*scores}) == 2


@pytest.mark.parametrize(
    "changes",
    [
        ["losses=[{name: cross_entropy, class_weights: [0, 1, 5]}, {name: lovasz}]"],
        [
            *("model.head={name: fcn, channels: 128}", "model.fpn.channels=256"),
            *("model.aux.weight=0.4", "optim.lr_factors={aux_classifier: 10}"),
        ],
        ["data.augment.crop=[40, 40]", "inference.mode=slide", "inference.window=[40, 40]"],
    ],
)
def test_settings_reach_the_run(changes: list[str], tmp_path: Path, mask_set: Path) -> None:
    config = tiny_run(mask_set, [*changes, "trainer.max_steps=1"])

    trained = train(config, name="x", output=tmp_path)

    assert load_segmenter(str(trained.folder.weights)).config == config


def test_training_starts_from_the_weights_of_another_run(
    tmp_path: Path, run_folder: RunFolder, mask_set: Path
) -> None:
    changes = [f"model.weights={run_folder.weights}", "optim.lr=1e-12", "trainer.max_steps=1"]
    tuned = train(tiny_run(mask_set, changes), name="tuned", output=tmp_path).folder

    start, end = (load_segmenter(str(folder.weights)).state for folder in (run_folder, tuned))

    for name, tensor in start.items():
        torch.testing.assert_close(end[name], tensor, rtol=0, atol=1e-9)


def test_a_run_goes_on_from_its_last_checkpoint(
    tmp_path: Path, run_folder: RunFolder, run_config: SegmentationConfig
) -> None:
    folder = shutil.copytree(run_folder.path, tmp_path / "copy")
    longer = override_config(run_config, ["trainer.max_epochs=3", "scores.rim_share=0.05"])

    resumed = train(longer, name="tiny", output=folder, resume="auto").folder

    assert AtomicCheckpointIO().load_checkpoint(resumed.last)["global_step"] == 12


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("data.root=gone", r"data\.train\.images: no such file or folder"),
        ("task=multilabel", "task=multilabel does not fit data"),
        (
            "losses=[{name: dice, class_weights: [1, 2]}]",
            "losses: dice has 2 class_weights for the 3 classes background, disc, square",
        ),
        ("scores.left_out=[cat]", "cannot leave out cat"),
        ("data.classes={background: 0, disc: 100}", "values that stand for no class: 200"),
        ("optim.lr_factors={clasifier: 10}", "the model has no clasifier; its parts are backbone"),
    ],
)
def test_mistakes_leave_no_run_folder(
    change: str, message: str, tmp_path: Path, mask_set: Path
) -> None:
    with pytest.raises(ValueError, match=message):
        train(tiny_run(mask_set, [change]), name="x", output=tmp_path / "run")

    assert list(tmp_path.iterdir()) == []
