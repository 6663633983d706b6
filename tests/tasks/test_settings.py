"""Relative paths start from the current folder on the command line, and from the root in YAML files."""

from pathlib import Path

import pytest

from detection.config import DetectionConfig
from detection.presets import PRESETS
from lumbar.tasks.settings import from_current_folder, from_root, load_settings, settings_for
from lumbar.training.load import ConfigError, config_from_dict, project_root
from medical.study.config import MedicalConfig


def config_with(root: str, weights: str) -> DetectionConfig:
    values = {
        "data": {"root": root},
        "model": {"weights": weights, "backbone": {"weights": weights}},
    }
    return config_from_dict(DetectionConfig, values)


@pytest.mark.parametrize(
    "key", ["data", "data.root", "cases", "model.weights", "model.backbone.weights"]
)
def test_a_path_of_the_command_line_starts_in_the_current_folder(
    key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert from_current_folder(f"{key}=a/b") == f"{key}={tmp_path}/a/b"
    assert from_current_folder(f"{key}=/a/b") == f"{key}=/a/b"
    assert from_current_folder(f"{key}=~/b") == f"{key}={Path.home()}/b"


@pytest.mark.parametrize(
    "override",
    [
        "model.backbone.weights=none",
        "model.weights=torchvision/fasterrcnn_resnet50_fpn",
        "model.backbone.weights=timm/resnet18.a1_in1k",
        "data.train.images=train2017",
        "data={root: datasets/x}",
        "trainer.max_steps=2",
        "data.root",
    ],
)
def test_other_overrides_stay_as_they_are(override: str) -> None:
    assert from_current_folder(override) == override


def test_paths_of_a_config_start_from_the_root(tmp_path: Path) -> None:
    config = from_root(config_with("datasets/x", "w/a.pth"), tmp_path)

    assert config.data.root == f"{tmp_path}/datasets/x"
    assert config.model.weights == config.model.backbone.weights == f"{tmp_path}/w/a.pth"


def test_data_may_be_a_folder_instead_of_a_section(tmp_path: Path) -> None:
    config = config_from_dict(MedicalConfig, {"data": "datasets/x", "cases": ""})

    config = from_root(config, tmp_path)

    assert config.data == f"{tmp_path}/datasets/x"
    assert not config.cases


def test_names_of_weights_are_no_paths(tmp_path: Path) -> None:
    for name in ("none", "torchvision/resnet50.v1", "timm/resnet18.a1_in1k"):
        model = from_root(config_with("x", name), tmp_path).model
        assert model.weights == model.backbone.weights == name


def test_an_absolute_config_means_the_same_from_any_root(tmp_path: Path) -> None:
    config = from_root(config_with("datasets/x", "w/a.pth"), tmp_path)

    assert from_root(config, Path("/elsewhere")) == config


def test_a_folder_whose_name_begins_like_none_is_a_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert from_current_folder("model.weights=nonesuch/w.pth").endswith(
        f"{tmp_path}/nonesuch/w.pth"
    )


@pytest.fixture
def mine(tmp_path: Path) -> str:
    """A config with a relative path."""
    path = tmp_path / "mine.yaml"
    path.write_text("preset: torchvision\nseed: 3\ndata: {root: datasets/x}\n")
    return str(path)


def test_a_config_is_read_with_absolute_paths(mine: str) -> None:
    config = load_settings(DetectionConfig, mine, ["seed=4"], presets=PRESETS)

    assert config.data.root == f"{project_root()}/datasets/x"
    assert config.seed == 4
    assert config.model.anchors.rule == "torchvision"


def test_weights_are_evaluated_with_their_settings_or_with_others(mine: str) -> None:
    saved = DetectionConfig(seed=7)

    own = settings_for(saved, None, ["data.val.limit=2"], presets=PRESETS)
    other = settings_for(saved, mine, ["data.val.limit=2"], presets=PRESETS)

    assert (own.seed, own.data.val.limit, own.data.root) == (7, 2, str(project_root()))
    assert (other.seed, other.data.val.limit) == (3, 2)
    assert other.data.root == f"{project_root()}/datasets/x"
    with pytest.raises(ConfigError, match=r"data\.val\.limt"):
        settings_for(saved, None, ["data.val.limt=2"])
