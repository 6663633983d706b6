"""Settings reach the parts of a segmenter, and its backbone is loaded and frozen."""

from pathlib import Path
from typing import Any

import pytest
import torch
import torchvision
from torch import nn

from backbones.base import FeatureSpec
from backbones.fpn import PyramidBackbone
from backbones.pixels import PixelNorm
from backbones.resnet import ResNet
from lumbar.training.load import config_from_dict
from segmentation.build import BuiltSegmenter, assemble, build_segmenter, make_segmenter
from segmentation.concat_head import ConcatHead
from segmentation.fcn import FCN
from segmentation.fcn_head import FCNHead
from segmentation.fpn_head import FPNHead
from segmentation.heads import resize_corners
from segmentation.labels import TASKS
from segmentation.model_config import ModelConfig
from segmentation.pixel_losses import CrossEntropy
from segmentation.skip_head import SkipHead
from tests.segmentation.small_fcn import make_images, make_labels

MULTICLASS = TASKS["multiclass"]
LOSS = CrossEntropy(MULTICLASS)
SMALL = {"name": "resnet18", "weights": "none", "norm": "batch", "freeze": []}
KINDS: dict[str, dict[str, Any]] = {
    "fpn": {"fpn": {"channels": 16}, "head": {"channels": 32}},
    "fcn": {
        "head": {"name": "fcn", "norm": "batch", "dilation": 2, "dropout": 0.3},
        "aux": {"weight": 0.4, "dilation": 3},
        "backbone": {"output_stride": 8},
    },
    "concat": {
        "head": {"name": "concat", "dilation": 6, "align_corners": True},
        "backbone": {"output_stride": 16},
    },
    "skip": {"head": {"name": "skip", "levels": ["c4", "c5"]}},
}


def model_config(kind: str, **backbone: Any) -> ModelConfig:
    settings = KINDS[kind]
    body = {**SMALL, **settings.get("backbone", {}), **backbone}
    return config_from_dict(ModelConfig, {**settings, "backbone": body})


def make(kind: str, classes: int = 3, **backbone: Any) -> FCN:
    torch.manual_seed(0)
    return make_segmenter(model_config(kind, **backbone), classes, task=MULTICLASS, loss=LOSS)


def build(config: ModelConfig) -> BuiltSegmenter:
    return build_segmenter(config, 3, task=MULTICLASS, loss=LOSS)


@pytest.mark.parametrize(
    ("kind", "head", "backbone"),
    [
        ("fpn", FPNHead, PyramidBackbone),
        ("fcn", FCNHead, ResNet),
        ("concat", ConcatHead, ResNet),
        ("skip", SkipHead, ResNet),
    ],
)
@pytest.mark.parametrize("classes", [1, 5])
def test_every_kind_is_built_for_any_number_of_classes(
    kind: str, head: type, backbone: type, classes: int
) -> None:
    model = make(kind, classes)
    assert (type(model.classifier), type(model.backbone)) == (head, backbone)
    assert model.classifier.output.channels == classes

    losses = model.losses(make_images(), torch.zeros_like(make_labels()))

    assert torch.stack(list(losses.values())).isfinite().all()
    assert model.predict(make_images()).labels.max() < classes
    assert losses.keys() == {"loss/main"} | ({"loss/aux"} if kind == "fcn" else set())


def test_settings_reach_the_heads() -> None:
    model = make("fcn")
    head, aux = model.classifier, model.aux_classifier
    assert isinstance(aux, FCNHead)
    assert [m.dilation[0] for m in (head.get_submodule("0"), aux.get_submodule("0"))] == [2, 3]
    assert isinstance(head.get_submodule("1"), nn.BatchNorm2d)
    assert isinstance(aux.get_submodule("1"), nn.BatchNorm2d)
    assert head.get_submodule("3").rate == pytest.approx(0.3)
    assert (model.aux_weight, list(aux.needs), head.output.stride) == (0.4, ["c4"], 8)


def test_settings_reach_the_other_heads() -> None:
    concat, fpn, skip = make("concat"), make("fpn"), make("skip")
    assert concat.classifier.get_submodule("convs.1.0").dilation == (6, 6)
    assert concat.classifier.output.stride == 16
    assert concat.resize is resize_corners
    assert isinstance(fpn.classifier.get_submodule("scale_heads.p5.2.1"), nn.GroupNorm)
    assert fpn.classifier.get_submodule("conv_seg").in_channels == 32
    assert fpn.backbone.features["p2"] == FeatureSpec(16, 4)
    assert list(skip.classifier.needs) == ["c4", "c5"]


def test_corners_are_kept_in_the_head_as_in_the_model() -> None:
    config = model_config("fpn")
    head = config.head.model_copy(update={"align_corners": True})
    config = config.model_copy(update={"head": head})
    model = make_segmenter(config, 3, task=MULTICLASS, loss=LOSS)
    assert isinstance(model.classifier, FPNHead)
    assert model.classifier.resize is model.resize is resize_corners


@pytest.fixture(scope="module")
def resnet18(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With random weights, as torchvision saves it."""
    torch.manual_seed(5)
    path = tmp_path_factory.mktemp("weights") / "resnet18.pth"
    torch.save(torchvision.models.resnet18().state_dict(), path)
    return path


@pytest.mark.parametrize("kind", KINDS)
def test_the_backbone_is_loaded_and_frozen(kind: str, resnet18: Path) -> None:
    stages = ["stem", "layer1"]
    model, report = build(model_config(kind, weights=str(resnet18), norm="frozen", freeze=stages))
    assert report is not None
    assert report.reinitialised == ()
    body = model.backbone.body if kind == "fpn" else model.backbone
    state = torch.load(resnet18, weights_only=True)
    assert all(torch.equal(value, state[name]) for name, value in body.state_dict().items())
    frozen = {n.split(".")[0] for n, p in body.named_parameters() if not p.requires_grad}
    assert frozen == {"conv1", "layer1"}


def test_without_weights_there_is_no_report_and_nothing_frozen() -> None:
    model, report = build(model_config("fcn"))
    assert report is None
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_the_architecture_alone_needs_no_weights() -> None:
    model = make("skip", weights="torchvision/resnet18.v1", norm="frozen", freeze=["stem"])
    assert not model.backbone.get_parameter("conv1.weight").requires_grad
    with pytest.raises(ValueError, match=r"norm=frozen.*set model\.backbone\.norm=group"):
        build(model_config("skip", norm="frozen"))


def test_a_backbone_without_the_maps_is_refused() -> None:
    body = make("fcn").backbone
    with pytest.raises(ValueError, match="FPNHead reads p2, p3, p4, p5, but the backbone has c2"):
        assemble(
            model_config("fpn"),
            3,
            backbone=body,
            pixels=PixelNorm.of_imagenet(),
            task=MULTICLASS,
            loss=LOSS,
        )
