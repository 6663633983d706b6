"""A residual unit against the formula of the paper, written out."""

from typing import Any

import pytest
import torch
from torch import nn

from backbones.blocks import Block, Unit
from backbones.catalogue import BASIC, BOTTLENECK, BOTTLENECK_V1
from backbones.norm import ConvNorm, FrozenNorm
from backbones.shortcuts import project


def unit(block: Block, *, in_channels: int, stride: int) -> Any:
    """A unit of width 4; `Any` because its convolutions have computed names."""
    torch.manual_seed(0)
    return Unit(in_channels, width=4, stride=stride, block=block, norm=nn.BatchNorm2d).double()


def noise(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def test_basic_unit_is_the_formula() -> None:
    u = unit(BASIC, in_channels=4, stride=1).eval()
    x = noise(2, 4, 6, 5)
    branch = u.bn2(u.conv2(u.bn1(u.conv1(x)).clamp(min=0)))
    torch.testing.assert_close(u(x), (x + branch).clamp(min=0))


def test_bottleneck_unit_with_projection_is_the_formula() -> None:
    u = unit(BOTTLENECK, in_channels=6, stride=2).eval()
    x = noise(2, 6, 7, 5)
    branch = u.bn1(u.conv1(x)).clamp(min=0)
    branch = u.bn3(u.conv3(u.bn2(u.conv2(branch)).clamp(min=0)))
    shortcut = u.downsample[1](u.downsample[0](x))
    torch.testing.assert_close(u(x), (shortcut + branch).clamp(min=0))


@pytest.mark.parametrize(("block", "strided"), [(BASIC, 1), (BOTTLENECK, 2), (BOTTLENECK_V1, 1)])
def test_one_convolution_takes_the_stride(block: Block, strided: int) -> None:
    u = unit(block, in_channels=4, stride=2)
    strides = [getattr(u, f"conv{n}").stride[0] for n in range(1, u.num_convs + 1)]
    assert strides == [2 if n == strided else 1 for n in range(1, u.num_convs + 1)]
    assert u(noise(1, 4, 7, 8)).shape == (1, 4 * block.expansion, 4, 4)


@pytest.mark.parametrize(
    ("block", "spread"), [(BASIC, [2, 4]), (BOTTLENECK, [2, 2, 4]), (BOTTLENECK_V1, [2, 4, 4])]
)
def test_convolutions_behind_the_stride_have_the_second_dilation(
    block: Block, spread: list[int]
) -> None:
    u: Any = Unit(4, width=4, stride=1, dilations=(2, 4), block=block, norm=nn.BatchNorm2d)
    convs = [getattr(u, f"conv{n}") for n in range(1, u.num_convs + 1)]
    assert [conv.dilation[0] for conv in convs] == spread
    assert u.double()(noise(1, 4, 7, 8)).shape == (1, 4 * block.expansion, 7, 8)


def test_the_shortcut_projects_only_where_the_shape_changes() -> None:
    assert isinstance(project(8, 8, 1, nn.BatchNorm2d), nn.Identity)
    for channels, stride in ((16, 1), (8, 2)):
        shortcut = project(8, channels, stride, nn.BatchNorm2d)
        assert isinstance(shortcut, ConvNorm)
        assert list(shortcut.state_dict())[:2] == ["0.weight", "1.weight"]


@pytest.mark.parametrize("norm", [nn.BatchNorm2d, FrozenNorm])
def test_working_in_place_keeps_the_input_and_the_gradients(norm: type[nn.Module]) -> None:
    torch.manual_seed(0)
    u = Unit(8, width=2, stride=1, block=BOTTLENECK, norm=norm).double()
    x = noise(2, 8, 5, 5).requires_grad_()
    before = x.detach().clone()
    assert torch.autograd.gradcheck(u, (x,))
    assert torch.equal(x, before)


def test_a_shortcut_is_a_value() -> None:
    block = Block(BASIC.convs, stride_at=0, shortcut=lambda *_: nn.Upsample(scale_factor=0.5))
    u = unit(block, in_channels=4, stride=2)
    assert u(noise(1, 4, 8, 8)).shape == (1, 4, 4, 4)
