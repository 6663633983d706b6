"""The head of convolutions is torchvision's with the inputs of its linear layer in another order."""

import pytest
import torch
from torch import nn
from torchvision.models.detection.faster_rcnn import FastRCNNConvFCHead

from backbones.norm import Norm, make_norm
from detection.box_head import cells_first
from detection.conv_head import FourConvFCHead

CHANNELS, SIZE, DIM = 6, 3, 10
norms = pytest.mark.parametrize("norm", [None, make_norm("batch")], ids=["bare", "normed"])


@norms
def test_head_equals_torchvision_with_the_linear_weight_reordered(norm: Norm | None) -> None:
    theirs = FastRCNNConvFCHead((CHANNELS, SIZE, SIZE), [CHANNELS] * 4, [DIM], norm)
    ours = FourConvFCHead(CHANNELS, DIM, size=SIZE, norm=norm)
    state = theirs.state_dict()
    ours.load_state_dict(state | {"5.weight": cells_first(state["5.weight"], CHANNELS)})
    pooled = torch.randn(5, CHANNELS, SIZE, SIZE)

    torch.testing.assert_close(ours(pooled), theirs(pooled))
    torch.testing.assert_close(ours.eval()(pooled), theirs.eval()(pooled))


def test_norms_take_the_place_of_biases() -> None:
    bare, normed = (
        FourConvFCHead(CHANNELS, DIM, size=SIZE, norm=norm) for norm in (None, nn.BatchNorm2d)
    )

    assert [name for name, _ in bare.named_parameters()][:2] == ["0.0.weight", "0.0.bias"]
    assert [name for name, _ in normed.named_parameters()][:2] == ["0.0.weight", "0.1.weight"]


def test_convolutions_start_as_relu_wants_them() -> None:
    head = FourConvFCHead(64, DIM, size=SIZE)

    for conv in (module for module in head.modules() if isinstance(module, nn.Conv2d)):
        assert conv.weight.std().item() == pytest.approx((2 / (9 * 64)) ** 0.5, rel=0.05)
        assert conv.bias.abs().max() == 0
