"""What a segmentation head is, and the layers that all of them are made of."""

from collections.abc import Callable, Mapping, Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from backbones.base import FeatureSpec
from backbones.norm import Norm

Resize = Callable[[Tensor, Sequence[int]], Tensor]
"""Maps (B, C, h, w) to (B, C, H, W), given H and W."""


class Head(nn.Module):
    """Feature maps to class logits.

    Args:
        features: The maps of the backbone.
        levels: Names of those that the head reads, finest first.
        num_classes: K.

    Raises:
        ValueError: The backbone lacks one of them.
    """

    needs: dict[str, FeatureSpec]
    """The maps that `forward` reads, finest first."""
    output: FeatureSpec
    """K, and the stride of the logits, which is that of the finest map."""

    def __init__(
        self, features: Mapping[str, FeatureSpec], levels: Sequence[str], *, num_classes: int
    ) -> None:
        super().__init__()
        if not set(levels) <= set(features):
            raise ValueError(
                f"{type(self).__name__} reads {', '.join(levels)}, but the backbone has "
                f"{', '.join(features)}; take another head or another backbone"
            )
        self.needs = {name: features[name] for name in levels}
        self.output = FeatureSpec(num_classes, features[levels[0]].stride)

    def forward(self, maps: Mapping[str, Tensor], seeds: Tensor | None = None) -> Tensor:
        """Scores every cell for every class.

        Args:
            maps: At least those of `needs`, each (B, C, h, w).
            seeds: (B,) of the images, by which a head drops in training; None drops nothing.

        Returns:
            (B, K, h, w) logits for the cells of the finest map.
        """
        raise NotImplementedError


def conv_norm_relu(
    in_channels: int, channels: int, *, norm: Norm, dilation: int = 1
) -> nn.Sequential:
    """A 3x3 convolution that keeps the size, its norm and a ReLU, as entries 0 to 2."""
    conv = nn.Conv2d(in_channels, channels, 3, padding=dilation, dilation=dilation, bias=False)
    nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")
    return nn.Sequential(conv, norm(channels), nn.ReLU(inplace=True))


def predictor(in_channels: int, num_classes: int) -> nn.Conv2d:
    """A 1x1 convolution to logits that start near zero: all classes are equally likely."""
    conv = nn.Conv2d(in_channels, num_classes, 1)
    nn.init.normal_(conv.weight, std=0.01)
    assert conv.bias is not None
    nn.init.zeros_(conv.bias)
    return conv


def resize(x: Tensor, size: Sequence[int]) -> Tensor:
    """Interpolates between the centres of cells.

    Args:
        x: (B, C, h, w).
        size: H and W.

    Returns:
        (B, C, H, W).
    """
    return F.interpolate(x, size=list(size), mode="bilinear", align_corners=False)


def resize_corners(x: Tensor, size: Sequence[int]) -> Tensor:
    """Interpolates so that the centres of the outermost cells of x lie over those of the result.

    Args:
        x: (B, C, h, w).
        size: H and W.

    Returns:
        (B, C, H, W).
    """
    return F.interpolate(x, size=list(size), mode="bilinear", align_corners=True)
