"""Feature pyramid networks, Lin et al. 2017 (arXiv:1612.03144).

Parameter names are torchvision's.
"""

from collections.abc import Callable, Mapping
from functools import partial
from itertools import pairwise

import torch.nn.functional as F
from torch import Tensor, nn

from backbones.base import Backbone, FeatureSpec
from backbones.norm import Norm

Init = Callable[[Tensor], Tensor]
_kaiming: Init = partial(nn.init.kaiming_uniform_, a=1)


class FeaturePyramid(nn.Module):
    """Turns c2..c5 into p2..p5 of equal width, and p6 at half the size of p5.

    Args:
        specs: The maps it stands on, finest first, each at half the size of the one before.
        channels: Channels of every level.
        norm: Makes the norms after the convolutions; without one these have a bias.
        init: Fills the weight (O, C, k, k) of a convolution.

    Raises:
        ValueError: The maps do not halve.
    """

    def __init__(
        self,
        specs: Mapping[str, FeatureSpec],
        *,
        channels: int = 256,
        norm: Norm | None = None,
        init: Init = _kaiming,
    ) -> None:
        super().__init__()
        strides = [spec.stride for spec in specs.values()]
        if any(coarse != 2 * fine for fine, coarse in pairwise(strides)):
            raise ValueError(
                f"a pyramid stands on maps that halve, but they have strides {strides}; "
                "set model.backbone.output_stride=32"
            )
        conv = partial(_conv, channels=channels, norm=norm, init=init)
        self.inner_blocks = nn.ModuleList(conv(spec.channels, kernel=1) for spec in specs.values())
        self.layer_blocks = nn.ModuleList(conv(channels, kernel=3) for _ in specs)
        first = min(int(name.removeprefix("c")) for name in specs)
        self.features = {
            f"p{first + index}": FeatureSpec(channels, stride)
            for index, stride in enumerate([*strides, 2 * strides[-1]])
        }

    def forward(self, maps: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Adds coarse to fine.

        Args:
            maps: As `specs` says, finest first, each (B, C, H, W).

        Returns:
            The levels of `features`, finest first, each (B, channels, H, W).
        """
        laterals = [conv(x) for conv, x in zip(self.inner_blocks, maps.values(), strict=True)]
        for fine, coarse in zip(laterals[-2::-1], laterals[:0:-1], strict=True):
            fine.add_(F.interpolate(coarse, size=fine.shape[-2:], mode="nearest"))
        levels = [conv(x) for conv, x in zip(self.layer_blocks, laterals, strict=True)]
        levels.append(F.max_pool2d(levels[-1], kernel_size=1, stride=2))
        return dict(zip(self.features, levels, strict=True))


class PyramidBackbone(Backbone):
    """A backbone with a feature pyramid on it."""

    def __init__(self, body: Backbone, fpn: FeaturePyramid) -> None:
        super().__init__()
        self.body = body
        self.fpn = fpn
        self.features = fpn.features
        self.draws = body.draws

    def forward(self, x: Tensor, seeds: Tensor | None = None) -> dict[str, Tensor]:
        """Maps (B, C, H, W) to p2..p6, each (B, channels, ceil(H / stride), ceil(W / stride)).

        Args:
            x: (B, C, H, W) float, normalised pixels.
            seeds: (B,) int64 for a body that draws at random while it learns; None draws nothing.
        """
        levels: dict[str, Tensor] = self.fpn(self.body.maps(x, seeds))
        return levels


def _conv(
    in_channels: int, channels: int, *, kernel: int, norm: Norm | None, init: Init
) -> nn.Sequential:
    conv = nn.Conv2d(in_channels, channels, kernel, padding=kernel // 2, bias=norm is None)
    init(conv.weight)
    if conv.bias is not None:
        nn.init.zeros_(conv.bias)
    return nn.Sequential(conv) if norm is None else nn.Sequential(conv, norm(channels))
