"""The command lines of segmentation read its configs, and print its scores."""

import shutil
from pathlib import Path

import pytest

from lumbar.training.load import load_config
from lumbar.training.run_folder import RunFolder
from segmentation.commands import eval_main, train_main
from segmentation.config import SegmentationConfig

Capture = pytest.CaptureFixture[str]
CLASSES = "data.classes={background: 0, disc: 100, square: 200}"


def test_printed_configs_read_back(run_folder: RunFolder, tmp_path: Path, capsys: Capture) -> None:
    command = ["--config", str(run_folder.config), "--print-config", "seed=4", "data.root=rel"]
    assert train_main(command) == 0
    (tmp_path / "whole.yaml").write_text(capsys.readouterr().out)

    config = load_config(SegmentationConfig, tmp_path / "whole.yaml")

    assert config.seed == 4
    assert config.data.root == str(Path.cwd() / "rel")
    assert [loss.name for loss in config.losses] == ["cross_entropy", "dice"]


def test_settings_of_losses_are_explained(capsys: Capture) -> None:
    assert train_main(["--help-config", "losses"]) == 0

    assert "label_smoothing" in capsys.readouterr().out


def test_mistakes_in_settings_exit_with_2(run_folder: RunFolder, capsys: Capture) -> None:
    assert train_main(["--config", str(run_folder.config), "losses=[{name: dise}]"]) == 2

    assert "dice" in capsys.readouterr().err


def test_policies_that_know_only_one_class_of_a_pixel_are_refused_for_several(
    run_folder: RunFolder, capsys: Capture
) -> None:
    several = ["--config", str(run_folder.config), "--print-config", "task=multilabel"]

    assert train_main([*several, "scores.policies=[smp]"]) == 0
    assert train_main([*several, "scores.policies=[smp, mmseg]"]) == 2

    assert "mmseg know only pixels of one class, and task is multilabel" in capsys.readouterr().err


def test_an_evaluation_prints_its_table_and_that_of_another_toolkit(
    run_folder: RunFolder, capsys: Capture
) -> None:
    command = ["--weights", str(run_folder.weights), "--split", "test", "trainer.progress=none"]

    assert eval_main([*command, "--policy", "mmseg", "--policy", "smp"]) == 0

    shown = capsys.readouterr().out
    assert "masks of 2 images, means without background" in shown
    assert "by mmseg: aAcc" in shown
    assert "by smp: " in shown


def test_a_folder_of_masks_is_scored_without_weights(
    mask_set: Path, tmp_path: Path, capsys: Capture
) -> None:
    truth = mask_set / "masks/test"
    copied = shutil.copytree(truth, tmp_path / "copied")
    folders = ["--predictions", str(copied), "--annotations", str(truth)]
    command = [*folders, CLASSES, "data.void=[255]"]

    assert eval_main(command) == 0

    assert "pooled/mean_iou           1.000" in capsys.readouterr().out


def test_missing_weights_exit_with_1(capsys: Capture) -> None:
    assert eval_main(["--weights", "gone.safetensors"]) == 1

    assert capsys.readouterr().err.startswith("error: gone.safetensors: no such weights file")
