"""torchvision's Faster R-CNN R50-FPN and ours with the same random weights, for comparisons of value and speed."""

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torchvision.models.detection import FasterRCNN as TorchvisionFasterRCNN
from torchvision.models.detection.backbone_utils import resnet_fpn_backbone
from torchvision.ops import FrozenBatchNorm2d

from backbones.resnet import ResNet
from detection.build import make_detector
from detection.faster_rcnn import FasterRCNN
from detection.weights import from_state


class Twins(NamedTuple):
    """Two detectors of one function."""

    theirs: TorchvisionFasterRCNN
    ours: FasterRCNN


def make_twins(pixels: Tensor, *, num_classes: int, frozen: tuple[str, ...] = ()) -> Twins:
    """Makes both with equal weights, in the default dtype.

    The statistics of the frozen norms are those of `pixels`, layer after layer, so that activations, scores and
    proposals spread as in a trained network, which random frozen norms would not allow.

    Args:
        pixels: (B, 3, H, W) float, normalised images.
        num_classes: K, without the background.
        frozen: Stages of the body that are not trained, as `stem` and `layer1`.

    Returns:
        torchvision's detector, which leaves the sizes of its images alone, and ours.
    """
    theirs = TorchvisionFasterRCNN(
        resnet_fpn_backbone(
            backbone_name="resnet50",
            weights=None,
            norm_layer=FrozenBatchNorm2d,
            trainable_layers=5 - len(frozen),
        ),
        num_classes + 1,
    )
    theirs.transform.resize = _leave_size
    _calibrate(theirs.backbone.body, pixels)
    weights = from_state(theirs.state_dict(), "torchvision's twin")
    ours = make_detector(weights.config.model, num_classes)
    ours.load_state_dict(weights.state)
    ours.requires_grad_()
    body = ours.backbone.get_submodule("body")
    assert isinstance(body, ResNet)
    body.freeze(frozen)
    return Twins(theirs, ours)


def _leave_size(image: Tensor, target: Any) -> tuple[Tensor, Any]:
    return image, target


def _calibrate(body: nn.Module, pixels: Tensor) -> None:
    hooks = [
        module.register_forward_pre_hook(_take_statistics)
        for module in body.modules()
        if isinstance(module, FrozenBatchNorm2d)
    ]
    with torch.no_grad():
        body(pixels)
    for hook in hooks:
        hook.remove()


def _take_statistics(norm: nn.Module, inputs: tuple[Tensor]) -> None:
    assert isinstance(norm, FrozenBatchNorm2d)
    norm.running_mean.copy_(inputs[0].mean((0, 2, 3)))
    norm.running_var.copy_(inputs[0].var((0, 2, 3)))
