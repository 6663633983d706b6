"""The names of all networks, without the networks: a config is checked before torch is there."""

from difflib import get_close_matches
from typing import Literal, get_args

BackboneName = Literal[
    # He et al. 2015 (arXiv:1512.03385), stride in the 3x3
    "resnet18",
    "resnet34",
    "resnet50",
    "resnet101",
    "resnet152",
    "resnet200",
    # the same as the paper has it, stride in the first 1x1
    "resnet50_v1",
    "resnet101_v1",
    "resnet152_v1",
    "resnet200_v1",
    # its other shortcuts, and none
    "resnet18_option_a",
    "resnet18_option_c",
    "plain18",
    "resnet34_option_a",
    "resnet34_option_c",
    "plain34",
    # deep stem, and the D shortcuts (arXiv:1812.01187)
    "resnet18c",
    "resnet18d",
    "resnet34c",
    "resnet34d",
    "resnet50c",
    "resnet50d",
    "resnet101c",
    "resnet101d",
    "resnet152c",
    "resnet152d",
    "resnet200c",
    "resnet200d",
    # He et al. 2016 (arXiv:1603.05027)
    "preresnet18",
    "preresnet34",
    "preresnet50",
    "preresnet101",
    "preresnet152",
    "preresnet200",
    # standardised weights
    "resnet50_ws",
    "preresnet50_ws",
    "resnet101_ws",
    "preresnet101_ws",
    # wide, grouped
    "wide_resnet50_2",
    "wide_resnet101_2",
    "resnext50_32x4d",
    "resnext101_32x8d",
    "resnext101_64x4d",
    # attention, blur
    "ecaresnet50d",
    "ecaresnet101d",
    "seresnet18",
    "seresnet34",
    "seresnet50",
    "seresnet101",
    "seresnet152",
    "resnetblur18",
    "resnetblur50",
    # VGG
    "vgg16",
    "vgg16_bn",
    "vgg19",
    "vgg19_bn",
    # for images of CIFAR
    "cifar_resnet20",
    "cifar_resnet32",
    "cifar_resnet44",
    "cifar_resnet56",
    "cifar_resnet110",
    "cifar_resnet1202",
    "cifar_plain20",
    "cifar_plain32",
    "cifar_plain44",
    "cifar_plain56",
    "cifar_plain110",
    "cifar_resnet20_option_b",
    "cifar_resnet20_option_c",
    "cifar_resnet56_option_b",
    "cifar_resnet56_option_c",
    "cifar_preresnet20",
    "cifar_preresnet56",
    "cifar_preresnet110",
    "cifar_resnet164",
    "cifar_preresnet164",
    "cifar_resnet1001",
    "cifar_preresnet1001",
    "cifar_highway20",
    "cifar_highway32",
    "cifar_highway56",
    "cifar_highway110",
    "cifar_wide_resnet40_4",
    "cifar_wide_resnet28_10",
]
NAMES: tuple[str, ...] = get_args(BackboneName)
TIMM = "timm/"
"""Begins the names of networks that timm builds."""


def known_name(name: str) -> str:
    """The name as it is, if it is one.

    Raises:
        ValueError: There is no such network, with the nearest name.
    """
    if name in NAMES or (name.startswith(TIMM) and name != TIMM):
        return name
    longer = [longer for longer in NAMES if name and longer.startswith(name)]
    near = longer or get_close_matches(name.lower(), NAMES, 1, 0.5)
    hint = f', did you mean "{near[0]}"?' if near else ""
    raise ValueError(
        f'no backbone is called "{name}"{hint} (`python -m backbones` lists all; any network of timm is timm/NAME)'
    )
