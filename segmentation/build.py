"""From the configuration to the segmenter: the one place where settings become parts."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from torch import Tensor

from backbones.base import Backbone, FeatureSpec
from backbones.build import add_pyramid, build_body, make_body
from backbones.norm import make_norm
from backbones.pixels import PixelNorm
from backbones.weights import LoadReport
from segmentation.concat_head import ConcatHead
from segmentation.fcn import FCN
from segmentation.fcn_head import FCNHead
from segmentation.fpn_head import FPNHead
from segmentation.heads import Head, resize, resize_corners
from segmentation.labels import Task
from segmentation.model_config import HeadConfig, ModelConfig
from segmentation.skip_head import SkipHead

Criterion = Callable[[Tensor, Tensor], Tensor]
"""Logits (B, K, H, W) and labels to a scalar."""
_RESIZES = {False: resize, True: resize_corners}


class BuiltSegmenter(NamedTuple):
    """A segmenter ready to train, and what became of the backbone's weights."""

    model: FCN
    report: LoadReport | None


def build_segmenter(
    config: ModelConfig, num_classes: int, *, task: Task, loss: Criterion
) -> BuiltSegmenter:
    """Builds a segmenter to train, with the backbone's weights loaded and stages frozen.

    Args:
        config: The model's settings.
        num_classes: K.
        task: What logits and labels mean.
        loss: What is minimised.

    Returns:
        The segmenter and the report of the backbone's weights, None where it starts from scratch.

    Raises:
        ValueError: Weights are missing or do not fit the settings.
    """
    body, pixels, report = build_body(config.backbone)
    backbone = _backbone(config, body)
    model = assemble(config, num_classes, backbone=backbone, pixels=pixels, task=task, loss=loss)
    return BuiltSegmenter(model, report)


def make_segmenter(config: ModelConfig, num_classes: int, *, task: Task, loss: Criterion) -> FCN:
    """Builds the architecture alone, for weights of a whole segmenter to be loaded into.

    Args:
        config: The model's settings; the backbone's weights are not fetched.
        num_classes: K.
        task: What logits and labels mean.
        loss: What is minimised.

    Returns:
        A segmenter with random weights.
    """
    body, pixels, _ = make_body(config.backbone)
    backbone = _backbone(config, body)
    return assemble(config, num_classes, backbone=backbone, pixels=pixels, task=task, loss=loss)


def assemble(
    config: ModelConfig,
    num_classes: int,
    *,
    backbone: Backbone,
    pixels: PixelNorm,
    task: Task,
    loss: Criterion,
) -> FCN:
    """Puts the heads on any backbone that yields the maps they read.

    Args:
        config: The settings of the heads.
        num_classes: K.
        backbone: Images to maps.
        pixels: The normalisation that the backbone was trained with.
        task: What logits and labels mean.
        loss: What is minimised.

    Returns:
        The segmenter.

    Raises:
        ValueError: The backbone lacks a map.
    """
    return FCN(
        pixels=pixels,
        backbone=backbone,
        head=_HEADS[config.head.name](config.head, backbone.features, num_classes),
        task=task,
        loss=loss,
        aux_head=_aux_head(config, backbone.features, num_classes) if config.aux.weight else None,
        aux_weight=config.aux.weight,
        resize=_RESIZES[config.head.align_corners],
    )


def _backbone(config: ModelConfig, body: Backbone) -> Backbone:
    return add_pyramid(body, config.fpn) if config.head.name == "fpn" else body


def _fpn(config: HeadConfig, features: Mapping[str, FeatureSpec], num_classes: int) -> Head:
    return FPNHead(
        features,
        num_classes=num_classes,
        channels=config.channels,
        norm=make_norm(config.norm),
        dropout=config.dropout,
        resize=_RESIZES[config.align_corners],
    )


def _fcn(config: HeadConfig, features: Mapping[str, FeatureSpec], num_classes: int) -> Head:
    return FCNHead(
        features,
        num_classes=num_classes,
        norm=make_norm(config.norm),
        dilation=config.dilation,
        dropout=config.dropout,
    )


def _concat(config: HeadConfig, features: Mapping[str, FeatureSpec], num_classes: int) -> Head:
    return ConcatHead(
        features,
        num_classes=num_classes,
        norm=make_norm(config.norm),
        dilation=config.dilation,
        dropout=config.dropout,
    )


def _skip(config: HeadConfig, features: Mapping[str, FeatureSpec], num_classes: int) -> Head:
    return SkipHead(features, num_classes=num_classes, levels=config.levels)


def _aux_head(
    config: ModelConfig, features: Mapping[str, FeatureSpec], num_classes: int
) -> FCNHead:
    return FCNHead(
        features,
        num_classes=num_classes,
        level="c4",
        stream=1,
        norm=make_norm(config.head.norm),
        dilation=config.aux.dilation,
    )


_HEADS: Mapping[str, Callable[[HeadConfig, Mapping[str, FeatureSpec], int], Head]] = {
    "fpn": _fpn,
    "fcn": _fcn,
    "concat": _concat,
    "skip": _skip,
}
