"""From the scores and offsets of all anchors to a fixed number of proposals.

B images, L levels, N_l anchors of a level, K anchors kept before and R proposals kept after NMS.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from detection.box_coder import BoxCoder
from lumbar.ops.boxes import clip, large_enough, take
from lumbar.ops.nms import nms_keep
from lumbar.ops.precision import at_least_float32
from lumbar.ops.structures import Proposals


class ProposalSelector:
    """Takes the best anchors of each level, decodes them, and suppresses overlaps level by level."""

    def __init__(self, *, pre_nms: int, post_nms: int, nms_iou: float, min_size: float) -> None:
        """Fixes the sizes.

        Args:
            pre_nms: Anchors kept on each level before NMS.
            post_nms: Proposals kept in each image.
            nms_iou: Overlap above which the worse proposal is dropped.
            min_size: Proposals with a side not above this many pixels are dropped; 0 drops the empty ones.
        """
        self.pre_nms = pre_nms
        self.post_nms = post_nms
        self.nms_iou = nms_iou
        self.min_size = min_size

    @torch.no_grad()
    def __call__(
        self,
        logits: Sequence[Tensor],
        deltas: Sequence[Tensor],
        anchors: Sequence[Tensor],
        *,
        sizes: Tensor,
        coder: BoxCoder,
    ) -> Proposals:
        """Selects the proposals of each image.

        Args:
            logits: For each level (B, N_l) float.
            deltas: For each level (B, N_l, 4) float.
            anchors: For each level (N_l, 4) float xyxy.
            sizes: (B, 2) height and width of the images inside the canvas.
            coder: Turns deltas and anchors into boxes.

        Returns:
            Proposals of (B, R), without gradients.
        """
        best = [self._best(*level) for level in zip(logits, deltas, anchors, strict=True)]
        scores, offsets, references = (torch.stack(parts, 1) for parts in zip(*best, strict=True))
        boxes = coder.decode(offsets, references)
        boxes = clip(boxes.flatten(1, 2), sizes).unflatten(1, scores.shape[1:])
        valid = (scores > -torch.inf) & large_enough(boxes, self.min_size)
        keep = nms_keep(boxes, torch.zeros_like(valid, dtype=torch.int64), valid, self.nms_iou)
        scores = scores.masked_fill(~keep, -torch.inf).flatten(1)
        scores = F.pad(scores, (0, self.post_nms), value=-torch.inf)
        scores, index = scores.topk(self.post_nms, dim=1)
        kept = scores > -torch.inf
        index = torch.where(kept, index, 0)
        boxes = take(boxes.flatten(1, 2), index)
        return Proposals(boxes.where(kept[..., None], 0.0), scores, kept)

    def _best(
        self, logits: Tensor, deltas: Tensor, anchors: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The K best anchors of one level: scores (B, K), deltas (B, K, 4), anchors (B, K, 4); -inf fills up."""
        padded = F.pad(at_least_float32(logits), (0, self.pre_nms), value=-torch.inf)
        scores, index = padded.topk(self.pre_nms, dim=1)
        index = torch.where(scores > -torch.inf, index, 0)
        return scores, take(deltas, index), anchors[index]
