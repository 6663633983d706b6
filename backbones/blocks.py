"""A residual unit as a value: its convolutions, the place of its stride, its shortcut, and what joins them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn

from backbones.attention import Attention
from backbones.drop import NO_DROP, Drop, Dropout, DropPath, unit_streams
from backbones.merges import Add, Merge
from backbones.norm import Norm, conv_norm
from backbones.shortcuts import NOT_SPREAD, Convolution, Shortcut


@dataclass(frozen=True)
class Conv:
    """One convolution of a residual branch; each has a norm."""

    kernel: int
    width: int = 1
    """Output channels per channel of the stage."""
    groups: int = 1


@dataclass(frozen=True)
class Block:
    """The pattern that the units of a network repeat."""

    convs: tuple[Conv, ...]
    stride_at: int
    """Index of the convolution that takes the stride of the stage."""
    shortcut: Shortcut
    merge: Merge = Add
    attention: Attention = nn.Identity
    """Stands behind the branch."""
    conv: Convolution = nn.Conv2d
    blur: Callable[[int, int], nn.Module] | None = None
    """Takes the stride in place of its convolution and behind it, from (stride, spread)."""

    @property
    def expansion(self) -> int:
        """Output channels of a unit per channel of its stage."""
        return self.convs[-1].width


class Unit(nn.Module):
    """relu(merge(shortcut(x), branch(x))), He et al. 2015 (arXiv:1512.03385), figures 2 and 5.

    Args:
        in_channels: Channels of x.
        width: Of the stage.
        stride: Of the unit.
        block: The pattern of the branch.
        norm: Makes the norm of every convolution.
        dilations: Of the convolutions up to the one that takes the stride, and of those behind it.
        drop: What is dropped in training where seeds are given.
        number: Of the unit in its network; units draw apart from each other.
    """

    closed: ClassVar[bool] = True
    """Whether it ends with an activation, as its input must."""

    def __init__(
        self,
        in_channels: int,
        *,
        width: int,
        stride: int,
        block: Block,
        norm: Norm,
        dilations: tuple[int, int] = NOT_SPREAD,
        drop: Drop = NO_DROP,
        number: int = 0,
    ) -> None:
        super().__init__()
        self.num_convs = len(block.convs)
        before, behind = dilations
        blurs = block.blur is not None and stride * behind > before
        channels = [in_channels, *(width * spec.width for spec in block.convs)]
        for index, spec in enumerate(block.convs):
            dilation = dilations[index > block.stride_at]
            conv = block.conv(
                channels[index],
                channels[index + 1],
                spec.kernel,
                stride=stride if index == block.stride_at and not blurs else 1,
                padding=dilation * (spec.kernel // 2),
                dilation=dilation,
                groups=spec.groups,
                bias=False,
            )
            self.add_module(f"conv{index + 1}", conv)
            self.add_module(f"bn{index + 1}", norm(channels[index + self.closed]))
        self.se = block.attention(channels[-1])
        self.downsample = block.shortcut(in_channels, channels[-1], stride, norm, dilations)
        self.merge = block.merge(channels[-1])
        self.blur = block.blur(stride, before) if block.blur and blurs else nn.Identity()
        self.blur_before = block.stride_at + 2
        path_stream, inside_stream = unit_streams(number)
        self.drop_path = DropPath(drop.path, path_stream)
        self.dropout = Dropout(drop.inside, inside_stream)

    def forward(self, x: Tensor, seeds: Tensor | None = None) -> Tensor:
        """Maps (B, Cin, H, W) to (B, Cout, ceil(H / stride), ceil(W / stride)), dropping by the seeds (B,) if any."""
        branch = x
        for index in range(1, self.num_convs + 1):
            if index > 1:
                branch = self.between(branch.relu_(), index, seeds)
            branch = conv_norm(branch, getattr(self, f"conv{index}"), getattr(self, f"bn{index}"))
        out: Tensor = self.merge(self.downsample(x), self.weighed(branch, seeds))
        return out.relu_()

    def begin_as_shortcut(self) -> None:
        """Sets the weight of the last norm to zero, so that the branch adds nothing until it has learnt to."""
        nn.init.zeros_(getattr(self, f"bn{self.num_convs}").weight)

    def between(self, branch: Tensor, index: int, seeds: Tensor | None) -> Tensor:
        """The activation (B, C, H, W) before convolution `index`, with what a block may put there; seeds are (B,)."""
        if index == self.blur_before:
            branch = self.blur(branch)
        if index == self.num_convs:
            branch = self.dropout(branch, seeds)
        return branch

    def weighed(self, branch: Tensor, seeds: Tensor | None) -> Tensor:
        """The end of the branch (B, C, H, W): its attention, and whether its images have it; seeds are (B,)."""
        weighed: Tensor = self.drop_path(self.se(branch), seeds)
        return weighed


class PreUnit(Unit):
    """merge(shortcut, branch) without a last activation, He et al. 2016 (arXiv:1603.05027), figure 4 (e).

    Norm and activation come before each convolution. A shortcut that changes the shape starts behind the first of
    them, as in the authors' code; any other is x itself.
    """

    closed: ClassVar[bool] = False

    def forward(self, x: Tensor, seeds: Tensor | None = None) -> Tensor:
        """Maps (B, Cin, H, W) to (B, Cout, ceil(H / stride), ceil(W / stride)), dropping by the seeds (B,) if any."""
        branch = self.get_submodule("bn1")(x).relu_()
        shortcut = x if isinstance(self.downsample, nn.Identity) else self.downsample(branch)
        for index in range(1, self.num_convs):
            # The norm of the next convolution follows this one.
            conv, norm = getattr(self, f"conv{index}"), getattr(self, f"bn{index + 1}")
            branch = self.between(conv_norm(branch, conv, norm).relu_(), index + 1, seeds)
        branch = getattr(self, f"conv{self.num_convs}")(branch)
        out: Tensor = self.merge(shortcut, self.weighed(branch, seeds))
        return out

    def begin_as_shortcut(self) -> None:
        """Sets the last convolution to zero: nothing would learn behind a norm of zero and its ReLU."""
        nn.init.zeros_(getattr(self, f"conv{self.num_convs}").weight)
