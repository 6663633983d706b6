"""The plain head: torchvision's, by name."""

from typing import Any

import pytest
import torch
from torch import nn
from torchvision.models.segmentation.fcn import FCNHead as TorchvisionHead

from backbones.norm import group_norm
from segmentation.fcn_head import FCNHead
from tests.segmentation.head_contract import BODY, check_head, make_maps, spread


@pytest.mark.parametrize("level", ["c4", "c5"])
def test_equals_torchvisions_with_its_weights(level: str) -> None:
    ours = FCNHead(BODY, num_classes=5, level=level).double().eval()
    theirs = TorchvisionHead(BODY[level].channels, 5).double().eval()
    for name, value in theirs.state_dict().items():
        if "running" in name:
            value.uniform_(0.5, 2)
    ours.load_state_dict(theirs.state_dict())
    maps = make_maps(BODY, (65, 97))

    torch.testing.assert_close(ours(maps), theirs(maps[level]), rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    "settings",
    [{}, {"level": "c4"}, {"dilation": 6}, {"norm": group_norm}],
    ids=["main", "auxiliary", "D6", "groups"],
)
def test_contract(settings: dict[str, Any]) -> None:
    check_head(FCNHead(BODY, num_classes=5, **settings))


@pytest.mark.parametrize("dilation", [1, 6])
def test_dilation_spreads_the_kernel(dilation: int) -> None:
    head = spread(FCNHead(BODY, num_classes=3, dilation=dilation)).eval()
    empty = torch.zeros(1, 32, 21, 21)
    impulse = empty.index_fill(2, torch.tensor(10), 1)

    changed = (head({"c5": impulse}) != head({"c5": empty})).any(1).any(0).any(1)

    assert changed.nonzero().flatten().tolist() == [10 - dilation, 10, 10 + dilation]


def test_dropout_drops_single_values_in_training_alone() -> None:
    head = FCNHead(BODY, num_classes=3, dropout=0.5)
    before, seeds = torch.ones(4, 8, 6, 6), torch.arange(4)

    dropped = head.train().get_submodule("3")(before, seeds)

    assert {*dropped.flatten().tolist()} == {0.0, 2.0}
    assert not ({*dropped.mean((2, 3)).flatten().tolist()} & {0.0, 2.0})
    assert torch.equal(head.eval().get_submodule("3")(before, seeds), before)


def test_the_convolution_takes_a_quarter_of_the_channels() -> None:
    head = FCNHead(BODY, num_classes=3)
    conv = head.get_submodule("0")
    assert isinstance(conv, nn.Conv2d)
    assert (conv.in_channels, conv.out_channels) == (32, 8)
