"""Subsampling behind a low-pass filter."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Blur(nn.Module):
    """Averages each cell with its neighbours before it is skipped or not, Zhang 2019 (arXiv:1904.11486), filter of 3.

    Args:
        stride: Of the subsampling.
        spread: Cells from one tap of the filter to the next: more than 1 where an earlier stride was not taken.
    """

    def __init__(self, stride: int, spread: int = 1) -> None:
        super().__init__()
        self.stride, self.spread = stride, spread

    def forward(self, x: Tensor) -> Tensor:
        """Maps (B, C, H, W) to (B, C, ceil(H / stride), ceil(W / stride)); at the border it sees the map mirrored."""
        channels = x.shape[1]
        # Made here: a buffer outside of the state dict stays empty where a network is built on `meta` and then loaded.
        row = torch.cat([x.new_full((1,), value) for value in (0.25, 0.5, 0.25)])
        taps = (row[:, None] * row).expand(channels, 1, -1, -1)
        x = F.pad(x, (self.spread,) * 4, mode="reflect")
        return F.conv2d(x, taps, stride=self.stride, dilation=self.spread, groups=channels)

    def extra_repr(self) -> str:
        """Stride and spread."""
        return f"stride={self.stride}, spread={self.spread}"
