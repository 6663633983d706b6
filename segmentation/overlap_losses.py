"""Losses of areas: how much of a class is found, whatever its size."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from lumbar.ops.reduce import sum_over_ranks
from segmentation.labels import Task
from segmentation.losses import Loss, mean_of_classes

_SMOOTHING = 0.5
"""Pixels in the denominator: where nothing is and little is predicted, the loss stays small."""


def each_image(areas: Tensor) -> Tensor:
    """Areas (N, B, K) of each image as they are, so that every image counts the same."""
    return areas


def whole_batch(areas: Tensor) -> Tensor:
    """Areas (N, B, K) to those of the batch (N, 1, K), of all ranks together, so that every pixel counts the same."""
    total = areas.sum(1, keepdim=True)
    # In validation some ranks have more batches than others, and would wait for them forever.
    joint: Tensor = sum_over_ranks(total) if torch.is_grad_enabled() else total
    return joint


class Tversky(Loss):
    """Errors of each class as a share of the area they are made in, Salehi et al. 2017 (arXiv:1706.05721), equation 3.

    A class that is missed costs nearly 1 before the mean over classes, and so does one that is found where it is not.

    Args:
        task: What logits and labels mean.
        class_weights: How much each class counts; 0 leaves out a background.
        false_positives: The paper's alpha; 1 with 1 for the other is the Jaccard index.
        false_negatives: The paper's beta.
        pool: Which pixels make an area, `each_image` or `whole_batch`.
    """

    def __init__(
        self,
        task: Task,
        *,
        class_weights: Sequence[float] | None = None,
        false_positives: float = 0.3,
        false_negatives: float = 0.7,
        pool: Callable[[Tensor], Tensor] = whole_batch,
    ) -> None:
        super().__init__(task, class_weights=class_weights)
        self.false_positives = false_positives
        self.false_negatives = false_negatives
        self.pool = pool

    def forward(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Logits (B, K, H, W) and their labels to a scalar."""
        found, true, _ = self.task.regions(logits, labels)
        shares = (found * true, found * ~true, (1 - found) * true)
        areas = torch.stack([share.sum((2, 3)) for share in shares])
        hits, made_up, missed = self.pool(areas)
        errors = self.false_positives * made_up + self.false_negatives * missed
        losses = errors / (hits + errors + _SMOOTHING)
        return mean_of_classes(losses, self.class_weights(logits))


class Dice(Tversky):
    """One minus the Dice coefficient of each class: Milletari et al. 2016 (arXiv:1606.04797), without squares.

    Args:
        task: What logits and labels mean.
        class_weights: How much each class counts; 0 leaves out a background.
        pool: Which pixels make an area, `each_image` or `whole_batch`.
    """

    def __init__(
        self,
        task: Task,
        *,
        class_weights: Sequence[float] | None = None,
        pool: Callable[[Tensor], Tensor] = whole_batch,
    ) -> None:
        super().__init__(
            task,
            class_weights=class_weights,
            false_positives=0.5,
            false_negatives=0.5,
            pool=pool,
        )
