"""Names of zoos are told apart, and mean one tensor each."""

import pytest
import torch
from torchvision.models.segmentation import (
    deeplabv3_resnet50,
    fcn_resnet50,
    lraspp_mobilenet_v3_large,
)

from backbones.zoo import Layout, find_layout, our_name
from segmentation.zoo import (
    MMSEGMENTATION_FCN,
    MMSEGMENTATION_FPN,
    PUBLISHED_SEGMENTERS,
    SEGMENTERS,
    SMP,
    TORCHVISION,
)
from tests.segmentation.zoo_networks import SMPFPN, Body, MMSegmentationFCN, MMSegmentationFPN

with torch.device("meta"):
    NAMES = {
        "torchvision": [*fcn_resnet50(weights=None, weights_backbone=None).state_dict()],
        "fcn": [*MMSegmentationFCN(Body("resnet18", deep=True)).state_dict()],
        "fcn b": [*MMSegmentationFCN(Body("resnet18")).state_dict()],
        "fpn": [*MMSegmentationFPN(Body("resnet18", deep=True)).state_dict()],
        "smp": [*SMPFPN(Body("resnet18")).state_dict()],
    }


@pytest.mark.parametrize(
    ("zoo", "layout"),
    [
        ("torchvision", TORCHVISION),
        ("fcn", MMSEGMENTATION_FCN),
        ("fcn b", MMSEGMENTATION_FCN),
        ("fpn", MMSEGMENTATION_FPN),
        ("smp", SMP),
    ],
)
def test_each_layout_is_known_by_its_sign_and_renames_one_to_one(zoo: str, layout: Layout) -> None:
    names = NAMES[zoo]
    assert find_layout(names, SEGMENTERS, "file") is layout
    ours = [our_name(name, layout) for name in names]
    assert len({*ours}) == len(names)
    parts = {name.split(".")[0] for name in ours}
    assert {"backbone", "classifier"} <= parts <= {"backbone", "classifier", "aux_classifier"}


@pytest.mark.parametrize(
    ("layout", "theirs", "ours"),
    [
        (MMSEGMENTATION_FCN, "backbone.stem.3.weight", "backbone.conv1.3.weight"),
        (MMSEGMENTATION_FCN, "backbone.stem.7.running_var", "backbone.bn1.running_var"),
        (MMSEGMENTATION_FCN, "decode_head.conv_cat.bn.bias", "classifier.conv_cat.1.bias"),
        (MMSEGMENTATION_FCN, "auxiliary_head.convs.0.conv.weight", "aux_classifier.0.weight"),
        (MMSEGMENTATION_FPN, "backbone.bn1.weight", "backbone.body.bn1.weight"),
        (MMSEGMENTATION_FPN, "neck.fpn_convs.2.conv.bias", "backbone.fpn.layer_blocks.2.0.bias"),
        (
            MMSEGMENTATION_FPN,
            "decode_head.scale_heads.3.4.bn.weight",
            "classifier.scale_heads.p5.2.1.weight",
        ),
        (SMP, "decoder.p5.weight", "backbone.fpn.inner_blocks.3.0.weight"),
        (SMP, "decoder.p2.skip_conv.bias", "backbone.fpn.inner_blocks.0.0.bias"),
        (
            SMP,
            "decoder.seg_blocks.1.block.0.block.0.weight",
            "classifier.scale_heads.p4.0.0.weight",
        ),
    ],
)
def test_places_are_found(layout: Layout, theirs: str, ours: str) -> None:
    assert our_name(theirs, layout) == ours


def test_other_networks_have_no_such_sign() -> None:
    with torch.device("meta"):
        others = (
            deeplabv3_resnet50(weights=None, weights_backbone=None),
            lraspp_mobilenet_v3_large(weights=None, weights_backbone=None),
        )
    for other in others:
        with pytest.raises(ValueError, match="names of no known layout"):
            find_layout([*other.state_dict()], SEGMENTERS, "file")


def test_names_stand_for_the_files_of_torchvision() -> None:
    files = {name: weights.url.rpartition("/")[2] for name, weights in PUBLISHED_SEGMENTERS.items()}

    assert files == {
        "torchvision/fcn_resnet50": "fcn_resnet50_coco-1167a1af.pth",
        "torchvision/fcn_resnet101": "fcn_resnet101_coco-7ecb50ca.pth",
    }
