"""Every YAML in `configs/` says how to run it, loads, and builds its model."""

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from torch import nn

from classification.build import make_network
from classification.config import ClassificationConfig
from detection.build import make_detector
from detection.config import DetectionConfig
from detection.presets import PRESETS
from lumbar.commands.study import load_study
from lumbar.training.load import (
    config_from_dict,
    config_to_dict,
    load_config,
)
from medical.study.config import MedicalConfig
from segmentation.build import make_segmenter
from segmentation.config import SegmentationConfig
from segmentation.labels import TASKS
from segmentation.pixel_losses import CrossEntropy
from tests.architecture.tree import ROOT

Config = DetectionConfig | SegmentationConfig | ClassificationConfig | MedicalConfig

STUDIES = sorted((ROOT / "configs").glob("study_*.yaml"))
"""Comparisons of several runs."""
RECIPES = sorted({*(ROOT / "configs").glob("*.yaml")} - {*STUDIES})
PARTS = sorted((ROOT / "configs").glob("data/*.yaml"))
"""Pieces that recipes are based on."""
CLASSIFICATION_DATA = ("bccd_crops", "cifar10", "imagenet")


def name_of(path: Path) -> str:
    """The path as it is written after `--config`."""
    return str(path.relative_to(ROOT / "configs"))


def is_segmentation(path: Path) -> bool:
    """Whether a file names masks, or is based on one that does."""
    text = path.read_text(encoding="utf-8")
    bases = [line.partition(":")[2] for line in text.splitlines() if line.startswith("_base_:")]
    return "masks:" in text or any(is_segmentation(path.parent / base.strip()) for base in bases)


def tool_of(path: Path) -> str:
    """The tool that a file in `configs/` is for."""
    if path.stem.startswith("study_"):
        return "residual_study.py"
    if path.stem.startswith("cls_") or path.stem in CLASSIFICATION_DATA:
        return "train_cls.py"
    if path.stem.startswith("medical_"):
        return "medical.py fit"
    return "train_seg.py" if is_segmentation(path) else "train_det.py"


def load(path: Path, overrides: Sequence[str] = ()) -> Config:
    """Reads a file as the tools do."""
    if tool_of(path) == "train_cls.py":
        return load_config(ClassificationConfig, path, overrides)
    if tool_of(path) == "medical.py fit":
        return load_config(MedicalConfig, path, overrides)
    if tool_of(path) == "train_seg.py":
        return load_config(SegmentationConfig, path, overrides)
    return load_config(DetectionConfig, path, overrides, presets=PRESETS)


def make_model(config: Config) -> nn.Module:
    """The model for three classes."""
    if isinstance(config, DetectionConfig):
        return make_detector(config.model, num_classes=3)
    if isinstance(config, ClassificationConfig):
        return make_network(config, 3)
    task = TASKS["multiclass" if isinstance(config, MedicalConfig) else config.task]
    return make_segmenter(config.model, 3, task=task, loss=CrossEntropy(task))


@pytest.mark.parametrize("path", [*RECIPES, *STUDIES], ids=name_of)
def test_a_recipe_opens_with_command_cost_and_result(path: Path) -> None:
    command, cost, result, *_ = path.read_text(encoding="utf-8").splitlines()

    assert command == f"# python tools/{tool_of(path)} --config {path.name}"
    assert cost.startswith("# Hardware: ")
    assert result.startswith("# Result: ")
    assert "not yet run" in result or any(letter.isdigit() for letter in result)


@pytest.mark.parametrize("path", PARTS, ids=name_of)
def test_a_part_opens_with_three_lines_about_itself(path: Path) -> None:
    assert all(line.startswith("# ") for line in path.read_text(encoding="utf-8").splitlines()[:3])


@pytest.mark.parametrize("path", [*RECIPES, *PARTS], ids=name_of)
def test_a_config_loads_and_survives_a_checkpoint(path: Path) -> None:
    config = load(path)

    assert config_from_dict(type(config), config_to_dict(config)) == config


@pytest.mark.parametrize("path", RECIPES, ids=name_of)
def test_a_recipe_builds_its_model(path: Path) -> None:
    config = load(path)

    with torch.device("meta"):
        model = make_model(config)

    trained = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    assert trained > (200_000 if "cifar" in path.name else 1_000_000)
    if isinstance(config, DetectionConfig):
        assert len(config.model.anchors.sizes) == len(model.get_submodule("backbone").features)


@pytest.mark.parametrize("path", RECIPES, ids=name_of)
def test_a_recipe_without_weights_has_a_norm_that_learns(path: Path) -> None:
    backbone = load(path).model.backbone

    assert backbone.weights != "none" or (backbone.norm != "frozen" and not backbone.freeze)


@pytest.mark.parametrize("path", RECIPES, ids=name_of)
def test_a_recipe_names_files_for_training_and_validation(path: Path) -> None:
    config = load(path)
    if isinstance(config, MedicalConfig):  # its folds do both
        assert config.data
        assert not config.data.startswith("examples/") or (ROOT / config.data).is_dir()
        return
    data = config.data

    places = [
        (
            split.images,
            split.masks if hasattr(split, "masks") else split.annotations or split.images,
        )
        for split in (data.train, data.val, data.test)
    ]
    assert all(all(place) for place in places[:2])
    if data.root.startswith("examples/"):
        assert all((ROOT / data.root / name).exists() for place in places for name in place)


@pytest.mark.parametrize("path", STUDIES, ids=name_of)
def test_a_study_compares_networks_that_can_be_built(path: Path) -> None:
    study = load_study(path)

    assert study.question
    assert len(study.runs) > 1
    for run in study.runs.values():
        config = study.settings(run, seed=0)
        with torch.device("meta"):
            model = make_model(config)
        assert all(parameter.requires_grad for parameter in model.parameters())
        assert study.task == "detection" or config.trainer.log_every_steps == 1
    assert len({run.changes for run in study.runs.values()}) == len(study.runs)


def test_a_study_can_take_another_data_set(tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    folder = ROOT / "configs"
    path.write_text(f"_base_: [{folder}/study_depth.yaml, {folder}/studies/cifar10.yaml]\n")

    study = load_study(path)

    assert len(study.runs) == 4
    assert study.base.data.train.limit == 45000
    assert study.base.trainer.max_steps == 64000
    assert study.base.model.backbone.width is None
