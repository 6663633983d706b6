"""The command lines of detection read its configs, and print its scores."""

import json
from pathlib import Path

import pytest

from detection.commands import eval_main, train_main
from detection.config import DetectionConfig
from lumbar.training.load import load_config, project_root
from lumbar.training.run_folder import RunFolder
from tests.detection.coco_sets import made_up

ROOT = project_root()
Capture = pytest.CaptureFixture[str]


def test_printed_configs_read_back(tmp_path: Path, capsys: Capture) -> None:
    assert train_main(["--config", "faster_rcnn_r101", "--print-config", "seed=4"]) == 0
    (tmp_path / "whole.yaml").write_text(capsys.readouterr().out)

    config = load_config(DetectionConfig, tmp_path / "whole.yaml")

    assert config.seed == 4
    assert config.model.backbone.name == "resnet101"
    assert config.data.root == str(ROOT / "datasets" / "coco")


def test_presets_reach_the_config(capsys: Capture) -> None:
    arguments = ["--config", "faster_rcnn_r50", "--print-config", "preset=torchvision"]

    assert train_main(arguments) == 0

    assert "rule: torchvision" in capsys.readouterr().out


def test_an_evaluation_prints_its_table(
    tmp_path: Path, run_folder: RunFolder, capsys: Capture
) -> None:
    arguments = ["--weights", str(run_folder.weights), "--split", "test"]

    assert eval_main([*arguments, "--output", str(tmp_path)]) == 0

    scores = json.loads((tmp_path / "results.json").read_text())["bbox"]
    lines = capsys.readouterr().out.splitlines()
    for name, value in scores.items():
        shown = "-1" if value == -1 else f"{value:.3f}"
        assert any(line.split()[:2] == [name, shown] for line in lines), name


def test_a_results_file_is_scored_without_weights(tmp_path: Path, capsys: Capture) -> None:
    truth, results = made_up("bbox")
    for name, content in (("truth", truth), ("results", results)):
        (tmp_path / f"{name}.json").write_text(json.dumps(content))
    files = ("--predictions", f"{tmp_path}/results.json", "--annotations", f"{tmp_path}/truth.json")

    assert eval_main([*files]) == 0

    assert "average precision at IoU 0.50" in capsys.readouterr().out
