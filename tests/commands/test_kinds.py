"""Weights say what they are for, whoever has made them."""

from pathlib import Path

import pytest
import torch

from backbones.zoo import BODIES, Layout
from classification.zoo import PUBLISHED_CLASSIFIERS
from detection.zoo import DETECTORS, PUBLISHED_DETECTORS
from lumbar.commands.kinds import task_of
from segmentation.zoo import PUBLISHED_SEGMENTERS, SEGMENTERS


def test_our_own_files_say_it(detector: Path, segmenter: Path, classifier: Path) -> None:
    assert task_of(str(classifier)) == "classification"
    assert task_of(str(detector)) == "detection"
    assert task_of(str(segmenter)) == "segmentation"


@pytest.mark.parametrize(
    ("layouts", "task"),
    [(DETECTORS, "detection"), (SEGMENTERS, "segmentation"), (BODIES, "classification")],
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
    assert {task_of(name) for name in PUBLISHED_CLASSIFIERS} == {"classification"}


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("gone.safetensors", "no such weights file; give a model.safetensors"),
        ("other.pth", "names of no known layout"),
        ("torchvision/fcn_resnet18", "torchvision/fcn_resnet50"),
    ],
)
def test_what_is_no_whole_model_is_named(
    name: str, problem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"fc.weight": torch.ones(1)}, tmp_path / "other.pth")

    with pytest.raises(ValueError, match=f"{name}: .*{problem}"):
        task_of(name)
