"""The second stage's network: two fully connected layers, then classes and boxes.

M regions, C channels, K classes and the background, which is class K.
"""

import torch.nn.functional as F
from torch import Tensor, nn


class CellsFirst(nn.Module):
    """Flattens a region by cell, then channel, which is how it lies in memory.

    The zoos flatten by channel, then cell; `cells_first` turns the weight that follows into ours.
    """

    def forward(self, pooled: Tensor) -> Tensor:
        """Maps (M, C, size, size) to (M, size * size * C)."""
        return pooled.permute(0, 2, 3, 1).flatten(1)


class TwoFCHead(nn.Module):
    """Two fully connected layers over the flattened region (Ren et al. 2015)."""

    def __init__(self, in_features: int, dim: int) -> None:
        """Makes the layers.

        Args:
            in_features: Channels times cells of a pooled region.
            dim: Width of both layers.
        """
        super().__init__()
        self.flatten = CellsFirst()
        self.fc6 = nn.Linear(in_features, dim)
        self.fc7 = nn.Linear(dim, dim)
        self.out_features = dim

    def forward(self, pooled: Tensor) -> Tensor:
        """Describes each region.

        Args:
            pooled: (M, C, size, size).

        Returns:
            (M, dim).
        """
        return F.relu(self.fc7(F.relu(self.fc6(self.flatten(pooled)))))


class BoxPredictor(nn.Module):
    """Class logits and a box for each class."""

    def __init__(self, in_features: int, num_classes: int) -> None:
        """Makes the two layers, initialised as linear layers are.

        Args:
            in_features: Width of the region's description.
            num_classes: K, without the background.
        """
        super().__init__()
        self.num_classes = num_classes
        self.cls_score = nn.Linear(in_features, num_classes + 1)
        self.bbox_pred = nn.Linear(in_features, num_classes * 4)

    def init_normal(self) -> "BoxPredictor":
        """Starts from N(0, 0.01) and N(0, 0.001) with zero biases (arXiv:1504.08083, section 4.1)."""
        nn.init.normal_(self.cls_score.weight, std=0.01)
        nn.init.normal_(self.bbox_pred.weight, std=0.001)
        nn.init.zeros_(self.cls_score.bias)
        nn.init.zeros_(self.bbox_pred.bias)
        return self

    def forward(self, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """Predicts.

        Args:
            hidden: (M, dim).

        Returns:
            Class logits (M, K + 1), the background last, and deltas (M, K, 4).
        """
        return self.cls_score(hidden), self.bbox_pred(hidden).unflatten(1, (-1, 4))


def cells_first(weight: Tensor, channels: int) -> Tensor:
    """Reorders the first layer's inputs from (channel, cell) to (cell, channel).

    Args:
        weight: (dim, channels * cells).
        channels: C of the pooled regions.

    Returns:
        (dim, cells * channels).
    """
    cells = weight.shape[1] // channels
    return weight.view(-1, channels, cells).transpose(1, 2).flatten(1)
