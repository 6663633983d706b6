"""A file says all about its classifier; class rows go by name; its backbone starts detectors and segmenters."""

from pathlib import Path

import pytest
import torch
import torchvision

from classification.build import make_network
from classification.config import ClassificationConfig
from classification.weights import (
    ClassifierWeights,
    load_classifier,
    load_for_training,
    remap_classes,
    save_classifier,
)
from detection.build import build_detector
from detection.config import DetectionConfig
from lumbar.training.checkpoint import save_weights
from lumbar.training.load import config_from_dict, override_config
from lumbar.training.run_folder import RunFolder
from segmentation.build import build_segmenter
from segmentation.config import SegmentationConfig
from segmentation.labels import TASKS
from segmentation.pixel_losses import CrossEntropy
from tests.classification.runs import NAMES, tiny_run


@pytest.fixture(scope="module")
def saved(examples: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A classifier with random weights."""
    config = tiny_run(examples)
    torch.manual_seed(1)
    path = tmp_path_factory.mktemp("weights") / "model.safetensors"
    state = make_network(config, 3).state_dict()
    save_classifier(path, ClassifierWeights(state, config, NAMES))
    return path


def test_a_file_reads_back(saved: Path, examples: Path) -> None:
    weights = load_classifier(str(saved))

    assert weights.config == tiny_run(examples)
    assert weights.class_names == NAMES
    assert {"fc.weight", "backbone.conv1.weight", "pixels.mean"} <= weights.state.keys()


def test_what_is_no_classifier_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="gone: no such weights file"):
        load_classifier("gone")
    path = tmp_path / "x.safetensors"
    path.write_bytes(b"x")
    with pytest.raises(ValueError, match="damaged"):
        load_classifier(str(path))
    save_weights(path, {"conv1.weight": torch.ones(1)}, {"lumbar": "0", "arch": "resnet18"})
    with pytest.raises(ValueError, match="holds no Lumbar classifier"):
        load_classifier(str(path))


def test_class_rows_go_by_name(saved: Path) -> None:
    weights = load_classifier(str(saved))

    state = remap_classes(weights, ("dust", "WBC"))
    assert torch.equal(state["fc.weight"][1], weights.state["fc.weight"][1])
    assert not state["fc.weight"][0].any()
    assert state["fc.bias"].shape == (2,)
    assert not {"fc.weight", "fc.bias"} & remap_classes(weights, ("dust",)).keys()
    assert remap_classes(weights, NAMES) == weights.state


def start(saved: Path, examples: Path, *overrides: str) -> ClassificationConfig:
    return tiny_run(examples, [f"model.weights={saved}", *overrides])


def test_training_starts_from_a_file(saved: Path, examples: Path) -> None:
    network, report = load_for_training(start(saved, examples), NAMES)

    state = load_classifier(str(saved)).state
    assert all(torch.equal(value, state[name]) for name, value in network.state_dict().items())
    assert not report.reinitialised

    network, report = load_for_training(
        start(saved, examples, "model.backbone.freeze=[stem]"), ("owl",)
    )
    assert set(report.reinitialised) == {"fc.weight", "fc.bias"}
    assert network.backbone.frozen == {"stem"}
    with pytest.raises(
        ValueError, match=r"name=resnet18 does not fit model\.backbone\.name=resnet34"
    ):
        load_for_training(start(saved, examples, "model.backbone.name=resnet34"), NAMES)


def test_training_starts_from_another_zoo(examples: Path, tmp_path: Path) -> None:
    theirs = torchvision.models.resnet18(num_classes=3)
    torch.save(theirs.state_dict(), tmp_path / "net.pth")
    backbone = ("model.backbone.norm=batch", "model.backbone.width=null")

    network, report = load_for_training(start(tmp_path / "net.pth", examples, *backbone), NAMES)

    assert torch.equal(network.backbone.state_dict()["conv1.weight"], theirs.conv1.weight)
    assert report.reinitialised == ("fc.weight", "fc.bias")  # its classes are not called as ours


BACKBONE = {"name": "resnet18", "width": 16, "norm": "group", "freeze": ["stem"]}


def test_a_detector_starts_from_its_backbone(run_folder: RunFolder) -> None:
    model = {"backbone": {**BACKBONE, "weights": str(run_folder.weights)}}
    config = config_from_dict(DetectionConfig, {"model": model})

    detector, report = build_detector(config.model, num_classes=2)

    state = load_classifier(str(run_folder.weights)).state
    body = {name for name in state if name.startswith("backbone.")}
    assert report is not None
    assert len(report.loaded) == len(body)
    assert not report.reinitialised
    found = detector.state_dict()
    for name in body:
        assert torch.equal(found[name.replace("backbone.", "backbone.body.")], state[name]), name


def test_a_segmenter_starts_from_its_backbone(run_folder: RunFolder) -> None:
    model = {"backbone": {**BACKBONE, "weights": str(run_folder.weights)}}
    config = config_from_dict(SegmentationConfig, {"model": model})
    task = TASKS["multiclass"]

    _, report = build_segmenter(config.model, 3, task=task, loss=CrossEntropy(task))

    assert report is not None
    assert not report.reinitialised
    wrong = override_config(config, ["model.backbone.name=resnet34"])
    with pytest.raises(ValueError, match="weights of resnet18 do not fit"):
        build_segmenter(wrong.model, 3, task=task, loss=CrossEntropy(task))
