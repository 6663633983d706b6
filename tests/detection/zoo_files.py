"""Detectors as other zoos save them, made from torchvision's by tables of their own."""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache

import torch
from torch import Tensor, nn
from torchvision.models import resnet18
from torchvision.models.detection import FasterRCNN
from torchvision.models.detection.backbone_utils import _resnet_fpn_extractor, resnet_fpn_backbone
from torchvision.models.detection.faster_rcnn import FastRCNNConvFCHead
from torchvision.models.detection.rpn import RPNHead
from torchvision.ops import FrozenBatchNorm2d

from tests.backbones.zoo_files import State, detectron2_name

CLASSES, BOXES = "roi_heads.box_predictor.cls_score", "roi_heads.box_predictor.bbox_pred"
Norm = Callable[[int], nn.Module]


def small_detector(num_classes: int, norm: Norm = FrozenBatchNorm2d) -> State:
    """torchvision's Faster R-CNN on a ResNet-18, the first version; `num_classes` counts the background."""
    return {name: value.clone() for name, value in _first(num_classes, norm).items()}


def small_detector_v2(num_classes: int) -> State:
    """The second version: norms everywhere, two and four convolutions in the heads."""
    body = _resnet_fpn_extractor(resnet18(), 5, norm_layer=nn.BatchNorm2d)
    model = FasterRCNN(
        body,
        num_classes,
        rpn_head=RPNHead(256, 3, conv_depth=2),
        box_head=FastRCNNConvFCHead((256, 7, 7), [256] * 4, [1024], nn.BatchNorm2d),
    )
    return _with_statistics(model)


@lru_cache(1)
def _first(num_classes: int, norm: Norm) -> State:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        body = resnet_fpn_backbone(backbone_name="resnet18", weights=None, norm_layer=norm)
        return _with_statistics(FasterRCNN(body, num_classes))


def _with_statistics(model: nn.Module) -> State:
    state: State = model.state_dict()
    generator = torch.Generator().manual_seed(0)
    for name, value in state.items():
        if "running_" in name or name.endswith("bn1.weight"):
            value.uniform_(0.5, 1.5, generator=generator)
    return state


def old_torchvision_name(name: str) -> str:
    """What torchvision called a parameter before 2022."""
    for part in ("inner_blocks", "layer_blocks"):
        for level in range(4):
            name = name.replace(f"{part}.{level}.0.", f"{part}.{level}.")
    return name.replace("rpn.head.conv.0.0.", "rpn.head.conv.")


def detectron2_detector_name(name: str, *, is_deep: bool) -> str:
    """What detectron2 calls a tensor of torchvision's detector; deep: with several convolutions in its heads."""
    if name.startswith("backbone.body."):
        return f"backbone.bottom_up.{detectron2_name(name.removeprefix('backbone.body.'))}"
    if match := re.fullmatch(r"backbone\.fpn\.(inner|layer)_blocks\.(\d)\.(\d)\.(\w+)", name):
        kind = {"inner": "lateral", "layer": "output"}[match[1]]
        norm = "norm." if match[3] == "1" else ""
        return f"backbone.fpn_{kind}{int(match[2]) + 2}.{norm}{match[4]}"
    if match := re.fullmatch(r"rpn\.head\.conv\.(\d)\.0\.(\w+)", name):
        conv = f"conv.conv{match[1]}" if is_deep else "conv"
        return f"proposal_generator.rpn_head.{conv}.{match[2]}"
    if match := re.fullmatch(r"roi_heads\.box_head\.(\d)\.(\d)\.(\w+)", name):
        norm = "norm." if match[2] == "1" else ""
        return f"roi_heads.box_head.conv{int(match[1]) + 1}.{norm}{match[3]}"
    for ours, theirs in {
        "rpn.head.cls_logits": "proposal_generator.rpn_head.objectness_logits",
        "rpn.head.bbox_pred": "proposal_generator.rpn_head.anchor_deltas",
        "roi_heads.box_head.fc6": "roi_heads.box_head.fc1",
        "roi_heads.box_head.fc7": "roi_heads.box_head.fc2",
        "roi_heads.box_head.5": "roi_heads.box_head.fc1",
    }.items():
        name = name.replace(f"{ours}.", f"{theirs}.")
    return name


def mmdetection_name(name: str, *, is_deep: bool) -> str:
    """What MMDetection calls a tensor of torchvision's detector; deep: with several convolutions in its heads."""
    if name.startswith("backbone.body."):
        return name.replace("backbone.body.", "backbone.")
    if match := re.fullmatch(r"backbone\.fpn\.(inner|layer)_blocks\.(\d)\.(\d)\.(\w+)", name):
        kind = {"inner": "lateral", "layer": "fpn"}[match[1]]
        return f"neck.{kind}_convs.{match[2]}.{('conv', 'bn')[int(match[3])]}.{match[4]}"
    if match := re.fullmatch(r"rpn\.head\.conv\.(\d)\.0\.(\w+)", name):
        return f"rpn_head.rpn_conv.{f'{match[1]}.conv.' if is_deep else ''}{match[2]}"
    if match := re.fullmatch(r"roi_heads\.box_head\.(\d)\.(\d)\.(\w+)", name):
        layer = ("conv", "bn")[int(match[2])]
        return f"roi_head.bbox_head.shared_convs.{match[1]}.{layer}.{match[3]}"
    for ours, theirs in {
        "rpn.head.cls_logits": "rpn_head.rpn_cls",
        "rpn.head.bbox_pred": "rpn_head.rpn_reg",
        "roi_heads.box_head.fc6": "roi_head.bbox_head.shared_fcs.0",
        "roi_heads.box_head.fc7": "roi_head.bbox_head.shared_fcs.1",
        "roi_heads.box_head.5": "roi_head.bbox_head.shared_fcs.0",
        CLASSES: "roi_head.bbox_head.fc_cls",
        BOXES: "roi_head.bbox_head.fc_reg",
    }.items():
        name = name.replace(f"{ours}.", f"{theirs}.")
    return name


def background_behind(state: Mapping[str, Tensor]) -> State:
    """torchvision's state with the background in the last row of classes and in none of boxes."""
    moved = dict(state)
    for kind in ("weight", "bias"):
        background, *classes = state[f"{CLASSES}.{kind}"]
        moved[f"{CLASSES}.{kind}"] = torch.stack([*classes, background])
        moved[f"{BOXES}.{kind}"] = state[f"{BOXES}.{kind}"][4:]
    return moved


def for_bgr(state: Mapping[str, Tensor]) -> State:
    """torchvision's state for BGR pixels of which only the mean is taken."""
    red, green, blue = state["backbone.body.conv1.weight"].unbind(1)
    weight = torch.stack([blue / 57.375, green / 57.12, red / 58.395], dim=1)
    return {**state, "backbone.body.conv1.weight": weight}


def as_detectron2(state: Mapping[str, Tensor], *, is_deep: bool = False) -> State:
    """torchvision's detector as detectron2 saves it."""
    return {
        detectron2_detector_name(name, is_deep=is_deep): value
        for name, value in background_behind(for_bgr(state)).items()
    }


def as_mmdetection(state: Mapping[str, Tensor], *, is_deep: bool = False) -> State:
    """torchvision's detector as MMDetection saves it, in the style of pytorch."""
    return {
        mmdetection_name(name, is_deep=is_deep): value
        for name, value in background_behind(state).items()
    }
