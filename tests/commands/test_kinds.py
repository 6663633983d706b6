"""Weights say what they are for, whoever has made them."""

from pathlib import Path

import pytest
import torch

from backbones.zoo import Layout
from detection.zoo import DETECTORS, PUBLISHED_DETECTORS
from lumbar.commands.kinds import task_of
from lumbar.training.checkpoint import save_weights
from segmentation.zoo import PUBLISHED_SEGMENTERS, SEGMENTERS


def test_our_own_files_say_it(detector: Path, segmenter: Path) -> None:
    assert task_of(str(detector)) == "detection"
    assert task_of(str(segmenter)) == "segmentation"


@pytest.mark.parametrize(
    ("layouts", "task"), [(DETECTORS, "detection"), (SEGMENTERS, "segmentation")]
)
def test_files_of_zoos_are_known_by_their_names(
    layouts: tuple[Layout, ...], task: str, tmp_path: Path
) -> None:
    for layout in layouts:
        torch.save({"state_dict": {layout.sign: torch.ones(1)}}, tmp_path / "x.pth")
        assert task_of(str(tmp_path / "x.pth")) == task


def test_published_models_are_not_fetched_to_know() -> None:
    assert {task_of(name) for name in PUBLISHED_DETECTORS} == {"detection"}
    assert {task_of(name) for name in PUBLISHED_SEGMENTERS} == {"segmentation"}


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("gone.safetensors", "no such weights file; give a model.safetensors"),
        ("body.safetensors", "names of no known layout"),
        ("other.pth", "names of no known layout"),
        ("torchvision/fcn_resnet18", "torchvision/fcn_resnet50"),
    ],
)
def test_what_is_no_whole_model_is_named(
    name: str, problem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    state = {"layer1.0.conv1.weight": torch.ones(1)}
    save_weights(tmp_path / "body.safetensors", state, {"lumbar": "0", "arch": "resnet18"})
    torch.save({"fc.weight": torch.ones(1)}, tmp_path / "other.pth")

    with pytest.raises(ValueError, match=f"{name}: .*{problem}"):
        task_of(name)
