"""Every kind of backbone with a pyramid carries Faster R-CNN and the heads of segmentation: they learn and predict."""

from collections.abc import Callable

import pytest
import torch

from backbones.base import Backbone
from backbones.fpn import FeaturePyramid, PyramidBackbone
from backbones.norm import group_norm
from backbones.pixels import PixelNorm
from backbones.resnet import ResNet
from backbones.timm_body import make_timm
from backbones.vgg import VGG, VGGArch
from detection.build import assemble as assemble_detector
from segmentation.build import assemble as assemble_segmenter
from segmentation.labels import TASKS
from segmentation.model_config import ModelConfig
from segmentation.pixel_losses import CrossEntropy
from tests.backbones.thin import KINDS, thin
from tests.detection.parts import make_images, make_targets, tiny_config

OTHERS: dict[str, Callable[[], Backbone]] = {
    "vgg": lambda: VGG(VGGArch((1, 1, 1, 1, 1), normed=True), norm=group_norm),
    "timm": lambda: make_timm("mobilenetv2_050", norm="eval")[0],
}


def make(name: str) -> Backbone:
    torch.manual_seed(0)
    if name == "timm":
        pytest.importorskip("timm")
    return OTHERS[name]() if name in OTHERS else ResNet(thin(name), norm=group_norm)


every_kind = pytest.mark.parametrize("name", [*KINDS, *OTHERS])


@every_kind
def test_faster_rcnn(name: str) -> None:
    body = make(name)
    pyramid = PyramidBackbone(body, FeaturePyramid(body.features, channels=16))
    pixels = PixelNorm.of_imagenet()
    model = assemble_detector(tiny_config(), 3, backbone=pyramid, pixels=pixels)

    losses = model.train().losses(make_images(), make_targets(2, 3))
    torch.stack(list(losses.values())).sum().backward()

    assert all(loss.isfinite() for loss in losses.values())
    assert all(p.grad is not None for p in body.parameters() if p.requires_grad)
    assert model.eval().predict(make_images()).boxes.shape == (2, 20, 4)


@every_kind
@pytest.mark.parametrize("head", ["fcn", "skip"])
def test_fcn(name: str, head: str) -> None:
    config = ModelConfig.model_validate({"head": {"name": head, "norm": "group"}})
    task = TASKS["multiclass"]
    model = assemble_segmenter(
        config,
        3,
        backbone=make(name),
        pixels=PixelNorm.of_imagenet(),
        task=task,
        loss=CrossEntropy(task),
    )
    images = make_images()
    labels = torch.randint(3, (2, *images.canvas.shape[-2:]))

    losses = model.train().losses(images, labels)
    torch.stack(list(losses.values())).sum().backward()

    assert all(loss.isfinite() for loss in losses.values())
    assert model.eval().predict(images).labels.shape == labels.shape
