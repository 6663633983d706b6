"""Convolutions whose filters have mean 0 and variance 1."""

import torch.nn.functional as F
from torch import Tensor, nn


class StandardisedConv(nn.Conv2d):
    """A convolution with standardised weights, Qiao et al. 2019 (arXiv:1903.10520), for networks with GroupNorm."""

    eps = 1e-8
    """As in Big Transfer (arXiv:1912.11370), whose weights are the known ones."""

    def forward(self, x: Tensor) -> Tensor:
        """Maps (B, Cin, H, W) to (B, Cout, H', W')."""
        out: Tensor = self._conv_forward(x, weight_of(self), self.bias)
        return out


def weight_of(conv: nn.Conv2d) -> Tensor:
    """The weight (Cout, Cin / groups, k, k) that a convolution multiplies with."""
    if not isinstance(conv, StandardisedConv):
        return conv.weight
    rows = conv.weight.reshape(1, conv.out_channels, -1)
    rows = F.batch_norm(rows, None, None, training=True, momentum=0.0, eps=conv.eps)
    return rows.reshape_as(conv.weight)
