"""Gates that weigh the channels of a branch by what they are over the whole image."""

from collections.abc import Callable
from math import log2

from torch import Tensor, nn

Attention = Callable[[int], nn.Module]
"""Makes a module that keeps the shape (B, C, H, W), for so many channels."""


class SqueezeExcite(nn.Module):
    """Two layers from the mean of each channel to its weight, Hu et al. 2017 (arXiv:1709.01507), equation 3."""

    def __init__(self, channels: int, *, ratio: int = 16) -> None:
        super().__init__()
        # Never fewer than 8, as in timm, whose weights this takes.
        self.fc1 = _linear(channels, max(8, channels // ratio))
        self.fc2 = _linear(self.fc1.out_channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """Weighs the channels of x (B, C, H, W)."""
        mean = x.mean((2, 3), keepdim=True)
        weights: Tensor = self.fc2(self.fc1(mean).relu_()).sigmoid()
        return x * weights


class EfficientAttention(nn.Module):
    """One filter along the channels from their means to their weights, Wang et al. 2019 (arXiv:1910.03151), ECA.

    The filter is the longer the more channels there are (equation 12 with gamma 2 and b 1).
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        reach = int((log2(channels) + 1) / 2)
        kernel = max(3, reach + 1 - reach % 2)
        self.conv = nn.Conv1d(1, 1, kernel, padding=kernel // 2, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Weighs the channels of x (B, C, H, W)."""
        means = x.mean((2, 3))[:, None]
        weights: Tensor = self.conv(means).sigmoid()
        return x * weights[:, 0, :, None, None]


def _linear(in_channels: int, out_channels: int) -> nn.Conv2d:
    conv = nn.Conv2d(in_channels, out_channels, 1)
    assert conv.bias is not None
    nn.init.zeros_(conv.bias)
    return conv
