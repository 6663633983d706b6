"""The semantic branch on a feature pyramid, Kirillov et al. 2019 (arXiv:1901.02446), section 3.1."""

from collections.abc import Mapping
from functools import reduce
from itertools import pairwise, zip_longest

from torch import Tensor, nn

from backbones.base import FeatureSpec
from backbones.drop import ChannelDropout
from backbones.norm import Norm, group_norm
from segmentation.heads import Head, Resize, conv_norm_relu, predictor, resize

_LEVELS = ("p2", "p3", "p4", "p5")


class FPNHead(Head):
    """Brings p2..p5 to the size of p2, doubling it after each 3x3 convolution, and predicts from their sum.

    A map is enlarged to the size of the next finer one, so that sizes need not halve evenly; where they do, it is
    MMSegmentation's head. `scale_heads.p4.1` is the second convolution over p4 with its norm, `conv_seg` predicts.

    Args:
        features: The maps of the backbone.
        num_classes: K.
        channels: Channels of the sum.
        norm: Makes the norms after the convolutions.
        dropout: Share of the channels that are dropped in training.
        resize: Enlarges a map.
    """

    def __init__(
        self,
        features: Mapping[str, FeatureSpec],
        *,
        num_classes: int,
        channels: int = 128,
        norm: Norm = group_norm,
        dropout: float = 0.1,
        resize: Resize = resize,
    ) -> None:
        super().__init__(features, _LEVELS, num_classes=num_classes)
        self.resize = resize
        self.finer: dict[str, list[str]] = {}
        self.scale_heads = nn.ModuleDict()
        for name, (width, stride) in self.needs.items():
            self.finer[name] = [
                other for other in reversed(_LEVELS) if features[other].stride < stride
            ]
            widths = [width, *[channels] * max(1, len(self.finer[name]))]
            self.scale_heads[name] = nn.Sequential(
                *(conv_norm_relu(*pair, norm=norm) for pair in pairwise(widths))
            )
        self.dropout = ChannelDropout(dropout, stream=0)
        self.conv_seg = predictor(channels, num_classes)

    def forward(self, maps: Mapping[str, Tensor], seeds: Tensor | None = None) -> Tensor:
        """Maps p2..p5, (B, C, h, w) each, to logits (B, K, h, w) in the size of p2; seeds are (B,)."""
        # The coarsest first: what was enlarged may be added to in place, what left a ReLU may not.
        total = reduce(Tensor.add_, (self._enlarged(name, maps) for name in reversed(_LEVELS)))
        logits: Tensor = self.conv_seg(self.dropout(total, seeds))
        return logits

    def _enlarged(self, name: str, maps: Mapping[str, Tensor]) -> Tensor:
        x = maps[name]
        for conv, finer in zip_longest(self.scale_heads[name].children(), self.finer[name]):
            x = conv(x)
            if finer is not None:
                x = self.resize(x, maps[finer].shape[-2:])
        return x
