"""Residual networks, He et al. 2015 (arXiv:1512.03385), as feature extractors.

Parameter names are torchvision's, without the classifier; those of a deep stem are timm's.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

from torch import Tensor, nn

from backbones.base import FeatureSpec
from backbones.blocks import Block, Unit
from backbones.body import Body
from backbones.drop import NO_DROP, Drop, decayed
from backbones.norm import Norm, conv_norm


@dataclass(frozen=True)
class Arch:
    """A residual network: the units of each stage, which has half the size and twice the width."""

    depths: tuple[int, ...]
    block: Block
    width: int = 64
    """Channels of the stem and of the first stage."""
    stem: tuple[int, ...] = (7,)
    """Kernels of the convolutions before the first stage; all but the last have half of its channels."""
    stride: int = 4
    """Of the stem: 4, half of it by a maximum, or 1 for small images."""
    unit: type[Unit] = Unit


class ResNet(Body):
    """Stem and residual stages; yields c2..c5 at strides 4 to 32, or 4 to a smaller one.

    A network for small images, whose stem keeps their size, yields c0..c2 at strides 1 to 4. Where units do not end
    with an activation, a last norm and ReLU close the last map.

    Stages beyond the output stride are dense: they answer for every cell, and spread their kernels so that each answer
    is still that of the strided network there (Chen et al. 2014, arXiv:1412.7062, section 3.1). The weights are the
    same, and with the stride in the 3x3 so are torchvision's dilations.

    Args:
        arch: What to build.
        in_channels: Channels of the image.
        norm: Makes the norm of every convolution.
        checkpointed: Stages that keep only their input and are computed again in the backward pass.
        output_stride: Stride of the coarsest map: 8, 16 or 32, or less by nature.
        drop: What it drops while it learns, by the seeds of the images.

    Raises:
        ValueError: Another output stride.
    """

    def __init__(
        self,
        arch: Arch,
        *,
        in_channels: int = 3,
        norm: Norm = nn.BatchNorm2d,
        checkpointed: Collection[str] = (),
        output_stride: int = 32,
        drop: Drop = NO_DROP,
    ) -> None:
        names = ("stem", *(f"layer{n}" for n in range(1, len(arch.depths) + 1)))
        super().__init__(names, checkpointed=checkpointed)
        check_output_stride(output_stride)
        self.closed = arch.unit.closed
        self.conv1 = _stem(in_channels, arch=arch, norm=norm)
        self.bn1 = norm(arch.width) if self.closed else nn.Identity()
        self.pool = _pool(arch)
        self.draws = any(drop)
        self.features = {}
        first = arch.stride.bit_length() - 1
        for index in range(len(arch.depths)):
            stage = _stage(arch, index, norm=norm, output_stride=output_stride, drop=drop)
            self.add_module(self.stages[index + 1], stage)
            stride, _ = _stride_and_dilation(arch, index, output_stride)
            self.features[f"c{first + index}"] = FeatureSpec(_channels(arch, index + 1), stride)
        last = _channels(arch, len(arch.depths))
        self.norm = nn.Identity() if self.closed else norm(last)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor, seeds: Tensor | None = None) -> dict[str, Tensor]:
        """Maps (B, C, H, W) to c2..c5, each (B, channels, ceil(H / stride), ceil(W / stride)).

        Args:
            x: (B, C, H, W) float, normalised pixels.
            seeds: (B,) int64 in [0, 2**31), from which is drawn what is dropped in training; None drops nothing.
        """
        x = self.run("stem", x)
        maps = {}
        for name, stage in zip(self.features, self.stages[1:], strict=True):
            maps[name] = x = self.run(stage, x, seeds)
        if not self.closed:
            maps[name] = self.norm(x).relu_()
        return maps

    def stem(self, x: Tensor) -> Tensor:
        """Maps (B, C, H, W) to (B, width, ceil(H / stride), ceil(W / stride)), stride that of the stem."""
        *layers, last = [self.conv1] if isinstance(self.conv1, nn.Conv2d) else self.conv1
        for conv, norm, relu in zip(layers[::3], layers[1::3], layers[2::3], strict=True):
            assert isinstance(conv, nn.Conv2d)
            x = relu(conv_norm(x, conv, norm))
        assert isinstance(last, nn.Conv2d)
        x = conv_norm(x, last, self.bn1)
        highest, blur = self.pool
        # The maximum first: same values and gradients as after the ReLU, on a quarter of the cells.
        x = highest(x)
        out: Tensor = blur(x.relu_() if self.closed else x)
        return out

    def modules_of(self, stage: str) -> Iterator[nn.Module]:
        """The modules that hold the parameters of a stage."""
        if stage == "stem":
            yield from (self.conv1, self.bn1)
        else:
            yield self.get_submodule(stage)
        if stage == self.stages[-1]:
            yield self.norm


class Stage(nn.Sequential):
    """Units one after the other."""

    def forward(self, x: Tensor, seeds: Tensor | None = None) -> Tensor:
        """Maps (B, Cin, H, W) to (B, Cout, ceil(H / stride), ceil(W / stride)), dropping by the seeds (B,) if any."""
        for unit in self:
            x = unit(x, seeds)
        return x


def check_output_stride(output_stride: int) -> None:
    """Refuses what no stage can have.

    Raises:
        ValueError: It is not 8, 16 or 32.
    """
    if output_stride not in (8, 16, 32):
        raise ValueError(f"output_stride={output_stride}: it is 8, 16 or 32")


def _stem(in_channels: int, *, arch: Arch, norm: Norm) -> nn.Conv2d | nn.Sequential:
    """A convolution, or several with norms and ReLUs between them, which timm numbers as here."""
    half, more = arch.width // 2, len(arch.stem) - 1
    widths, strides = [in_channels, *[half] * more, arch.width], [min(2, arch.stride), *[1] * more]
    *inner, last = (
        arch.block.conv(*channels, kernel, stride, kernel // 2, bias=False)
        for channels, kernel, stride in zip(pairwise(widths), arch.stem, strides, strict=True)
    )
    layers = [layer for conv in inner for layer in (conv, norm(half), nn.ReLU(inplace=True))]
    return nn.Sequential(*layers, last) if layers else last


def _pool(arch: Arch) -> nn.Sequential:
    """A maximum and what subsamples it, if it does not do so itself."""
    if arch.stride == 1:
        return nn.Sequential(nn.Identity(), nn.Identity())
    if arch.block.blur is None:
        return nn.Sequential(nn.MaxPool2d(3, 2, 1), nn.Identity())
    return nn.Sequential(nn.MaxPool2d(3, 1, 1), arch.block.blur(2, 1))


def _channels(arch: Arch, stages: int) -> int:
    """Behind so many stages."""
    return (arch.width << (stages - 1)) * arch.block.expansion if stages else arch.width


def _stage(arch: Arch, index: int, *, norm: Norm, output_stride: int, drop: Drop) -> Stage:
    before, dilation_before = _stride_and_dilation(arch, max(0, index - 1), output_stride)
    stride, dilation = _stride_and_dilation(arch, index, output_stride)
    done, num_units = sum(arch.depths[:index]), sum(arch.depths)
    unit = partial(arch.unit, width=arch.width << index, block=arch.block, norm=norm)
    firsts = [(stride // before, (dilation_before, dilation))]
    rest = [(1, (dilation, dilation))] * (arch.depths[index] - 1)
    return Stage(
        *(
            unit(
                _channels(arch, index + (place > 0)),
                stride=step,
                dilations=dilations,
                drop=decayed(drop, done + place, num_units),
                number=done + place,
            )
            for place, (step, dilations) in enumerate(firsts + rest)
        )
    )


def _stride_and_dilation(arch: Arch, index: int, output_stride: int) -> tuple[int, int]:
    """Of a stage: strides that it no longer takes become dilation."""
    full = arch.stride << index
    stride = min(full, output_stride)
    return stride, full // stride
