"""The head of the first FCN, which joins coarse and fine scores: Long et al. 2015 (arXiv:1411.4038), section 4."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from backbones.base import FeatureSpec
from segmentation.heads import Head


class SkipHead(Head):
    """Scores coarse maps, and refines their enlarged scores by those of finer maps.

    c3, c4 and c5 make the FCN-8s, c4 and c5 the FCN-16s, c5 alone the FCN-32s. As in the paper all scores start at
    zero, and what enlarges them starts as bilinear interpolation and learns; the last step to the size of the image is
    the model's. `scores.c4` scores c4, `doubling.c5` doubles what came from c5.

    Args:
        features: The maps of the backbone.
        num_classes: K.
        levels: The maps it reads, finest first, each at half the size of the one before.

    Raises:
        ValueError: The backbone lacks a level, or two have other than half the size.
    """

    def __init__(
        self,
        features: Mapping[str, FeatureSpec],
        *,
        num_classes: int,
        levels: Sequence[str] = ("c3", "c4", "c5"),
    ) -> None:
        super().__init__(features, levels, num_classes=num_classes)
        _check_halving(self.needs)
        self.scores = nn.ModuleDict(
            {
                name: _zero(nn.Conv2d(spec.channels, num_classes, 1))
                for name, spec in self.needs.items()
            }
        )
        self.doubling = nn.ModuleDict({name: Doubling(num_classes) for name in levels[1:]})

    def forward(self, maps: Mapping[str, Tensor], seeds: Tensor | None = None) -> Tensor:
        """Maps those of `needs`, (B, C, h, w) each, to logits (B, K, h, w) in the size of the finest.

        Nothing is dropped, whatever the seeds (B,).
        """
        coarsest, *_ = reversed(self.needs)
        total: Tensor = self.scores[coarsest](maps[coarsest])
        for coarse, fine in pairwise(reversed(self.needs)):
            scores = self.scores[fine](maps[fine])
            total = scores.add_(self.doubling[coarse](total, scores.shape[-2:]))
        return total


class Doubling(nn.Module):
    """Doubles the size of scores by a transposed convolution that starts as bilinear interpolation."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        shares = torch.tensor([0.25, 0.75, 0.75, 0.25])
        self.weight = nn.Parameter(torch.eye(channels)[:, :, None, None] * shares * shares[:, None])

    def forward(self, x: Tensor, size: Sequence[int]) -> Tensor:
        """Enlarges.

        Args:
            x: (B, C, h, w).
            size: H and W, each twice as large, or one less where the finer map has an odd side.

        Returns:
            (B, C, H, W).
        """
        # Beyond the border lies what lies at it; the zeros of a convolution would fade the scores there.
        x = F.pad(x, (1, 1, 1, 1), mode="replicate")
        height, width = size
        return F.conv_transpose2d(x, self.weight, stride=2, padding=3)[..., :height, :width]


def _check_halving(needs: Mapping[str, FeatureSpec]) -> None:
    for (fine, spec), (coarse, other) in pairwise(needs.items()):
        if other.stride != 2 * spec.stride:
            raise ValueError(
                f"the skip head doubles {coarse} to the size of {fine}, but they have strides "
                f"{other.stride} and {spec.stride}; set output_stride=32"
            )


def _zero(conv: nn.Conv2d) -> nn.Conv2d:
    nn.init.zeros_(conv.weight)
    assert conv.bias is not None
    nn.init.zeros_(conv.bias)
    return conv
