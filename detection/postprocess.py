"""From class scores and boxes of all proposals to a fixed number of detections.

B images, R proposals, K classes, D detections.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from detection.box_coder import BoxCoder
from lumbar.ops.boxes import clip, large_enough, take
from lumbar.ops.nms import nms_keep
from lumbar.ops.structures import Detections, Images, Proposals


class Postprocess:
    """Takes the best (proposal, class) pairs, decodes them, and suppresses overlaps within a class."""

    def __init__(
        self, *, score: float, nms_iou: float, candidates: int, detections: int, min_size: float
    ) -> None:
        """Fixes thresholds and sizes.

        Args:
            score: Pairs that do not exceed it are dropped.
            nms_iou: Overlap above which the worse of two boxes of a class is dropped.
            candidates: Best pairs, which enter NMS; what ranks behind them is dropped.
            detections: D, kept in each image.
            min_size: Boxes with a side not above this many pixels are dropped; 0 drops the empty ones.
        """
        self.score = score
        self.nms_iou = nms_iou
        self.candidates = candidates
        self.detections = detections
        self.min_size = min_size

    def __call__(
        self, scores: Tensor, deltas: Tensor, proposals: Proposals, sizes: Tensor, coder: BoxCoder
    ) -> Detections:
        """Selects the detections of each image.

        Args:
            scores: (B, R, K) float, softmax without the background.
            deltas: (B, R, K, 4) float.
            proposals: (B, R).
            sizes: (B, 2) height and width of the images inside the canvas.
            coder: Turns deltas and proposals into boxes.

        Returns:
            Detections of (B, D) in pixels of the canvas.
        """
        num_classes = scores.shape[2]
        wanted = (scores > self.score) & proposals.valid[..., None]
        ranked = F.pad(torch.where(wanted, scores, -1.0).flatten(1), (0, self.candidates), value=-1)
        best, index = ranked.topk(self.candidates, dim=1)
        index = torch.where(best > 0, index, 0)
        offsets = take(deltas.flatten(1, 2), index)
        parents = take(proposals.boxes, index // num_classes)
        boxes = clip(coder.decode(offsets, parents), sizes)
        valid = (best > 0) & large_enough(boxes, self.min_size)
        labels = index % num_classes
        keep = nms_keep(boxes, labels, valid, self.nms_iou)
        return self._first(boxes, torch.where(keep, best, -1.0), labels)

    def _first(self, boxes: Tensor, scores: Tensor, labels: Tensor) -> Detections:
        """The D best of (B, candidates) boxes; those of negative score are padding."""
        shortage = max(0, self.detections - self.candidates)
        scores, index = F.pad(scores, (0, shortage), value=-1).topk(self.detections, dim=1)
        valid = scores > 0
        index = torch.where(valid, index, 0)
        return Detections(
            take(boxes, index).where(valid[..., None], 0.0),
            scores.clamp(min=0),
            torch.where(valid, labels.gather(1, index), -1),
            valid,
        )


def rescale(detections: Detections, images: Images) -> Detections:
    """Moves detections from pixels of the canvas to pixels of the image file.

    Args:
        detections: (B, D) boxes in pixels of the canvas.
        images: The same B images.

    Returns:
        (B, D) detections, clipped to the file's image.
    """
    ratio = images.original_sizes.to(detections.boxes.dtype) / images.sizes.to(
        detections.boxes.dtype
    )
    boxes = detections.boxes * ratio.flip(1).repeat(1, 2)[:, None]
    return detections._replace(boxes=clip(boxes, images.original_sizes))
