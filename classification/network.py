"""A backbone, the average of its last map, and a linear layer: He et al. 2015 (arXiv:1512.03385), section 3.3."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from backbones.body import Body
from backbones.drop import Dropout
from backbones.pixels import PixelNorm
from classification.batch import LabelTargets
from classification.losses import Criterion
from classification.mixing import Mixing
from lumbar.ops.structures import Images

_STREAM = 32
"""From which dropout draws; mixing has the one before."""


class Classification(NamedTuple):
    """What a batch of images shows."""

    scores: Tensor
    """(B, K) in [0, 1]; they add up to 1 where one class excludes the others."""
    labels: Tensor
    """(B,) int64 class of the highest score."""


class Lesson(NamedTuple):
    """What a training batch has taught."""

    losses: dict[str, Tensor]
    """Scalars by name."""
    error: Tensor
    """Scalar: share of the images whose own class does not have the highest score; no gradient."""


class PooledNetwork(nn.Module):
    """Images to classes, by the features of the last map."""

    fixed_parts = ("pooled",)
    """Compiled for each canvas."""
    free_parts = ()
    """Compiled once for any."""

    def __init__(
        self,
        backbone: Body,
        *,
        pixels: PixelNorm,
        num_classes: int,
        criterion: Criterion,
        mixing: Mixing,
        dropout: float = 0.0,
    ) -> None:
        """Puts a linear layer with random weights on a backbone.

        Args:
            backbone: Its last map is averaged.
            pixels: The normalisation that it expects.
            num_classes: K.
            criterion: What is minimised.
            mixing: Of training images.
            dropout: Share of the averaged features that is dropped in training.
        """
        super().__init__()
        *_, self._map = backbone.features
        self.backbone = backbone
        self.pixels = pixels
        self.dropout = Dropout(dropout, _STREAM)
        self.fc = nn.Linear(backbone.features[self._map].channels, num_classes)
        self.criterion = criterion
        self.mixing = mixing

    def forward(self, images: Images) -> Classification:
        """The same as `predict`, for images (B, C, H, W)."""
        return self.predict(images)

    @torch.no_grad()
    def predict(self, images: Images) -> Classification:
        """Scores the classes of images (B, C, H, W)."""
        scores = self.criterion.scores(self.fc(self.embed(images)))
        return Classification(scores, scores.argmax(1))

    def embed(self, images: Images) -> Tensor:
        """Features (B, D) of images (B, C, H, W): the average of the last map."""
        return self.pooled(self.pixels(images))

    def losses(self, images: Images, targets: LabelTargets) -> dict[str, Tensor]:
        """Losses of a training batch (B, C, H, W), each a scalar."""
        return self.learn(images, targets).losses

    def learn(self, images: Images, targets: LabelTargets) -> Lesson:
        """Losses of a training batch (B, C, H, W), mixed as the settings say, and how it was answered."""
        x, labels = self.pixels(images), targets.labels
        shares = F.one_hot(labels, self.fc.out_features).to(x.dtype)
        if self.training:
            x, shares = self.mixing(x, shares, targets.seeds)
        pooled = self.pooled(x, targets.seeds)
        logits = self.fc(self.dropout(pooled, targets.seeds))
        error = (logits.detach().argmax(1) != labels).to(shares.dtype).mean()
        return Lesson({"loss/class": self.criterion(logits, shares)}, error)

    def pooled(self, x: Tensor, seeds: Tensor | None = None) -> Tensor:
        """Features (B, D) of normalised pixels (B, C, H, W); seeds (B,) for a backbone that draws in training."""
        maps = self.backbone.maps(x, seeds)
        features: Tensor = F.adaptive_avg_pool2d(maps[self._map], 1).flatten(1)
        return features
