"""The residual networks that have names."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from backbones.attention import EfficientAttention, SqueezeExcite
from backbones.blocks import Block, Conv, PreUnit
from backbones.blur import Blur
from backbones.merges import Highway, Plain
from backbones.resnet import Arch
from backbones.shortcuts import (
    no_shortcut,
    pad,
    pool_and_project,
    project,
    project_always,
    project_bare,
)
from backbones.standardised import StandardisedConv

BASIC = Block((Conv(3), Conv(3)), stride_at=0, shortcut=project)
BOTTLENECK = Block((Conv(1), Conv(3), Conv(1, width=4)), stride_at=1, shortcut=project)
"""With the stride in the 3x3, as torchvision's weights want it."""
BOTTLENECK_V1 = replace(BOTTLENECK, stride_at=0)
"""With the stride in the first 1x1, as the paper and the weights of its authors have it."""

DEEP_STEM = (3, 3, 3)
"""In place of a kernel of 7: Inception's, taken over by He et al. 2018 (arXiv:1812.01187) for their ResNet-C."""

DEPTHS = {
    18: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
    200: (3, 24, 36, 3),
}
"""Table 1 of He et al. 2015 (arXiv:1512.03385), and 200 of He et al. 2016 (arXiv:1603.05027)."""


def original(depth: int) -> Block:
    """The unit of a network of this depth."""
    return BASIC if depth < 50 else BOTTLENECK


def preactivated(block: Block) -> Block:
    """The pattern for `PreUnit`, whose sums are not normalised."""
    return replace(block, shortcut=project_bare)


def plain(block: Block) -> Block:
    """The same without shortcuts."""
    return replace(block, merge=Plain, shortcut=no_shortcut)


def tweaked(block: Block) -> Block:
    """ResNet-D: its shortcuts look at every cell (arXiv:1812.01187, figure 2c)."""
    return replace(block, shortcut=pool_and_project)


def standardised(block: Block) -> Block:
    """The same with standardised weights, for GroupNorm."""
    shortcut = partial(block.shortcut, conv=StandardisedConv)
    return replace(block, conv=StandardisedConv, shortcut=shortcut)


def wider(inner: int, groups: int = 1) -> Block:
    """Bottlenecks whose convolutions but the last are wider, or wider and in groups (arXiv:1611.05431, ResNeXt)."""
    return replace(BOTTLENECK, convs=(Conv(1, inner), Conv(3, inner, groups), Conv(1, 4)))


def small(depth: int, block: Block) -> Arch:
    """A network for images of CIFAR, three stages of width 16 to 64 (arXiv:1512.03385, section 4.2).

    Args:
        depth: Layers, the first and the classifier included.
        block: Its unit.
    """
    units = (depth - 2) // (3 * len(block.convs))
    return Arch((units,) * 3, block, width=16, stem=(3,), stride=1)


def small_pre(depth: int, block: Block) -> Arch:
    """The same of units that begin with norm and activation."""
    return replace(small(depth, block), unit=PreUnit)


def small_wide(depth: int, factor: int) -> Arch:
    """A wide residual network, Zagoruyko and Komodakis 2016 (arXiv:1605.07146), table 1."""
    block = replace(preactivated(BASIC), convs=(Conv(3, factor), Conv(3, factor)))
    # Its authors count the projections of three units where others count the classifier and the first layer.
    return small_pre(depth - 2, block)


def _large() -> Iterator[tuple[str, Arch]]:
    for depth, depths in DEPTHS.items():
        block = original(depth)
        yield f"resnet{depth}", Arch(depths, block)
        if depth >= 50:
            yield f"resnet{depth}_v1", Arch(depths, BOTTLENECK_V1)
        yield f"resnet{depth}c", Arch(depths, block, stem=DEEP_STEM)
        yield f"resnet{depth}d", Arch(depths, tweaked(block), stem=DEEP_STEM)
        yield f"preresnet{depth}", Arch(depths, preactivated(block), unit=PreUnit)
    for depth in (18, 34):
        yield f"resnet{depth}_option_a", Arch(DEPTHS[depth], replace(BASIC, shortcut=pad))
        yield (
            f"resnet{depth}_option_c",
            Arch(DEPTHS[depth], replace(BASIC, shortcut=project_always)),
        )
        yield f"plain{depth}", Arch(DEPTHS[depth], plain(BASIC))
    for depth in (50, 101):
        yield f"wide_resnet{depth}_2", Arch(DEPTHS[depth], wider(2))
        block = standardised(BOTTLENECK)
        yield f"resnet{depth}_ws", Arch(DEPTHS[depth], block)
        block = standardised(preactivated(BOTTLENECK))
        yield f"preresnet{depth}_ws", Arch(DEPTHS[depth], block, unit=PreUnit)
        block = replace(tweaked(BOTTLENECK), attention=EfficientAttention)
        yield f"ecaresnet{depth}d", Arch(DEPTHS[depth], block, stem=DEEP_STEM)
    for depth in (18, 34, 50, 101, 152):
        block = replace(original(depth), attention=SqueezeExcite)
        yield f"seresnet{depth}", Arch(DEPTHS[depth], block)
    for depth in (18, 50):
        yield f"resnetblur{depth}", Arch(DEPTHS[depth], replace(original(depth), blur=Blur))
    yield "resnext50_32x4d", Arch(DEPTHS[50], wider(2, groups=32))
    yield "resnext101_32x8d", Arch(DEPTHS[101], wider(4, groups=32))
    yield "resnext101_64x4d", Arch(DEPTHS[101], wider(4, groups=64))


def _small() -> Iterator[tuple[str, Arch]]:
    option_a = replace(BASIC, shortcut=pad)
    highway = Block((Conv(3),), stride_at=0, shortcut=pad, merge=Highway)
    for depth in (20, 32, 44, 56, 110, 1202):
        yield f"cifar_resnet{depth}", small(depth, option_a)
    for depth in (20, 32, 44, 56, 110):
        yield f"cifar_plain{depth}", small(depth, plain(BASIC))
    for depth in (20, 56):
        yield f"cifar_resnet{depth}_option_b", small(depth, BASIC)
        block = replace(BASIC, shortcut=project_always)
        yield f"cifar_resnet{depth}_option_c", small(depth, block)
    for depth in (20, 56, 110):
        yield f"cifar_preresnet{depth}", small_pre(depth, option_a)
    for depth in (164, 1001):
        yield f"cifar_resnet{depth}", small(depth, BOTTLENECK)
        yield f"cifar_preresnet{depth}", small_pre(depth, preactivated(BOTTLENECK))
    for depth in (20, 32, 56, 110):
        yield f"cifar_highway{depth}", small(depth, highway)
    yield "cifar_wide_resnet40_4", small_wide(40, 4)
    yield "cifar_wide_resnet28_10", small_wide(28, 10)


ARCHS: dict[str, Arch] = {**dict(_large()), **dict(_small())}
"""`_v1` moves the stride to the first 1x1; `c` has the deep stem, `d` its shortcuts, too; `_ws` standardises."""
