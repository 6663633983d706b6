"""Exact counts of the paper's networks, and the names that the settings offer."""

from typing import get_args

import pytest
import torch
import torchvision
from torch.utils.flop_counter import FlopCounterMode

from backbones.catalogue import ARCHS
from backbones.config import BackboneName
from backbones.resnet import ResNet

CLASSES = 1000
COUNTS = {
    "resnet18": (11_689_512, 1_814_073_344),
    "resnet34": (21_797_672, 3_663_761_408),
    "resnet50": (25_557_032, 4_089_184_256),
    "resnet101": (44_549_160, 7_801_405_440),
    "resnet152": (60_192_808, 11_513_626_624),
    "resnet50_v1": (25_557_032, 3_857_973_248),
    "resnet101_v1": (44_549_160, 7_570_194_432),
    "resnet152_v1": (60_192_808, 11_282_415_616),
    "resnet18c": (11_708_744, 2_053_713_920),
    "resnet50c": (25_576_264, 4_328_824_832),
    "resnet101c": (44_568_392, 8_041_046_016),
}
"""Parameters and multiply-adds at 224 x 224, with the classifier over 1000 classes."""


def on_meta(name: str) -> ResNet:
    with torch.device("meta"):
        return ResNet(ARCHS[name])


def test_every_name_of_the_settings_is_a_network() -> None:
    assert set(ARCHS) == set(get_args(BackboneName)) == set(COUNTS)


@pytest.mark.parametrize("name", COUNTS)
def test_parameters_and_multiply_adds(name: str) -> None:
    net = on_meta(name)
    classifier = net.features["c5"].channels * CLASSES
    counter = FlopCounterMode(display=False)
    with counter:
        net(torch.zeros(1, 3, 224, 224, device="meta"))
    parameters = sum(p.numel() for p in net.parameters())
    assert parameters + classifier + CLASSES == COUNTS[name][0]
    assert counter.get_total_flops() // 2 + classifier == COUNTS[name][1]


@pytest.mark.parametrize("name", [name for name in COUNTS if not name.endswith(("_v1", "c"))])
def test_names_and_shapes_are_torchvisions(name: str) -> None:
    with torch.device("meta"):
        theirs = torchvision.models.get_model(name).state_dict()
    ours = on_meta(name).state_dict()
    wanted = {key: value.shape for key, value in theirs.items() if not key.startswith("fc.")}
    assert {key: value.shape for key, value in ours.items()} == wanted
    assert list(ours) == list(wanted)
