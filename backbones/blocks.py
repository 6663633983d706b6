"""A residual unit as a value: its convolutions, the place of its stride, its shortcut."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor, nn

from backbones.norm import ConvNorm, Norm, conv_norm

Shortcut = Callable[[int, int, int, Norm], nn.Module]
"""Makes the way around the branch, from (input channels, output channels, stride, norm)."""


@dataclass(frozen=True)
class Conv:
    """One convolution of a residual branch; each is followed by a norm."""

    kernel: int
    width: int = 1
    """Output channels per channel of the stage."""


@dataclass(frozen=True)
class Block:
    """The pattern that the units of a network repeat."""

    convs: tuple[Conv, ...]
    stride_at: int
    """Index of the convolution that takes the stride of the stage."""
    shortcut: Shortcut

    @property
    def expansion(self) -> int:
        """Output channels of a unit per channel of its stage."""
        return self.convs[-1].width


def project(in_channels: int, out_channels: int, stride: int, norm: Norm) -> nn.Module:
    """The identity, or a 1x1 projection where the shape changes (arXiv:1512.03385, option B)."""
    if stride == 1 and in_channels == out_channels:
        return nn.Identity()
    conv = nn.Conv2d(in_channels, out_channels, 1, stride, bias=False)
    return ConvNorm(conv, norm(out_channels))


class Unit(nn.Module):
    """relu(shortcut(x) + branch(x)), He et al. 2015 (arXiv:1512.03385), figures 2 and 5.

    Args:
        in_channels: Channels of x.
        width: Of the stage.
        stride: Of the unit.
        block: The pattern of the branch.
        norm: Makes the norm after every convolution.
        dilations: Of the convolutions up to the one that takes the stride, and of those behind it.
    """

    def __init__(
        self,
        in_channels: int,
        *,
        width: int,
        stride: int,
        block: Block,
        norm: Norm,
        dilations: tuple[int, int] = (1, 1),
    ) -> None:
        super().__init__()
        self.num_convs = len(block.convs)
        channels = in_channels
        for index, spec in enumerate(block.convs):
            dilation = dilations[index > block.stride_at]
            conv = nn.Conv2d(
                channels,
                width * spec.width,
                spec.kernel,
                stride=stride if index == block.stride_at else 1,
                padding=dilation * (spec.kernel // 2),
                dilation=dilation,
                bias=False,
            )
            channels = conv.out_channels
            self.add_module(f"conv{index + 1}", conv)
            self.add_module(f"bn{index + 1}", norm(channels))
        self.downsample = block.shortcut(in_channels, channels, stride, norm)

    def forward(self, x: Tensor) -> Tensor:
        """Maps (B, Cin, H, W) to (B, Cout, ceil(H / stride), ceil(W / stride))."""
        branch = x
        for index in range(1, self.num_convs + 1):
            if index > 1:
                branch = branch.relu_()
            branch = conv_norm(branch, getattr(self, f"conv{index}"), getattr(self, f"bn{index}"))
        # In place: neither a convolution nor a norm needs its output in the backward pass.
        return branch.add_(self.downsample(x)).relu_()
