"""Detectors come back from files as they were, and torchvision's become ours."""

from pathlib import Path

import pytest
import torch
from torch import Tensor
from torchvision.models.detection import FasterRCNN as TorchvisionFasterRCNN
from torchvision.models.detection.backbone_utils import resnet_fpn_backbone

from detection.build import make_detector
from detection.config import DetectionConfig
from detection.weights import (
    DetectorWeights,
    from_torchvision_state,
    load_detector,
    load_for_training,
    remap_classes,
    save_detector,
)
from lumbar.data.categories import Categories
from lumbar.training.checkpoint import save_weights
from tests.detection.parts import make_images, tiny_config, tiny_detector

CLASSES = Categories(("cat", "dog", "emu"), (3, 5, 8))
PREDICTOR = "roi_heads.box_predictor"


@pytest.fixture
def weights() -> DetectorWeights:
    config = DetectionConfig(model=tiny_config())
    return DetectorWeights(tiny_detector().state_dict(), config, CLASSES)


@pytest.fixture(scope="module")
def torchvision_state() -> dict[str, Tensor]:
    """A small Faster R-CNN of torchvision for three classes and the background."""
    body = resnet_fpn_backbone(
        backbone_name="resnet18", weights=None, norm_layer=torch.nn.BatchNorm2d
    )
    state: dict[str, Tensor] = TorchvisionFasterRCNN(body, num_classes=4).state_dict()
    return state


def old_name(name: str) -> str:
    """What torchvision called a parameter before 2022."""
    for part in ("inner_blocks", "layer_blocks"):
        for level in range(4):
            name = name.replace(f"{part}.{level}.0.", f"{part}.{level}.")
    return name.replace("rpn.head.conv.0.0.", "rpn.head.conv.")


def test_a_detector_comes_back_as_it_was(tmp_path: Path, weights: DetectorWeights) -> None:
    save_detector(tmp_path / "new" / "model.safetensors", weights)

    state, config, categories = load_detector(f"{tmp_path}/new/model.safetensors")

    assert (config, categories) == (weights.config, CLASSES)
    assert state.keys() == weights.state.keys()
    assert all(torch.equal(state[name], weights.state[name]) for name in state)


def test_missing_and_foreign_files_are_named(tmp_path: Path) -> None:
    save_weights(tmp_path / "bare.safetensors", {"x": torch.ones(1)}, {})
    torch.save({"fc.weight": torch.ones(1)}, tmp_path / "other.pth")
    for name, problem in (
        ("gone.pth", "no such weights file; give a model.safetensors"),
        ("bare.safetensors", "no config and classes in its metadata"),
        ("other.pth", "not a Faster R-CNN"),
    ):
        with pytest.raises(ValueError, match=rf"{name}: .*{problem}"):
            load_detector(f"{tmp_path}/{name}")


def test_the_same_classes_keep_their_rows(weights: DetectorWeights) -> None:
    state = remap_classes(weights, Categories(CLASSES.names, (1, 2, 3)))

    assert all(torch.equal(state[name], weights.state[name]) for name in weights.state)


def test_reordered_classes_are_found_as_before(weights: DetectorWeights) -> None:
    turned = Categories(("emu", "cat", "dog"), (1, 2, 3))
    model, other = tiny_detector(), tiny_detector()

    other.load_state_dict(remap_classes(weights, turned))

    before, after = (part.eval().predict(make_images()) for part in (model, other))
    assert before.valid.any()
    for index in range(2):
        old, new = before.image(index), after.image(index)
        named = [CLASSES.names[label] for label in old.labels]
        assert [turned.names[label] for label in new.labels] == named
        torch.testing.assert_close(new.boxes, old.boxes)
        torch.testing.assert_close(new.scores, old.scores)


def test_new_classes_start_at_zero_and_the_background_stays_last(weights: DetectorWeights) -> None:
    state = remap_classes(weights, Categories(("yak", "dog"), (1, 2)))

    for kind in ("weight", "bias"):
        old, new = (s[f"{PREDICTOR}.cls_score.{kind}"] for s in (weights.state, state))
        assert not new[0].any()
        assert torch.equal(new[1:], old[[1, 3]])
        boxes = state[f"{PREDICTOR}.bbox_pred.{kind}"]
        assert not boxes[:4].any()
        assert torch.equal(boxes[4:], weights.state[f"{PREDICTOR}.bbox_pred.{kind}"][4:8])


def test_without_common_classes_their_rows_are_left_out(weights: DetectorWeights) -> None:
    state = remap_classes(weights, Categories(("yak",), (1,)))

    assert {name for name in weights.state if name not in state} == {
        f"{PREDICTOR}.{layer}.{kind}"
        for layer in ("cls_score", "bbox_pred")
        for kind in ("weight", "bias")
    }


def test_training_starts_from_another_detector(tmp_path: Path, weights: DetectorWeights) -> None:
    file = f"{tmp_path}/model.safetensors"
    save_detector(Path(file), weights)
    config = tiny_config(backbone={"freeze": ("stem",)}).model_copy(update={"weights": file})

    model, report = load_for_training(config, Categories(("yak", "gnu"), (1, 2)))

    assert set(report.reinitialised) == {name for name in model.state_dict() if PREDICTOR in name}
    assert torch.equal(model.rpn.head.bbox_pred.weight, weights.state["rpn.head.bbox_pred.weight"])
    assert not model.backbone.body.conv1.weight.requires_grad


def test_torchvision_state_fits_and_keeps_its_settings(
    torchvision_state: dict[str, Tensor],
) -> None:
    state, config, categories = from_torchvision_state(torchvision_state, "file.pth")

    make_detector(config.model, len(categories)).load_state_dict(state)
    backbone = config.model.backbone
    assert (backbone.name, backbone.norm, backbone.norm_eps) == ("resnet18", "batch", 1e-5)
    assert config.data.resize.rule == "torchvision"
    assert (len(categories), categories.ids) == (3, (1, 2, 3))
    for name in (f"{PREDICTOR}.cls_score.weight", f"{PREDICTOR}.cls_score.bias"):
        assert torch.equal(state[name][3], torchvision_state[name][0]), "background last"
        assert torch.equal(state[name][:3], torchvision_state[name][1:])


def test_torchvision_names_of_old_mean_the_same(torchvision_state: dict[str, Tensor]) -> None:
    new = from_torchvision_state(torchvision_state, "file.pth")

    old = from_torchvision_state({old_name(k): v for k, v in torchvision_state.items()}, "file.pth")

    assert {old_name(name) for name in torchvision_state} != torchvision_state.keys()
    assert old.state.keys() == new.state.keys()
    assert all(torch.equal(old.state[name], new.state[name]) for name in new.state)
    assert old.config.model.backbone.norm_eps == 0
