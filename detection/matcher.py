"""Which boxes count as an object, which as background, and which as neither (Ren et al. 2015, section 3.1.2)."""

from typing import NamedTuple

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
    """Matches by overlap: positive from `fg_iou` up, negative below `bg_iou`."""

    def __init__(self, *, fg_iou: float, bg_iou: float) -> None:
        """Keeps the thresholds, both in [0, 1]."""
        self.fg_iou = fg_iou
        self.bg_iou = bg_iou

    def __call__(self, boxes: Tensor, targets: Targets) -> Matches:
        """Matches boxes with the ground truth of their image.

        Args:
            boxes: (B, N, 4), or (1, N, 4) for all images alike, float xyxy.
            targets: B images.

        Returns:
            Matches of (B, N).
        """
        best, index, is_highest = best_overlap(boxes, targets.boxes.to(boxes.dtype), targets.valid)
        positive = self._positive(best, is_highest)
        return Matches(index, positive, (best < self.bg_iou) & ~positive)

    def _positive(self, best: Tensor, is_highest: Tensor) -> Tensor:
        return best >= self.fg_iou


class AnchorMatcher(Matcher):
    """Also takes the boxes that overlap some ground truth the most: what any box overlaps has one."""

    def _positive(self, best: Tensor, is_highest: Tensor) -> Tensor:
        return (best >= self.fg_iou) | is_highest
