"""Settings reach the parts, and settings that cannot work are refused."""

import math
from functools import partial

import pytest
import torch
from torch import nn

from backbones.base import Backbone, FeatureSpec
from backbones.pixels import PixelNorm
from detection.box_head import TwoFCHead
from detection.build import assemble, build_detector, make_detector
from detection.config import RoIConfig, RPNConfig
from detection.conv_head import FourConvFCHead
from detection.sampler import count_slots, count_valid
from tests.detection.parts import make_images, make_targets, tiny_config, tiny_detector


@pytest.mark.parametrize("norm", ["frozen", "eval"])
def test_fixed_norms_without_weights_are_refused(norm: str) -> None:
    config = tiny_config(backbone={"norm": norm})

    with pytest.raises(
        ValueError, match=rf"model\.backbone\.norm={norm}.*model\.backbone\.weights"
    ):
        build_detector(config, 3)


def test_architecture_alone_needs_no_weights() -> None:
    model = make_detector(tiny_config(backbone={"norm": "frozen"}), 3)

    assert not list(model.backbone.body.bn1.parameters())


def test_without_weights_there_is_no_report() -> None:
    built = build_detector(tiny_config(), 3)

    assert built.report is None
    assert all(parameter.requires_grad for parameter in built.model.parameters())


def test_weights_from_a_file_are_loaded_reported_and_frozen(tmp_path: object) -> None:
    file = f"{tmp_path}/body.pth"
    source = make_detector(tiny_config(), 3).backbone.body
    torch.save(source.state_dict(), file)
    config = tiny_config(backbone={"weights": file, "freeze": ("stem", "layer1")})

    built = build_detector(config, 3)

    assert built.report is not None
    body = built.model.backbone.body
    for name, tensor in body.state_dict().items():
        assert torch.equal(tensor, source.state_dict()[name]), name
    frozen = {n.split(".")[0] for n, p in body.named_parameters() if not p.requires_grad}
    assert frozen == {"conv1", "bn1", "layer1"}


@pytest.mark.parametrize("num_classes", [1, 5])
def test_classes_are_one_more_in_the_logits_than_in_the_boxes(num_classes: int) -> None:
    model = make_detector(tiny_config(), num_classes)

    predictor = model.roi_heads.box_predictor
    assert predictor.cls_score.out_features == num_classes + 1
    assert predictor.bbox_pred.out_features == num_classes * 4
    labels = model.predict(make_images()).labels
    assert labels.max() < num_classes


def test_as_many_anchor_sizes_as_levels() -> None:
    with pytest.raises(ValueError, match=r"model\.anchors\.sizes has 2 entries.* 5 levels"):
        make_detector(tiny_config(anchors={"sizes": (32.0, 64.0)}), 3)


def test_settings_reach_their_own_part() -> None:
    rpn = {
        "convs": 2,
        "fg_iou": 0.8,
        "bg_iou": 0.2,
        "batch": 10,
        "fg_fraction": 0.4,
        "nms_iou": 0.6,
        "low_quality_iou": 0.1,
    }
    roi = {"iou": 0.55, "batch": 12, "fg_fraction": 0.75, "nms_iou": 0.35, "score": 0.1}
    pool = {"pool_size": 5, "sampling_ratio": 1, "candidates": 33, "detections": 11}

    model = make_detector(
        tiny_config(anchors={"ratios": (1.0, 2.0)}, rpn=rpn, roi={**roi, **pool}), 3
    )

    first, second = model.rpn, model.roi_heads
    assert len(first.head.conv) == first.head.cls_logits.out_channels == 2
    matcher = first.matcher
    assert (matcher.fg_iou, matcher.bg_iou, matcher.low_quality_iou) == (0.8, 0.2, 0.1)
    assert (first.sampler.batch, first.sampler.max_positive) == (10, 4)
    assert first.test_selector.nms_iou == first.train_selector.nms_iou == 0.6
    assert (first.train_selector.pre_nms, first.test_selector.pre_nms) == (40, 30)
    assert (first.train_selector.post_nms, first.test_selector.post_nms) == (48, 40)
    matcher = second.matcher
    assert (matcher.fg_iou, matcher.bg_iou, matcher.low_quality_iou) == (0.55, 0.55, math.inf)
    assert (second.sampler.batch, second.sampler.max_positive) == (12, 9)
    assert second.pool.size == 5
    assert isinstance(second.pool.align, partial)
    assert second.pool.align.keywords == {"sampling_ratio": 1, "aligned": True}
    post = second.postprocess
    assert (post.nms_iou, post.score, post.candidates, post.detections) == (0.35, 0.1, 33, 11)
    assert first.sampler.stream != second.sampler.stream


def test_heads_and_divisors_go_by_name() -> None:
    plain = tiny_detector()
    other = tiny_detector(
        rpn={"loss_divisor": "batch"}, roi={"head": "four_conv_fc", "head_norm": "group"}
    )

    assert isinstance(plain.roi_heads.box_head, TwoFCHead)
    assert isinstance(other.roi_heads.box_head, FourConvFCHead)
    assert isinstance(other.roi_heads.box_head[0][1], nn.GroupNorm)
    assert (plain.rpn.divisor, other.rpn.divisor) == (count_valid, count_slots)


def test_norms_of_a_head_without_convolutions_are_refused() -> None:
    with pytest.raises(ValueError, match=r"head_norm batch has no convolutions .*set head to four"):
        RoIConfig(head_norm="batch")


class Shallow(Backbone):
    """A pyramid of two levels, each one convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.features = {"p3": FeatureSpec(8, 8), "p4": FeatureSpec(8, 16)}
        self.fine, self.coarse = nn.Conv2d(3, 8, 8, 8), nn.Conv2d(3, 8, 16, 16)

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"p3": self.fine(x), "p4": self.coarse(x)}


def test_heads_stand_on_any_backbone() -> None:
    config = tiny_config(anchors={"sizes": (16.0, 32.0)})

    model = assemble(config, 3, backbone=Shallow(), pixels=PixelNorm.of_imagenet())

    assert model.predict(make_images()).boxes.shape == (2, 20, 4)
    assert all(loss.isfinite() for loss in model.losses(make_images(), make_targets(2, 3)).values())


def test_one_level_is_no_pyramid() -> None:
    backbone = tiny_detector().backbone
    backbone.features = {"p2": backbone.features["p2"]}

    with pytest.raises(ValueError, match="pyramid of at least 2 levels"):
        assemble(tiny_config(), 3, backbone=backbone, pixels=PixelNorm.of_imagenet())


def test_background_threshold_stays_below_that_of_objects() -> None:
    with pytest.raises(ValueError, match="must not exceed fg_iou"):
        RPNConfig(fg_iou=0.5, bg_iou=0.6)
