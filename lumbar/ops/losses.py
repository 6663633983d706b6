"""Losses as pure functions: (prediction, target, weight) to the weighted sum, divided by nothing.

Callers divide by their count. Every loss has a gradient path and is a plain zero where all weights are zero.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from lumbar.ops.precision import at_least_float32

WeightedLoss = Callable[[Tensor, Tensor, Tensor], Tensor]
"""(prediction, target, weight) to the weighted sum, a scalar: what a head takes as its loss."""


def binary_cross_entropy(logits: Tensor, targets: Tensor, weight: Tensor) -> Tensor:
    """Sum of the weighted sigmoid cross-entropies.

    Args:
        logits: (*,) float.
        targets: (*,) float in [0, 1].
        weight: (*,) float.

    Returns:
        scalar, at least float32.
    """
    return (_sigmoid_entropy(at_least_float32(logits), targets) * weight).sum()


def cross_entropy(logits: Tensor, targets: Tensor, weight: Tensor) -> Tensor:
    """Sum of the weighted softmax cross-entropies.

    Args:
        logits: (N, K) float.
        targets: (N,) int64 in 0..K-1.
        weight: (N,) float.

    Returns:
        scalar, at least float32.
    """
    return (F.cross_entropy(at_least_float32(logits), targets, reduction="none") * weight).sum()


def focal(
    logits: Tensor, targets: Tensor, weight: Tensor, *, alpha: float = 0.25, gamma: float = 2.0
) -> Tensor:
    """Sum of the weighted sigmoid focal losses, Lin et al. 2017 (arXiv:1708.02002), equation 5.

    Args:
        logits: (*,) float.
        targets: (*,) float, 0 or 1.
        weight: (*,) float.
        alpha: Share of the positive class.
        gamma: Focus on hard examples; 0 is cross-entropy.

    Returns:
        scalar, at least float32.
    """
    logits = at_least_float32(logits)
    missed = (targets - logits.sigmoid()).abs()
    balance = alpha * targets + (1 - alpha) * (1 - targets)
    return (balance * missed.pow(gamma) * _sigmoid_entropy(logits, targets) * weight).sum()


def smooth_l1(predictions: Tensor, targets: Tensor, weight: Tensor, *, beta: float = 0.0) -> Tensor:
    """Sum of the weighted smooth L1 distances, Girshick 2015 (arXiv:1504.08083), equation 3, in units of beta.

    Args:
        predictions: (*, 4) float.
        targets: (*, 4) float.
        weight: (*,) float, one for each row of four.
        beta: Distance below which the loss is squared; 0 is plain L1.

    Returns:
        scalar, at least float32.
    """
    distance = (at_least_float32(predictions) - targets).abs()
    if beta > 0:
        distance = torch.where(
            distance < beta, 0.5 * distance.square() / beta, distance - 0.5 * beta
        )
    return (distance.sum(-1) * weight).sum()


def overlap_loss(
    boxes: Tensor, targets: Tensor, weight: Tensor, *, overlap: Callable[[Tensor, Tensor], Tensor]
) -> Tensor:
    """Sum of the weighted 1 - overlap.

    Args:
        boxes: (*, 4) float xyxy.
        targets: (*, 4) float xyxy.
        weight: (*,) float.
        overlap: `iou`, `giou`, `diou` or `ciou` of lumbar.ops.boxes.

    Returns:
        scalar, at least float32.
    """
    return ((1 - overlap(at_least_float32(boxes), targets)) * weight).sum()


def _sigmoid_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    # The targets' dtype would decide that of the result: float32 targets would round a float64 loss.
    return F.binary_cross_entropy_with_logits(logits, targets.to(logits.dtype), reduction="none")
