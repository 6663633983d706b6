"""Filters of mean 0 and variance 1."""

import torch
import torch.nn.functional as F
from torch import nn

from backbones.norm import FrozenNorm, conv_norm
from backbones.standardised import StandardisedConv, weight_of
from tests.contracts import pixels


def test_filters_have_mean_0_and_variance_1() -> None:
    torch.manual_seed(0)
    conv = StandardisedConv(6, 8, 3, groups=2).double()
    rows = weight_of(conv).flatten(1)
    torch.testing.assert_close(rows.mean(1), torch.zeros_like(rows[:, 0]))
    torch.testing.assert_close(
        rows.var(1, correction=0), torch.ones_like(rows[:, 0]), rtol=1e-5, atol=0
    )


def test_scale_and_shift_of_a_filter_change_nothing() -> None:
    torch.manual_seed(0)
    conv, x = StandardisedConv(3, 4, 3, 2, 1).double(), pixels(2, 3, 9, 9)
    before = conv(x)
    assert torch.equal(before, F.conv2d(x, weight_of(conv), conv.bias, 2, 1))
    with torch.no_grad():
        conv.weight.mul_(7).add_(1)
    torch.testing.assert_close(conv(x), before, rtol=1e-5, atol=1e-5)


def test_other_convolutions_are_left_alone() -> None:
    conv = nn.Conv2d(3, 4, 3)
    assert weight_of(conv) is conv.weight


def test_a_frozen_norm_folds_into_the_standardised_weight() -> None:
    torch.manual_seed(0)
    conv, norm = StandardisedConv(3, 4, 3, padding=1, bias=False).double(), FrozenNorm(4).double()
    for value in norm.buffers():
        value.uniform_(0.5, 2)
    x = pixels(1, 3, 8, 8)
    torch.testing.assert_close(conv_norm(x, conv, norm), norm(conv(x)), rtol=1e-12, atol=1e-12)
