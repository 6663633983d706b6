"""The settings of a converted detector are those that its zoo trained it under."""

from typing import Any

import pytest
import torch

from backbones.files import State, WeightsFile
from detection.config import DetectionConfig
from detection.presets import PRESETS
from detection.zoo_detector import translate_detector
from lumbar.training.load import config_from_dict
from tests.detection.zoo_files import (
    as_detectron2,
    as_mmdetection,
    old_torchvision_name,
    small_detector,
    small_detector_v2,
)


@pytest.fixture(scope="module")
def frozen() -> State:
    return small_detector(4)


@pytest.fixture(scope="module")
def trained() -> State:
    return small_detector(4, torch.nn.BatchNorm2d)


@pytest.fixture(scope="module")
def second() -> State:
    return small_detector_v2(4)


def config_of(state: State, **notes: object) -> DetectionConfig:
    return translate_detector(WeightsFile(state, notes), "file.pth").config


def with_preset(name: str, **backbone: Any) -> DetectionConfig:
    """The preset, on the small network."""
    config = config_from_dict(DetectionConfig, {"preset": name, **PRESETS[name]})
    small = {"name": "resnet18", "weights": "none", **backbone}
    body = config.model.backbone.model_copy(update=small)
    return config.model_copy(update={"model": config.model.model_copy(update={"backbone": body})})


def test_torchvision_first_version(frozen: State, trained: State) -> None:
    assert config_of(frozen) == with_preset("torchvision")
    assert config_of(trained) == with_preset("torchvision", norm="batch")


def test_published_frozen_norms_have_no_epsilon(frozen: State, trained: State) -> None:
    old = {old_torchvision_name(name): value for name, value in frozen.items()}
    published = WeightsFile(frozen, {}), "torchvision/fasterrcnn_resnet50_fpn"
    counted = WeightsFile(trained, {}), "torchvision/fasterrcnn_resnet50_fpn"

    assert config_of(old) == with_preset("torchvision", norm_eps=0.0)
    assert translate_detector(*published).config == config_of(old)
    assert translate_detector(*counted).config.model.backbone.norm_eps == 1e-5


def test_torchvision_second_version(second: State) -> None:
    assert config_of(second) == with_preset("torchvision_v2")


def test_detectron2(frozen: State, trained: State, second: State) -> None:
    assert config_of(as_detectron2(frozen)) == with_preset("detectron2")
    assert config_of(as_detectron2(trained)) == with_preset("detectron2", norm="batch")
    deep = config_of(as_detectron2(second, is_deep=True)).model
    assert deep.rpn == with_preset("detectron2").model.rpn.model_copy(update={"convs": 2})
    assert (deep.fpn.norm, deep.roi.head, deep.roi.head_norm) == ("batch", "four_conv_fc", "batch")


def test_mmdetection(trained: State) -> None:
    caffe = {"config": "backbone=dict(style='caffe')"}

    assert config_of(as_mmdetection(trained)) == with_preset("mmdet")
    assert config_of(as_mmdetection(trained), meta=caffe) == with_preset("mmdet", norm="frozen")


def test_widths_are_read_off_the_shapes(frozen: State) -> None:
    narrow = {
        "roi_heads.box_head.fc6.weight": torch.ones(64, 256 * 49),
        "roi_heads.box_head.fc6.bias": torch.ones(64),
        "roi_heads.box_head.fc7.weight": torch.ones(64, 64),
        "roi_heads.box_head.fc7.bias": torch.ones(64),
        "roi_heads.box_predictor.cls_score.weight": torch.ones(4, 64),
        "roi_heads.box_predictor.bbox_pred.weight": torch.ones(16, 64),
    }

    assert config_of(frozen | narrow).model.roi.head_dim == 64


def test_norms_without_statistics_are_group_norms(second: State) -> None:
    statistics = ("running_mean", "running_var", "num_batches_tracked")

    model = config_of({n: v for n, v in second.items() if not n.endswith(statistics)}).model

    assert (model.backbone.norm, model.fpn.norm, model.roi.head_norm) == ("group",) * 3
