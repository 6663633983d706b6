"""From the configuration to the detector: the one place where settings become parts."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

from torch import Tensor, nn

from backbones.base import Backbone, FeatureSpec
from backbones.build import build_backbone, make_backbone
from backbones.norm import make_norm
from backbones.pixels import PixelNorm
from backbones.weights import LoadReport
from detection.anchors import Anchors, TorchvisionAnchors
from detection.box_head import BoxPredictor, TwoFCHead
from detection.config import AnchorConfig, ModelConfig, RoIConfig, RPNConfig
from detection.conv_head import FourConvFCHead
from detection.faster_rcnn import FasterRCNN
from detection.matcher import Matcher
from detection.postprocess import Postprocess
from detection.proposals import ProposalSelector
from detection.roi_head import RoIHeads
from detection.roi_pool import Align, RoIPool
from detection.rpn import RPN, RPNHead
from detection.sampler import BalancedSampler, count_slots, count_valid
from lumbar.ops.adaptive_roi_align import adaptive_roi_align
from lumbar.ops.losses import smooth_l1
from lumbar.ops.roi_align import multilevel_roi_align

_RPN_STREAM, _ROI_STREAM = 0, 1
_MIN_LEVELS = 2
_ANCHORS = {"exact": Anchors, "torchvision": TorchvisionAnchors}
_UNIFORM: Mapping[str, Callable[[Tensor], Tensor]] = {
    "detectron2": partial(nn.init.kaiming_uniform_, a=1),
    "mmdet": nn.init.xavier_uniform_,
}
"""How the layers before the predictors start, where not as torch has them."""
_DIVISORS = {"sampled": count_valid, "batch": count_slots}


class BuiltDetector(NamedTuple):
    """A detector ready to train, and what became of the backbone's weights."""

    model: FasterRCNN
    report: LoadReport | None


def build_detector(config: ModelConfig, num_classes: int) -> BuiltDetector:
    """Builds a detector to train, with the backbone's weights loaded and stages frozen.

    Args:
        config: The model's settings.
        num_classes: K, without the background.

    Returns:
        The detector and the report of the backbone's weights, None where it starts from scratch.

    Raises:
        ValueError: If weights are missing or do not fit the settings.
    """
    built = build_backbone(config.backbone, config.fpn)
    model = assemble(config, num_classes, backbone=built.pyramid, pixels=built.pixels)
    return BuiltDetector(model, built.report)


def make_detector(config: ModelConfig, num_classes: int) -> FasterRCNN:
    """Builds the architecture alone, for weights of a whole detector to be loaded into.

    Args:
        config: The model's settings; the backbone's weights are not fetched.
        num_classes: K, without the background.

    Returns:
        A detector with random weights.
    """
    built = make_backbone(config.backbone, config.fpn)
    return assemble(config, num_classes, backbone=built.pyramid, pixels=built.pixels)


def assemble(
    config: ModelConfig, num_classes: int, *, backbone: Backbone, pixels: PixelNorm
) -> FasterRCNN:
    """Puts RPN and region heads on any backbone that yields a pyramid.

    Args:
        config: The settings of RPN and region heads.
        num_classes: K, without the background.
        backbone: Yields one map for each anchor size.
        pixels: The normalisation that the backbone was trained with.

    Returns:
        The detector.

    Raises:
        ValueError: If the backbone is no pyramid.
    """
    channels = {spec.channels for spec in backbone.features.values()}
    if len(backbone.features) < _MIN_LEVELS or len(channels) > 1:
        raise ValueError(
            f"Faster R-CNN needs a pyramid of at least {_MIN_LEVELS} levels of equal width, but the backbone yields "
            f"{dict(backbone.features)}; put a FeaturePyramid on it (backbones/fpn.py)"
        )
    return FasterRCNN(
        pixels=pixels,
        backbone=backbone,
        rpn=_build_rpn(config.rpn, config.anchors, backbone.features),
        roi_heads=_build_roi_heads(config.roi, num_classes, backbone.features),
    )


def _build_rpn(
    config: RPNConfig, anchor_config: AnchorConfig, features: Mapping[str, FeatureSpec]
) -> RPN:
    anchors = _ANCHORS[anchor_config.rule](
        sizes=anchor_config.sizes,
        ratios=anchor_config.ratios,
        strides=[spec.stride for spec in features.values()],
    )
    channels = next(iter(features.values())).channels
    return RPN(
        head=RPNHead(channels, per_cell=anchors.per_cell, convs=config.convs),
        anchors=anchors,
        matcher=Matcher(
            fg_iou=config.fg_iou,
            bg_iou=config.bg_iou,
            low_quality_iou=config.low_quality_iou,
            claims=config.low_quality_claims,
        ),
        sampler=BalancedSampler(
            batch=config.batch, fg_fraction=config.fg_fraction, stream=_RPN_STREAM
        ),
        train_selector=_selector(config, config.train_pre_nms, config.train_post_nms),
        test_selector=_selector(config, config.test_pre_nms, config.test_post_nms),
        box_loss=partial(smooth_l1, beta=config.smooth_l1_beta),
        divisor=_DIVISORS[config.loss_divisor],
    )


def _selector(config: RPNConfig, pre_nms: int, post_nms: int) -> ProposalSelector:
    return ProposalSelector(
        pre_nms=pre_nms, post_nms=post_nms, nms_iou=config.nms_iou, min_size=config.min_size
    )


def _build_roi_heads(
    config: RoIConfig, num_classes: int, features: Mapping[str, FeatureSpec]
) -> RoIHeads:
    pool = RoIPool(features, size=config.pool_size, align=_align(config))
    predictor = BoxPredictor(config.head_dim, num_classes)
    return RoIHeads(
        pool=pool,
        box_head=_box_head(config, pool.channels),
        box_predictor=predictor if config.init == "torchvision" else predictor.init_normal(),
        matcher=Matcher(fg_iou=config.iou, bg_iou=config.iou),
        sampler=BalancedSampler(
            batch=config.batch, fg_fraction=config.fg_fraction, stream=_ROI_STREAM
        ),
        postprocess=Postprocess(
            score=config.score,
            nms_iou=config.nms_iou,
            candidates=config.candidates,
            detections=config.detections,
            min_size=config.min_size,
        ),
        box_loss=partial(smooth_l1, beta=config.smooth_l1_beta),
    )


def _align(config: RoIConfig) -> Align:
    if config.sampling_ratio == 0:
        return partial(adaptive_roi_align, aligned=config.aligned)
    return partial(
        multilevel_roi_align, sampling_ratio=config.sampling_ratio, aligned=config.aligned
    )


def _box_head(config: RoIConfig, channels: int) -> nn.Module:
    head: nn.Module
    if config.head == "two_fc":
        head = TwoFCHead(channels * config.pool_size**2, config.head_dim)
    else:
        norm = None if config.head_norm == "none" else make_norm(config.head_norm)
        head = FourConvFCHead(channels, config.head_dim, size=config.pool_size, norm=norm)
    if config.init in _UNIFORM:
        for layer in (part for part in head.modules() if isinstance(part, nn.Linear)):
            _UNIFORM[config.init](layer.weight)
            nn.init.zeros_(layer.bias)
    return head
