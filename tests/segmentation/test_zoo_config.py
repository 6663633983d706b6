"""The settings of a converted segmenter are those under which its zoo trained and scored it."""

from functools import cache

import pytest
import torch
import torchvision
from torch import nn

from backbones.files import State, WeightsFile
from lumbar.training.load import config_to_dict
from segmentation.config import SegmentationConfig
from segmentation.zoo_segmenter import translate_segmenter
from tests.segmentation.zoo_networks import (
    SMPFPN,
    Body,
    MMSegmentationFCN,
    MMSegmentationFPN,
    recipe_text,
)


@cache
def state(zoo: str) -> State:
    """Without values: settings are read off names and shapes."""
    with torch.device("meta"):
        networks: dict[str, nn.Module] = {
            "torchvision": torchvision.models.segmentation.fcn_resnet50(
                weights=None, weights_backbone=None, aux_loss=True
            ),
            "without aux": torchvision.models.segmentation.fcn_resnet101(
                weights=None, weights_backbone=None, num_classes=1
            ),
            "fcn": MMSegmentationFCN(Body("resnet50", deep=True)),
            "fpn": MMSegmentationFPN(Body("resnet18"), classes=150),
            "smp": SMPFPN(Body("resnet34"), classes=1),
        }
    return networks[zoo].state_dict()


def config_of(zoo: str, text: str = "") -> SegmentationConfig:
    file = WeightsFile(state(zoo), {"meta": {"config": text}})
    return translate_segmenter(file, "file.pth").config


def changes(config: SegmentationConfig) -> dict[str, object]:
    """The settings that are not the defaults, by their full keys."""

    def leaves(values: object, key: str = "") -> dict[str, object]:
        if not isinstance(values, dict):
            return {key[1:]: values}
        return {k: v for name in values for k, v in leaves(values[name], f"{key}.{name}").items()}

    default = leaves(config_to_dict(SegmentationConfig()))
    return {k: v for k, v in leaves(config_to_dict(config)).items() if v != default[k]}


SCRATCH = {"model.backbone.weights": "none", "model.backbone.freeze": []}
MMSEGMENTATION = {
    **SCRATCH,
    "model.backbone.norm": "sync",
    "model.head.norm": "sync",
    "data.resize.rule": "opencv",
    "data.pad_multiple": 1,
}
TORCHVISION = {
    **SCRATCH,
    "model.backbone.norm": "batch",
    "model.backbone.output_stride": 8,
    "model.head.name": "fcn",
    "model.head.norm": "batch",
    "data.resize.short": 520,
    "data.resize.test_short": 520,
    "data.resize.rule": "pil",
    "data.pad_multiple": 1,
    "scores.at": "resized",
}
D8 = {
    **MMSEGMENTATION,
    "model.backbone.name": "resnet50c",
    "model.backbone.output_stride": 8,
    "model.head.name": "concat",
    "model.aux.weight": 0.4,
}


def test_torchvision() -> None:
    assert changes(config_of("torchvision")) == {**TORCHVISION, "model.aux.weight": 0.5}


def test_one_class_is_a_yes_or_no() -> None:
    assert changes(config_of("without aux")) == {
        **TORCHVISION,
        "task": "multilabel",
        "model.backbone.name": "resnet101",
    }


def test_mmsegmentations_d8_is_taken_for_granted() -> None:
    assert changes(config_of("fcn")) == changes(config_of("fcn", recipe_text())) == D8


def test_mmsegmentations_d6_is_what_the_file_says() -> None:
    """No tensor shows a dilation: the same tensors are another network."""
    text = recipe_text(dilations=(1, 1, 1, 2), dilation=6)
    assert changes(config_of("fcn", text)) == {
        **D8,
        "model.backbone.output_stride": 16,
        "model.head.dilation": 6,
        "model.aux.dilation": 6,
    }


def test_mmsegmentations_769_slides_and_keeps_corners() -> None:
    slide = "test_cfg=dict(mode='slide', crop_size=(769, 769), stride=(513, 513))"
    text = recipe_text(align_corners=True).replace("test_cfg=dict(mode='whole')", slide)
    assert changes(config_of("fcn", text)) == {
        **D8,
        "model.head.align_corners": True,
        "inference.mode": "slide",
        "inference.window": [769, 769],
        "inference.overlap": 0.3329,
        "inference.blend": "flat",
    }


def test_other_shares_are_what_the_file_says() -> None:
    text = recipe_text().replace("dropout_ratio=0.1", "dropout_ratio=0.3")
    text = text.replace("loss_weight=0.4", "loss_weight=0.2")
    assert changes(config_of("fcn", text)) == {
        **D8,
        "model.head.dropout": 0.3,
        "model.aux.weight": 0.2,
    }


def test_mmsegmentations_pyramid() -> None:
    expected = {**MMSEGMENTATION, "model.backbone.name": "resnet18"}
    assert changes(config_of("fpn")) == expected
    text = recipe_text(dilations=(1, 1, 1, 1)).replace("auxiliary_head", "other")
    assert changes(config_of("fpn", text)) == expected


def test_segmentation_models_pytorch() -> None:
    assert changes(config_of("smp")) == {
        **SCRATCH,
        "task": "multilabel",
        "model.backbone.name": "resnet34",
        "model.backbone.norm": "batch",
        "model.head.dropout": 0.2,
        "model.head.align_corners": True,
    }


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("contract_dilation=True", "contract_dilation=False", "contract_dilation False"),
        ("contract_dilation=True", "contract_dilation=True, multi_grid=(1, 2, 4)", "multi_grid"),
        ("strides=(1, 2, 1, 1)", "strides=(1, 1, 1, 1)", r"strides \(1, 1, 1, 1\)"),
        ("strides=(1, 2, 1, 1)", "strides=dict(a=1)", "strides {'a': 1}"),
        ("num_convs=2", "num_convs=2, kernel_size=1", "heads with kernels of"),
    ],
)
def test_what_nothing_here_computes_is_refused(old: str, new: str, problem: str) -> None:
    with pytest.raises(ValueError, match=rf"^file\.pth: .*{problem}"):
        config_of("fcn", recipe_text().replace(old, new))
