"""Every YAML in `configs/` says how to run it, loads, and builds its model."""

from pathlib import Path

import pytest
import torch

from detection.build import make_detector
from detection.config import DetectionConfig
from detection.presets import PRESETS
from lumbar.training.load import config_from_dict, config_to_dict, load_config
from tests.architecture.tree import ROOT

RECIPES = sorted((ROOT / "configs").glob("*.yaml"))
PARTS = sorted((ROOT / "configs").glob("*/*.yaml"))
"""Pieces that recipes are based on."""


def name_of(path: Path) -> str:
    """The path as it is written after `--config`."""
    return str(path.relative_to(ROOT / "configs"))


def load(path: Path, *overrides: str) -> DetectionConfig:
    """Reads a file as the tools do."""
    return load_config(DetectionConfig, path, overrides, presets=PRESETS)


@pytest.mark.parametrize("path", RECIPES, ids=name_of)
def test_a_recipe_opens_with_command_cost_and_result(path: Path) -> None:
    command, cost, result, *_ = path.read_text(encoding="utf-8").splitlines()

    assert command == f"# python tools/train_det.py --config {path.name}"
    assert cost.startswith("# Hardware: ")
    assert result.startswith("# Result: ")
    assert "not yet run" in result or any(letter.isdigit() for letter in result)


@pytest.mark.parametrize("path", PARTS, ids=name_of)
def test_a_part_opens_with_three_lines_about_itself(path: Path) -> None:
    assert all(line.startswith("# ") for line in path.read_text(encoding="utf-8").splitlines()[:3])


@pytest.mark.parametrize("path", [*RECIPES, *PARTS], ids=name_of)
def test_a_config_loads_and_survives_a_checkpoint(path: Path) -> None:
    config = load(path)

    assert config_from_dict(DetectionConfig, config_to_dict(config)) == config


@pytest.mark.parametrize("path", RECIPES, ids=name_of)
def test_a_recipe_builds_its_model(path: Path) -> None:
    config = load(path)

    with torch.device("meta"):
        model = make_detector(config.model, num_classes=3)

    trained = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    assert trained > 1_000_000
    assert len(config.model.anchors.sizes) == len(model.backbone.features)


@pytest.mark.parametrize("path", RECIPES, ids=name_of)
def test_a_recipe_without_weights_has_a_norm_that_learns(path: Path) -> None:
    backbone = load(path).model.backbone

    assert backbone.weights != "none" or (backbone.norm != "frozen" and not backbone.freeze)


@pytest.mark.parametrize("path", RECIPES, ids=name_of)
def test_a_recipe_names_files_for_training_and_validation(path: Path) -> None:
    data = load(path).data

    for split in (data.train, data.val):
        assert split.images
        assert split.annotations
    if data.root.startswith("examples/"):
        for split in (data.train, data.val, data.test):
            assert (ROOT / data.root / split.images).is_dir()
            assert (ROOT / data.root / split.annotations).is_file()
