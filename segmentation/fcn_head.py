"""torchvision's FCN head, which is also everybody's auxiliary head."""

from collections.abc import Mapping

from torch import Tensor, nn

from backbones.base import FeatureSpec
from backbones.drop import Dropout
from backbones.norm import Norm
from segmentation.heads import Head, conv_norm_relu, predictor


class FCNHead(Head):
    """One 3x3 convolution to a quarter of the channels, and predictions from it.

    Parameter names are torchvision's: 0 the convolution, 1 its norm, 4 the predictions.

    Args:
        features: The maps of the backbone.
        num_classes: K.
        level: The map it reads; an auxiliary head reads c4.
        norm: Makes the norm after the convolution.
        dilation: Of the convolution; 6 in MMSegmentation's D6 networks.
        dropout: Share of the values that are dropped in training.
        stream: Number of its use of the seeds; heads of one model differ in it.
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
        stream: int = 0,
    ) -> None:
        super().__init__(features, [level], num_classes=num_classes)
        channels = features[level].channels
        layers = [
            *conv_norm_relu(channels, channels // 4, norm=norm, dilation=dilation),
            Dropout(dropout, stream),
            predictor(channels // 4, num_classes),
        ]
        for index, layer in enumerate(layers):
            self.add_module(str(index), layer)

    def forward(self, maps: Mapping[str, Tensor], seeds: Tensor | None = None) -> Tensor:
        """Maps (B, C, h, w) of one level to logits (B, K, h, w), dropping by the seeds (B,) if any."""
        (level,) = self.needs
        x = maps[level]
        *hidden, dropout, predict = self.children()
        for layer in hidden:
            x = layer(x)
        logits: Tensor = predict(dropout(x, seeds))
        return logits
