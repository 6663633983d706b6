"""The tables hold the names that the zoos use, which are written down a second time beside these tests."""

import pytest
import torch
import torchvision

from backbones.zoo import BODIES, CAFFE2, DETECTRON2, MMPRETRAIN, TORCHVISION, find_layout, our_name
from tests.backbones.zoo_files import Rename, caffe2_name, detectron2_name

WRITERS = [
    (TORCHVISION, lambda name: name),
    (MMPRETRAIN, lambda name: f"{'head' if name.startswith('fc') else 'backbone'}.{name}"),
    (DETECTRON2, detectron2_name),
    (CAFFE2, caffe2_name),
]


@pytest.fixture(scope="module")
def names() -> list[str]:
    """torchvision's, of a network with bottlenecks and one without."""
    with torch.device("meta"):
        networks = (torchvision.models.resnet18(), torchvision.models.resnet50())
    state = networks[0].state_dict() | networks[1].state_dict()
    return [name for name in state if "num_batches" not in name]


@pytest.mark.parametrize(("layout", "write"), WRITERS)
def test_every_name_of_a_zoo_becomes_ours(layout: object, write: Rename, names: list[str]) -> None:
    assert layout in BODIES
    inside = [name for name in names if not name.startswith("fc.")]
    theirs = [write(name) for name in names]

    assert [our_name(write(name), find_layout(theirs, BODIES, "file")) for name in inside] == inside
    assert find_layout(theirs, BODIES, "file") is layout


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("res_conv1_bn_riv", "bn1.running_var"),
        ("conv1_b", "conv1.bias"),
        ("res5_2_branch2c_w", "layer4.2.conv3.weight"),
        ("res3_0_branch1_bn_s", "layer2.0.downsample.1.weight"),
        ("res4_22_branch2a_bn_b", "layer3.22.bn1.bias"),
        ("res4_22_branch2b_bn_rm", "layer3.22.bn2.running_mean"),
    ],
)
def test_names_of_caffe2(theirs: str, ours: str) -> None:
    assert our_name(theirs, CAFFE2) == ours


def test_an_unknown_layout_is_answered_with_the_known_ones() -> None:
    names = ["classifier.0.weight", "low.weight"]

    with pytest.raises(ValueError, match=r"^fcn\.pth: names of no known layout") as error:
        find_layout(names, BODIES, "fcn.pth")

    assert "(classifier.0.weight, low.weight)" in str(error.value)
    for layout in BODIES:
        assert f"{layout.zoo}, with {layout.sign}" in str(error.value)
