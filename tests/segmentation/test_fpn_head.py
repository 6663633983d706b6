"""The semantic branch on the pyramid against its formula."""

import pytest
import torch
from torch import nn

from backbones.base import FeatureSpec
from segmentation.fpn_head import FPNHead
from tests.segmentation.head_contract import PYRAMID, check_head, make_maps, spread

CONVS = {"p2": 1, "p3": 1, "p4": 2, "p5": 3}


@pytest.mark.parametrize("norm", [None, nn.BatchNorm2d])
def test_it_is_the_formula_where_sizes_halve(norm: type[nn.Module] | None) -> None:
    settings = {} if norm is None else {"norm": norm}
    head = spread(FPNHead(PYRAMID, num_classes=5, channels=32, **settings)).double().eval()
    maps = make_maps(PYRAMID, (64, 96))

    total = torch.zeros(2, 32, 16, 24, dtype=torch.float64)
    for name, convs in CONVS.items():
        x = maps[name]
        for index in range(convs):
            x = head.get_submodule(f"scale_heads.{name}.{index}")(x)
            if name != "p2":
                x = nn.functional.interpolate(x, scale_factor=2, mode="bilinear")
        total += x

    assert {name: len(list(convs.children())) for name, convs in head.scale_heads.items()} == CONVS
    torch.testing.assert_close(head(maps), head.conv_seg(total), rtol=1e-12, atol=1e-12)


def test_groups_are_the_default_norm() -> None:
    norms = [m for m in FPNHead(PYRAMID, num_classes=2).modules() if isinstance(m, nn.GroupNorm)]
    assert [norm.num_groups for norm in norms] == [32] * sum(CONVS.values())


def test_contract() -> None:
    check_head(FPNHead(PYRAMID, num_classes=5, channels=8))


@pytest.mark.parametrize("output_stride", [8, 16])
def test_contract_on_a_dense_body(output_stride: int) -> None:
    features = {name: FeatureSpec(8, min(s.stride, output_stride)) for name, s in PYRAMID.items()}
    check_head(FPNHead(features, num_classes=5, channels=8))


def test_a_constant_image_is_scored_alike_away_from_the_border() -> None:
    """Whatever the sizes, coarse maps are laid over fine ones without seams."""
    head = spread(FPNHead(PYRAMID, num_classes=3, channels=8)).eval()
    maps = {name: torch.ones_like(x).float() for name, x in make_maps(PYRAMID, (509, 509)).items()}

    inside = head(maps)[..., 48:-48, 48:-48]

    torch.testing.assert_close(inside, inside[..., :1, :1].expand_as(inside))
