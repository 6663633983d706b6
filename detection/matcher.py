"""Which boxes count as an object, which as background, and which as neither (Ren et al. 2015, section 3.1.2)."""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from lumbar.ops.matching import best_overlap
from lumbar.ops.structures import Targets


class Matches(NamedTuple):
    """The ground truth given to each of N boxes."""

    indices: Tensor
    """(B, N) int64 index into the targets; meaningful where positive."""
    positive: Tensor
    """(B, N) bool."""
    negative: Tensor
    """(B, N) bool; a box that is neither takes no part in the loss."""


class Matcher:
    """Matches by overlap: positive from `fg_iou` up, negative below `bg_iou`.

    A match of low quality is one below `fg_iou`, of the box that overlaps some ground truth the most.
    """

    def __init__(
        self,
        *,
        fg_iou: float,
        bg_iou: float,
        low_quality_iou: float = math.inf,
        claims: bool = False,
    ) -> None:
        """Keeps the thresholds.

        Args:
            fg_iou: In [0, 1].
            bg_iou: In [0, 1].
            low_quality_iou: Overlap from which on matches of low quality are positive, too; by default none is.
            claims: A box that overlaps some ground truth the most by so much belongs to that one, even where it
                overlaps another more; else it belongs to the other.
        """
        self.fg_iou = fg_iou
        self.bg_iou = bg_iou
        self.low_quality_iou = low_quality_iou
        self.claims = claims

    def __call__(self, boxes: Tensor, targets: Targets) -> Matches:
        """Matches boxes with the ground truth of their image.

        Args:
            boxes: (B, N, 4), or (1, N, 4) for all images alike, float xyxy.
            targets: B images.

        Returns:
            Matches of (B, N).
        """
        best, index, claimant = best_overlap(
            boxes, targets.boxes.to(boxes.dtype), targets.valid, self.low_quality_iou
        )
        is_claimed = claimant >= 0
        if self.claims:
            index = torch.where(is_claimed, claimant, index)
        positive = (best >= self.fg_iou) | is_claimed
        return Matches(index, positive, (best < self.bg_iou) & ~positive)
