"""The ways around a residual branch: identity, padding, projections."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from backbones.norm import ConvNorm, Norm, conv_norm

Shortcut = Callable[..., nn.Module]
"""Makes the way around the branch from input channels, output channels, stride, norm and the dilations of the unit."""
Convolution = Callable[..., nn.Conv2d]
"""Makes a convolution from the arguments of `nn.Conv2d`."""

NOT_SPREAD = (1, 1)
"""Dilations of a unit all of whose strides are taken."""


def no_shortcut(
    in_channels: int, out_channels: int, stride: int, norm: Norm, *_: object
) -> nn.Module:
    """What a merge does not look at."""
    return nn.Identity()


def project(
    in_channels: int,
    out_channels: int,
    stride: int,
    norm: Norm,
    dilations: tuple[int, int] = NOT_SPREAD,
    *,
    conv: Convolution = nn.Conv2d,
) -> nn.Module:
    """The identity, or a 1x1 projection where the shape changes (arXiv:1512.03385, option B)."""
    if stride == 1 and in_channels == out_channels:
        return nn.Identity()
    return ConvNorm(conv(in_channels, out_channels, 1, stride, bias=False), norm(out_channels))


def project_always(
    in_channels: int, out_channels: int, stride: int, norm: Norm, *_: object
) -> nn.Module:
    """A 1x1 projection in every unit (arXiv:1512.03385, option C)."""
    conv = nn.Conv2d(in_channels, out_channels, 1, stride, bias=False)
    return ConvNorm(conv, norm(out_channels))


def project_bare(
    in_channels: int,
    out_channels: int,
    stride: int,
    norm: Norm,
    dilations: tuple[int, int] = NOT_SPREAD,
    *,
    conv: Convolution = nn.Conv2d,
) -> nn.Module:
    """The same as `project` without a norm, for sums that nothing rescales (arXiv:1603.05027)."""
    if stride == 1 and in_channels == out_channels:
        return nn.Identity()
    return nn.Sequential(conv(in_channels, out_channels, 1, stride, bias=False))


def pad(in_channels: int, out_channels: int, stride: int, norm: Norm, *_: object) -> nn.Module:
    """The identity, or a subsampling that pads with channels of zeros (arXiv:1512.03385, option A)."""
    if stride == 1 and in_channels == out_channels:
        return nn.Identity()
    return Pad(out_channels - in_channels, stride)


def pool_and_project(
    in_channels: int,
    out_channels: int,
    stride: int,
    norm: Norm,
    dilations: tuple[int, int] = NOT_SPREAD,
) -> nn.Module:
    """The identity, or an average over the cells of a stride and a projection (arXiv:1812.01187, ResNet-D)."""
    before, behind = dilations
    if stride == 1 and in_channels == out_channels:
        return nn.Identity()
    pool: nn.Module = nn.Identity()
    if stride > 1:
        pool = nn.AvgPool2d(2, stride, ceil_mode=True, count_include_pad=False)
    elif behind > before:
        pool = SpreadAverage(before)
    conv = nn.Conv2d(in_channels, out_channels, 1, bias=False)
    return PoolConvNorm(pool, conv, norm(out_channels))


class Pad(nn.Module):
    """Takes a cell of each stride and appends channels of zeros."""

    def __init__(self, channels: int, stride: int) -> None:
        super().__init__()
        self.channels, self.stride = channels, stride

    def forward(self, x: Tensor) -> Tensor:
        """Maps (B, C, H, W) to (B, C + channels, ceil(H / stride), ceil(W / stride))."""
        x = x[..., :: self.stride, :: self.stride]
        return F.pad(x, (0, 0, 0, 0, 0, self.channels))


class SpreadAverage(nn.Module):
    """For every cell the average over a square of 2x2 cells that lie apart, as far as they exist."""

    def __init__(self, spread: int) -> None:
        super().__init__()
        self.spread = spread

    def forward(self, x: Tensor) -> Tensor:
        """Keeps the shape (B, C, H, W)."""
        for axis in (-1, -2):
            size = x.shape[axis]
            shift = min(self.spread, size)
            # Beyond the border a cell is averaged with itself.
            parts = (x.narrow(axis, shift, size - shift), x.narrow(axis, size - shift, shift))
            x = (x + torch.cat(parts, axis)) / 2
        return x


class PoolConvNorm(nn.Sequential):
    """A pooling, a convolution and its norm, as entries 0 to 2."""

    def __init__(self, pool: nn.Module, conv: nn.Conv2d, norm: nn.Module) -> None:
        super().__init__(pool, conv, norm)

    def forward(self, x: Tensor) -> Tensor:
        """Normalised convolution of the pooled x (B, C, H, W)."""
        pool, conv, norm = self
        assert isinstance(conv, nn.Conv2d)
        return conv_norm(pool(x), conv, norm)
