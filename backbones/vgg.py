"""VGG, Simonyan and Zisserman 2014 (arXiv:1409.1556), as a feature extractor: the residual networks' predecessor."""

from collections.abc import Collection
from dataclasses import dataclass
from itertools import pairwise

import torch.nn.functional as F
from torch import Tensor, nn

from backbones.base import FeatureSpec
from backbones.body import Body
from backbones.norm import Norm, conv_norm
from backbones.resnet import check_output_stride

_WIDTHS = (1, 2, 4, 8, 8)
"""Of the five stages, in multiples of the first one's."""
_STEM = 2
"""Stages in front of the first map."""


@dataclass(frozen=True)
class VGGArch:
    """The convolutions of each of the five stages, and whether they have norms."""

    depths: tuple[int, ...]
    normed: bool = False
    width: int = 64
    """Channels of the first stage."""


VGGS: dict[str, VGGArch] = {
    "vgg16": VGGArch((2, 2, 3, 3, 3)),
    "vgg16_bn": VGGArch((2, 2, 3, 3, 3), normed=True),
    "vgg19": VGGArch((2, 2, 4, 4, 4)),
    "vgg19_bn": VGGArch((2, 2, 4, 4, 4), normed=True),
}
"""Table 1, configurations D and E; `_bn` has a norm behind each convolution."""


class VGG(Body):
    """Five stages of 3x3 convolutions with a maximum behind each; yields c2..c5.

    c2, c3 and c4 are the last maps of strides 4, 8 and 16, before their maxima; c5 is the last maximum. The first two
    stages are the stem. Sizes are rounded up, where the original rounds down. Beyond the output stride the maxima and
    convolutions spread, as in `ResNet`.

    Args:
        arch: What to build.
        in_channels: Channels of the image.
        norm: Makes the norms where there are any.
        checkpointed: Stages that keep only their input and are computed again in the backward pass.
        output_stride: Stride of the coarsest map: 8, 16 or 32.

    Raises:
        ValueError: Another output stride.
    """

    def __init__(
        self,
        arch: VGGArch,
        *,
        in_channels: int = 3,
        norm: Norm = nn.BatchNorm2d,
        checkpointed: Collection[str] = (),
        output_stride: int = 32,
    ) -> None:
        super().__init__(("stem", "layer1", "layer2", "layer3"), checkpointed=checkpointed)
        check_output_stride(output_stride)
        norm = norm if arch.normed else nn.Identity
        sizes = [_stride_and_spread(1 << index, output_stride) for index in range(len(_WIDTHS) + 1)]
        widths = [arch.width * multiple for multiple in _WIDTHS]
        pools = [nn.Identity(), *(Maximum(*pair) for pair in pairwise(sizes))]
        stages = [
            VGGStage(channels, width, depth=depth, norm=norm, pool=pool, spread=spread)
            for (channels, width), depth, pool, (_, spread) in zip(
                pairwise((in_channels, *widths)), arch.depths, pools[:-1], sizes[:-1], strict=True
            )
        ]
        self.stem = nn.Sequential(*stages[:_STEM])
        self.layer1, self.layer2, self.layer3 = stages[_STEM:]
        self.last = pools[-1]
        channels_of = (*widths[_STEM:], widths[-1])
        self.features = {
            f"c{number}": FeatureSpec(channels, stride)
            for number, (channels, (stride, _)) in enumerate(
                zip(channels_of, sizes[_STEM:], strict=True), _STEM
            )
        }
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
                assert module.bias is not None
                nn.init.zeros_(module.bias)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Maps (B, C, H, W) to c2..c5, each (B, channels, ceil(H / stride), ceil(W / stride))."""
        x = self.run("stem", x)
        maps = {}
        for name, stage in zip(("c2", "c3", "c4"), self.stages[1:], strict=True):
            maps[name] = x = self.run(stage, x)
        return maps | {"c5": self.last(x)}


class VGGStage(nn.Module):
    """A maximum of the stage before, and convolutions with norms, as far as there are any, and ReLUs.

    Args:
        in_channels: Of the stage before.
        channels: Of this one.
        depth: How many convolutions.
        norm: Makes their norms.
        pool: Reduces the stage before.
        spread: Dilation of the convolutions.
    """

    def __init__(
        self,
        in_channels: int,
        channels: int,
        *,
        depth: int,
        norm: Norm,
        pool: nn.Module,
        spread: int,
    ) -> None:
        super().__init__()
        self.pool, self.depth = pool, depth
        for number in range(1, depth + 1):
            conv = nn.Conv2d(in_channels, channels, 3, padding=spread, dilation=spread)
            self.add_module(f"conv{number}", conv)
            self.add_module(f"bn{number}", norm(channels))
            in_channels = channels

    def forward(self, x: Tensor) -> Tensor:
        """Maps (B, Cin, H, W) to (B, Cout, H', W')."""
        x = self.pool(x)
        for number in range(1, self.depth + 1):
            conv, norm = getattr(self, f"conv{number}"), getattr(self, f"bn{number}")
            x = conv_norm(x, conv, norm).relu_()
        return x


class Maximum(nn.Module):
    """The highest of 2x2 cells, from one stride and spread to the next; at the border of those that exist."""

    def __init__(self, before: tuple[int, int], behind: tuple[int, int]) -> None:
        super().__init__()
        self.stride, self.spread = behind[0] // before[0], before[1]

    def forward(self, x: Tensor) -> Tensor:
        """Maps (B, C, H, W), at least 0, to (B, C, ceil(H / stride), ceil(W / stride))."""
        if self.stride > 1:
            return F.max_pool2d(x, 2, self.stride, ceil_mode=True)
        # No map is below 0, so that a border of zeros is never the highest.
        x = F.pad(x, (0, self.spread, 0, self.spread))
        return F.max_pool2d(x, 2, 1, dilation=self.spread)


def _stride_and_spread(full: int, output_stride: int) -> tuple[int, int]:
    stride = min(full, output_stride)
    return stride, full // stride
