"""Exact counts of the papers' networks, whose names they are, and what every one of them owes."""

from itertools import pairwise

import pytest
import torch
import torchvision
from torch import nn

from backbones.catalogue import ARCHS
from backbones.cost import classifier_cost, cost
from backbones.names import NAMES
from backbones.network import make_network
from backbones.norm import FrozenNorm
from backbones.vgg import VGGS
from tests.backbones.thin import KINDS, SMALL_KINDS

COUNTS = {
    "resnet18": (11_689_512, 1_814_073_344),
    "resnet34": (21_797_672, 3_663_761_408),
    "resnet50": (25_557_032, 4_089_184_256),
    "resnet101": (44_549_160, 7_801_405_440),
    "resnet152": (60_192_808, 11_513_626_624),
    "resnet200": (64_673_832, 15_007_481_856),
    "resnet50_v1": (25_557_032, 3_857_973_248),
    "resnet101_v1": (44_549_160, 7_570_194_432),
    "resnet152_v1": (60_192_808, 11_282_415_616),
    "resnet200_v1": (64_673_832, 14_776_270_848),
    "resnet18c": (11_708_744, 2_053_713_920),
    "resnet34c": (21_816_904, 3_903_401_984),
    "resnet50c": (25_576_264, 4_328_824_832),
    "resnet101c": (44_568_392, 8_041_046_016),
    "resnet152c": (60_212_040, 11_753_267_200),
    "resnet200c": (64_693_064, 15_247_122_432),
    "resnet18d": (11_708_744, 2_053_713_920),
    "resnet34d": (21_816_904, 3_903_401_984),
    "resnet50d": (25_576_264, 4_328_824_832),
    "resnet101d": (44_568_392, 8_041_046_016),
    "resnet152d": (60_212_040, 11_753_267_200),
    "resnet200d": (64_693_064, 15_247_122_432),
    "plain18": (11_515_688, 1_794_805_760),
    "plain34": (21_623_848, 3_644_493_824),
    "resnet18_option_a": (11_515_688, 1_794_805_760),
    "resnet34_option_a": (21_623_848, 3_644_493_824),
    "resnet18_option_c": (12_043_816, 1_878_298_624),
    "resnet34_option_c": (22_716_840, 3_830_747_136),
    "preresnet18": (11_687_720, 1_814_073_344),
    "preresnet34": (21_795_880, 3_663_761_408),
    "preresnet50": (25_549_352, 4_089_184_256),
    "preresnet101": (44_541_480, 7_801_405_440),
    "preresnet152": (60_185_128, 11_513_626_624),
    "preresnet200": (64_666_152, 15_007_481_856),
    "resnet50_ws": (25_557_032, 4_089_184_256),
    "resnet101_ws": (44_549_160, 7_801_405_440),
    "preresnet50_ws": (25_549_352, 4_089_184_256),
    "preresnet101_ws": (44_541_480, 7_801_405_440),
    "wide_resnet50_2": (68_883_240, 11_398_021_120),
    "wide_resnet101_2": (126_886_696, 22_753_050_624),
    "resnext50_32x4d": (25_028_904, 4_230_479_872),
    "resnext101_32x8d": (88_791_336, 16_414_015_488),
    "resnext101_64x4d": (83_455_272, 15_460_270_080),
    "seresnet18": (11_779_624, 1_814_161_408),
    "seresnet34": (21_960_416, 3_663_920_128),
    "seresnet50": (28_088_024, 4_091_699_200),
    "seresnet101": (49_326_872, 7_806_148_608),
    "seresnet152": (66_821_848, 11_520_204_800),
    "ecaresnet50d": (25_576_350, 4_328_824_832),
    "ecaresnet101d": (44_568_563, 8_041_046_016),
    "resnetblur18": (11_689_512, 2_334_298_112),
    "resnetblur50": (25_557_032, 5_129_633_792),
}
"""Parameters and multiply-adds at 224 x 224, with the classifier over 1000 classes."""
SMALL_COUNTS = {
    "cifar_resnet20": (269_722, 40_551_040),
    "cifar_resnet32": (464_154, 68_862_592),
    "cifar_resnet44": (658_586, 97_174_144),
    "cifar_resnet56": (853_018, 125_485_696),
    "cifar_resnet110": (1_727_962, 252_887_680),
    "cifar_resnet1202": (19_421_274, 2_829_238_912),
    "cifar_plain20": (269_722, 40_551_040),
    "cifar_plain32": (464_154, 68_862_592),
    "cifar_plain44": (658_586, 97_174_144),
    "cifar_plain56": (853_018, 125_485_696),
    "cifar_plain110": (1_727_962, 252_887_680),
    "cifar_resnet164": (1_704_154, 247_646_720),
    "cifar_resnet1001": (10_328_602, 1_490_995_712),
    "cifar_resnet20_option_b": (272_474, 40_813_184),
    "cifar_resnet20_option_c": (283_962, 42_648_192),
    "cifar_resnet56_option_b": (855_770, 125_747_840),
    "cifar_resnet56_option_c": (900_858, 132_301_440),
    "cifar_preresnet20": (269_722, 40_551_040),
    "cifar_preresnet56": (853_018, 125_485_696),
    "cifar_preresnet110": (1_727_962, 252_887_680),
    "cifar_preresnet164": (1_703_258, 247_646_720),
    "cifar_preresnet1001": (10_327_706, 1_490_995_712),
    "cifar_highway20": (560_698, 83_018_368),
    "cifar_highway32": (949_114, 139_641_472),
    "cifar_highway56": (1_725_946, 252_887_680),
    "cifar_highway110": (3_473_818, 507_691_648),
    "cifar_wide_resnet40_4": (8_949_210, 1_298_582_016),
    "cifar_wide_resnet28_10": (36_479_194, 5_243_328_768),
}
"""The same at 32 x 32, with 10 classes."""
THOUSAND_LAYERS = ("cifar_resnet1202", "cifar_resnet1001", "cifar_preresnet1001")
"""They differ from others in their number of units alone, and take seconds."""
VGG_COUNTS = {
    "vgg16": (138_357_544, 15_470_264_320),
    "vgg16_bn": (138_365_992, 15_470_264_320),
    "vgg19": (143_667_240, 19_632_062_464),
    "vgg19_bn": (143_678_248, 19_632_062_464),
}
"""The same at 224 x 224, with the three layers of their classifier."""


