"""The head of MMSegmentation against its formula."""

import pytest
import torch
from torch import Tensor, nn

from backbones.catalogue import ARCHS
from backbones.resnet import ResNet
from segmentation.concat_head import ConcatHead
from segmentation.fcn_head import FCNHead
from tests.segmentation.head_contract import BODY, check_head, make_maps, spread


@pytest.mark.parametrize("dilation", [1, 6])
def test_it_is_the_formula(dilation: int) -> None:
    head = spread(ConcatHead(BODY, num_classes=5, dilation=dilation)).double().eval()
    maps = make_maps(BODY, (97, 130))
    x = maps["c5"]

    def layer(y: Tensor, name: str, reach: int) -> Tensor:
        conv, norm = head.get_submodule(f"{name}.0"), head.get_submodule(f"{name}.1")
        out: Tensor = norm(nn.functional.conv2d(y, conv.weight, padding=reach, dilation=reach))
        return out.clamp(min=0)

    hidden = layer(layer(x, "convs.0", dilation), "convs.1", dilation)
    wanted = head.conv_seg(layer(torch.cat([x, hidden], 1), "conv_cat", 1))

    torch.testing.assert_close(head(maps), wanted, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("dilation", [1, 6])
def test_contract(dilation: int) -> None:
    check_head(ConcatHead(BODY, num_classes=5, dilation=dilation))


def test_dropout_drops_whole_channels() -> None:
    head = spread(ConcatHead(BODY, num_classes=3, dropout=0.5)).train()
    before = torch.ones(4, 8, 6, 6)

    means = head.dropout(before, torch.arange(4)).mean((2, 3))

    assert {*means.flatten().tolist()} == {0.0, 2.0}


def test_parameters_of_the_network_that_mmsegmentation_publishes() -> None:
    """FCN-R50 for 19 classes with its auxiliary head: 49.5 million."""
    with torch.device("meta"):
        body = ResNet(ARCHS["resnet50"], output_stride=8)
        head = ConcatHead(body.features, num_classes=19)
        aux = FCNHead(body.features, num_classes=19, level="c4")
    parameters = sum(p.numel() for part in (body, head, aux) for p in part.parameters())
    assert round(parameters / 1e6, 1) == 49.5
