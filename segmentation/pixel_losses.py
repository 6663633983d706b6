"""Losses that judge each pixel on its own: cross-entropy, and two ways to look at the hard ones more."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from segmentation.labels import Task
from segmentation.losses import Loss, mean_of_pixels


class CrossEntropy(Loss):
    """Mean cross-entropy over the pixels with a label.

    With class weights it is torch's weighted mean; with label smoothing as well, each pixel counts as the weight of its
    class, where torch weights each class that the label is spread over.

    Args:
        task: What logits and labels mean.
        class_weights: How much the pixels of each class count.
        label_smoothing: Share of the label that is spread over all answers.
    """

    def __init__(
        self,
        task: Task,
        *,
        class_weights: Sequence[float] | None = None,
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(task, class_weights=class_weights)
        self.label_smoothing = label_smoothing

    def forward(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Logits (B, K, H, W) and their labels to a scalar."""
        entropies = self.task.entropies(logits, labels, smoothing=self.label_smoothing)
        return mean_of_pixels(entropies, self.task.weights(labels, self.class_weights(logits)))


class Focal(Loss):
    """Cross-entropy times `(1 - p) ** gamma` of the true answer: Lin et al. 2017 (arXiv:1708.02002), section 3.2.

    Args:
        task: What logits and labels mean.
        class_weights: How much the pixels of each class count, the paper's alpha.
        gamma: Focus on hard pixels; 0 is cross-entropy.
    """

    def __init__(
        self, task: Task, *, class_weights: Sequence[float] | None = None, gamma: float = 2.0
    ) -> None:
        super().__init__(task, class_weights=class_weights)
        self.gamma = gamma

    def forward(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Logits (B, K, H, W) and their labels to a scalar."""
        entropies = self.task.entropies(logits, labels)
        # At zero the slope of a power below 1 is infinite.
        doubt = (-torch.expm1(-entropies)).clamp(min=torch.finfo(entropies.dtype).tiny)
        weights = self.task.weights(labels, self.class_weights(logits))
        return mean_of_pixels(doubt**self.gamma * entropies, weights)


class OhemCrossEntropy(Loss):
    """Mean cross-entropy over the hard pixels only.

    Online hard example mining, Shrivastava et al. 2016 (arXiv:1604.03540), for pixels: each image chooses
    for itself, so that its pixels do not depend on its batch or rank.

    Args:
        task: What logits and labels mean.
        class_weights: How much the pixels of each class count.
        confidence: A pixel whose true answer has at most this probability is hard.
        min_kept: At least so many pixels of each image count as hard, if it has them.
    """

    def __init__(
        self,
        task: Task,
        *,
        class_weights: Sequence[float] | None = None,
        confidence: float = 0.7,
        min_kept: int = 100_000,
    ) -> None:
        super().__init__(task, class_weights=class_weights)
        self.easiest = -math.log(confidence)
        self.min_kept = min_kept

    def forward(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Logits (B, K, H, W) and their labels to a scalar."""
        entropies = self.task.entropies(logits, labels)
        weights = self.task.weights(labels, self.class_weights(logits))
        return mean_of_pixels(entropies, weights * self._is_hard(entropies.detach(), weights > 0))

    def _is_hard(self, entropies: Tensor, counted: Tensor) -> Tensor:
        ranked = entropies.masked_fill(~counted, -1).flatten(1)
        kept = ranked.topk(min(self.min_kept, ranked.shape[1]), sorted=False).values
        limit = kept.amin(1).clamp(max=self.easiest)
        return entropies >= limit[:, None, None, None]