def test_every_name_of_the_settings_is_a_network() -> None:
    assert {*ARCHS, *VGGS} == {*NAMES} == {*COUNTS, *SMALL_COUNTS, *VGG_COUNTS}
    assert len(ARCHS) + len(VGGS) == len(NAMES)


@pytest.mark.parametrize(
    "name",
    [
        *COUNTS,
        *(name for name in SMALL_COUNTS if name not in THOUSAND_LAYERS),
        *(pytest.param(name, marks=pytest.mark.slow) for name in THOUSAND_LAYERS),
    ],
)
def test_parameters_and_multiply_adds(name: str) -> None:
    size, classes = (32, 10) if name in SMALL_COUNTS else (224, 1000)
    with torch.device("meta"):
        net = make_network(name)
    pairs = zip(cost(net, size), classifier_cost(net, classes), strict=True)
    assert tuple(map(sum, pairs)) == (COUNTS | SMALL_COUNTS)[name]


@pytest.mark.parametrize("name", VGG_COUNTS)
def test_parameters_and_multiply_adds_of_vgg(name: str) -> None:
    layers = (512 * 7 * 7, 4096, 4096, 1000)
    products = sum(inputs * outputs for inputs, outputs in pairwise(layers))
    with torch.device("meta"):
        body = cost(make_network(name), 224)
    found = (body.parameters + products + sum(layers[1:]), body.multiply_adds + products)
    assert found == VGG_COUNTS[name]


@pytest.mark.parametrize(
    "name", [name for name in ARCHS if name in torchvision.models.list_models()]
)
def test_names_and_shapes_are_torchvisions(name: str) -> None:
    with torch.device("meta"):
        theirs = torchvision.models.get_model(name).state_dict()
        ours = make_network(name).state_dict()
    wanted = {key: value.shape for key, value in theirs.items() if not key.startswith("fc.")}
    assert {key: value.shape for key, value in ours.items()} == wanted
    assert list(ours) == list(wanted)


def test_the_depth_of_a_small_network_is_its_layers_with_weights() -> None:
    for depth in (20, 56, 110, 164):
        name = f"cifar_resnet{depth}"
        with torch.device("meta"):
            net = make_network(name)
        convs = [m for n, m in net.named_modules() if isinstance(m, nn.Conv2d) if "down" not in n]
        assert len(convs) + 1 == depth


@pytest.mark.parametrize("name", ["cifar_resnet20", "cifar_preresnet164", "cifar_highway20"])
def test_small_networks_keep_the_size_in_their_first_stage(name: str) -> None:
    with torch.device("meta"):
        net = make_network(name)
        maps = net(torch.zeros(1, 3, 32, 32))
    assert {key: y.shape[-1] for key, y in maps.items()} == {"c0": 32, "c1": 16, "c2": 8}
    assert net.stages == ("stem", "layer1", "layer2", "layer3")


@pytest.mark.parametrize("name", [*KINDS, *SMALL_KINDS, *VGGS])
def test_frozen_norms_fit_everywhere(name: str) -> None:
    """So that they fold: no kind of network normalises in a way of its own."""
    with torch.device("meta"):
        net = make_network(name, norm=FrozenNorm)
        net(torch.zeros(1, 3, 32, 32))
    assert not [m for m in net.modules() if isinstance(m, nn.BatchNorm2d)]
