"""MMSegmentation's FCN head, which looks at its input a second time."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from backbones.base import FeatureSpec
from backbones.drop import ChannelDropout
from backbones.norm import Norm
from segmentation.heads import Head, conv_norm_relu, predictor


class ConcatHead(Head):
    """Two 3x3 convolutions to a quarter of the channels, a third over their result beside their input.

    With an output stride of 16 and a dilation of 6 it is the D6 network. Parameter names are MMSegmentation's, except
    that a convolution and its norm are entries 0 and 1: `convs.0.0.weight` for `convs.0.conv.weight`.

    Args:
        features: The maps of the backbone.
        num_classes: K.
        level: The map it reads.
        norm: Makes the norms after the convolutions.
        dilation: Of the first two convolutions.
        dropout: Share of the channels that are dropped in training.
    """

    def __init__(
        self,
        features: Mapping[str, FeatureSpec],
        *,
        num_classes: int,
        level: str = "c5",
        norm: Norm = nn.BatchNorm2d,
        dilation: int = 1,
        dropout: float = 0.1,
    ) -> None:
        super().__init__(features, [level], num_classes=num_classes)
        channels = features[level].channels
        hidden = channels // 4
        self.convs = nn.Sequential(
            conv_norm_relu(channels, hidden, norm=norm, dilation=dilation),
            conv_norm_relu(hidden, hidden, norm=norm, dilation=dilation),
        )
        self.conv_cat = conv_norm_relu(channels + hidden, hidden, norm=norm)
        self.dropout = ChannelDropout(dropout, stream=0)
        self.conv_seg = predictor(hidden, num_classes)

    def forward(self, maps: Mapping[str, Tensor], seeds: Tensor | None = None) -> Tensor:
        """Maps (B, C, h, w) of one level to logits (B, K, h, w), dropping by the seeds (B,) if any."""
        (level,) = self.needs
        x = maps[level]
        hidden = self.conv_cat(torch.cat([x, self.convs(x)], dim=1))
        logits: Tensor = self.conv_seg(self.dropout(hidden, seeds))
        return logits
