"""The second stage's network with convolutions: what a region looks like before its cells lose their places."""

from torch import nn

from backbones.norm import Norm
from detection.box_head import CellsFirst

_CONVS = 4


class FourConvFCHead(nn.Sequential):
    """Four 3x3 convolutions and a fully connected layer, Wu and He 2018 (arXiv:1803.08494), section 4.2.

    Parameter names are torchvision's.
    """

    def __init__(self, channels: int, dim: int, *, size: int, norm: Norm | None = None) -> None:
        """Makes the layers.

        Args:
            channels: Of a pooled region, and of every convolution.
            dim: Width of the fully connected layer.
            size: Cells along each side of a pooled region.
            norm: Makes the norms after the convolutions; without one these have a bias.
        """
        super().__init__(
            *(_conv(channels, norm) for _ in range(_CONVS)),
            CellsFirst(),
            nn.Linear(channels * size**2, dim),
            nn.ReLU(inplace=True),
        )


def _conv(channels: int, norm: Norm | None) -> nn.Sequential:
    conv = nn.Conv2d(channels, channels, 3, padding=1, bias=norm is None)
    nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")
    if norm is None:
        assert conv.bias is not None
        nn.init.zeros_(conv.bias)
        return nn.Sequential(conv, nn.ReLU(inplace=True))
    return nn.Sequential(conv, norm(channels), nn.ReLU(inplace=True))
