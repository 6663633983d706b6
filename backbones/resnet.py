"""Residual networks, He et al. 2015 (arXiv:1512.03385), as feature extractors.

Parameter names are torchvision's, without the classifier; those of a deep stem are timm's.
"""

from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from backbones.base import Backbone, FeatureSpec
from backbones.blocks import Block, Unit
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


class ResNet(Backbone):
    """Stem and residual stages; yields c2..c5 at strides 4 to 32, or 4 to a smaller one.

    Stages beyond the output stride are dense: they answer for every cell, and spread their kernels so that each answer
    is still that of the strided network there (Chen et al. 2014, arXiv:1412.7062, section 3.1). The weights are the
    same, and with the stride in the 3x3 so are torchvision's dilations.

    Args:
        arch: What to build.
        in_channels: Channels of the image.
        norm: Makes the norm after every convolution.
        checkpointed: Stages that keep only their input and are computed again in the backward pass.
        output_stride: Stride of the coarsest map: 8, 16 or 32.

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
    ) -> None:
        super().__init__()
        if output_stride not in (8, 16, 32):
            raise ValueError(f"output_stride={output_stride}: it is 8, 16 or 32")
        self.conv1 = _stem(in_channels, arch=arch, norm=norm)
        self.bn1 = norm(arch.width)
        self.stages = ("stem", *(f"layer{n}" for n in range(1, len(arch.depths) + 1)))
        self.checkpointed = frozenset(checkpointed)
        self.frozen: frozenset[str] = frozenset()
        self.features = {}
        channels = arch.width
        for index in range(len(arch.depths)):
            stage = _stage(channels, arch=arch, index=index, norm=norm, output_stride=output_stride)
            channels = (arch.width << index) * arch.block.expansion
            self.add_module(self.stages[index + 1], stage)
            stride, _ = _stride_and_dilation(index, output_stride)
            self.features[f"c{index + 2}"] = FeatureSpec(channels, stride)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Maps (B, C, H, W) to c2..c5, each (B, channels, ceil(H / stride), ceil(W / stride))."""
        x = self._run("stem", x)
        maps = {}
        for name, stage in zip(self.features, self.stages[1:], strict=True):
            maps[name] = x = self._run(stage, x)
        return maps

    def stem(self, x: Tensor) -> Tensor:
        """Maps (B, C, H, W) to (B, width, ceil(H / 4), ceil(W / 4))."""
        *layers, last = [self.conv1] if isinstance(self.conv1, nn.Conv2d) else self.conv1
        for conv, norm, relu in zip(layers[::3], layers[1::3], layers[2::3], strict=True):
            assert isinstance(conv, nn.Conv2d)
            x = relu(conv_norm(x, conv, norm))
        assert isinstance(last, nn.Conv2d)
        x = conv_norm(x, last, self.bn1)
        # The maximum first: same values and gradients as after the ReLU, on a quarter of the cells.
        return F.max_pool2d(x, 3, 2, 1).relu_()

    def freeze(self, stages: Collection[str]) -> None:
        """Stops the training of these stages; their batch norms use running statistics in any mode.

        Raises:
            ValueError: A name that is no stage.
        """
        unknown = sorted(set(stages) - set(self.stages))
        if unknown:
            raise ValueError(
                f"no such stage: {', '.join(unknown)}; the stages are {', '.join(self.stages)}"
            )
        self.frozen = self.frozen.union(stages)
        for module in self._modules_of(stages):
            module.requires_grad_(requires_grad=False)
        self.train(self.training)

    def train(self, mode: bool = True) -> Self:  # noqa: FBT001, FBT002 - as in nn.Module
        """Sets the mode of all stages that are not frozen; those stay in evaluation."""
        super().train(mode)
        for module in self._modules_of(self.frozen):
            module.eval()
        return self

    def _modules_of(self, stages: Collection[str]) -> Iterator[nn.Module]:
        for stage in stages:
            yield from (self.conv1, self.bn1) if stage == "stem" else (self.get_submodule(stage),)

    def _run(self, stage: str, x: Tensor) -> Tensor:
        run: Callable[[Tensor], Tensor] = getattr(self, stage)
        if stage not in self.checkpointed or not torch.is_grad_enabled():
            return run(x)
        recompute = partial(checkpoint, use_reentrant=False)
        # A compiler works on functions without side effects: what it recomputes updates nothing.
        if not torch.compiler.is_compiling():
            modules = list(self._modules_of([stage]))
            recompute = partial(recompute, context_fn=partial(_contexts, modules))
        out: Tensor = recompute(run, x)
        return out


def _stem(in_channels: int, *, arch: Arch, norm: Norm) -> nn.Conv2d | nn.Sequential:
    """A convolution, or several with norms and ReLUs between them, which timm numbers as here."""
    half, more = arch.width // 2, len(arch.stem) - 1
    widths, strides = [in_channels, *[half] * more, arch.width], [2, *[1] * more]
    *inner, last = (
        nn.Conv2d(*channels, kernel, stride, kernel // 2, bias=False)
        for channels, kernel, stride in zip(pairwise(widths), arch.stem, strides, strict=True)
    )
    layers = [layer for conv in inner for layer in (conv, norm(half), nn.ReLU(inplace=True))]
    return nn.Sequential(*layers, last) if layers else last


def _stage(
    in_channels: int, *, arch: Arch, index: int, norm: Norm, output_stride: int
) -> nn.Sequential:
    before, dilation_before = _stride_and_dilation(max(0, index - 1), output_stride)
    stride, dilation = _stride_and_dilation(index, output_stride)
    width = arch.width << index
    unit = partial(Unit, width=width, block=arch.block, norm=norm)
    first = unit(in_channels, stride=stride // before, dilations=(dilation_before, dilation))
    return nn.Sequential(
        first,
        *(
            unit(width * arch.block.expansion, stride=1, dilations=(dilation, dilation))
            for _ in range(1, arch.depths[index])
        ),
    )


def _stride_and_dilation(index: int, output_stride: int) -> tuple[int, int]:
    """Of a stage: strides that it no longer takes become dilation."""
    full = 4 << index
    stride = min(full, output_stride)
    return stride, full // stride


def _contexts(
    modules: list[nn.Module],
) -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
    return nullcontext(), _buffers_kept(modules)


@contextmanager
def _buffers_kept(modules: list[nn.Module]) -> Iterator[None]:
    # For recomputation: the running statistics took this batch in the first pass already.
    buffers = [buffer for module in modules for buffer in module.buffers()]
    values = [buffer.clone() for buffer in buffers]
    try:
        yield
    finally:
        for buffer, value in zip(buffers, values, strict=True):
            buffer.copy_(value)
