"""The boundary loss: Kervadec et al. 2019 (arXiv:1812.07032)."""

from collections.abc import Sequence

import torch
from torch import Tensor

from segmentation.distances import distance_to
from segmentation.labels import Regions, Task
from segmentation.losses import Loss, mean_of_pixels


class Boundary(Loss):
    """Mean over pixels of how wrong they are, times how far they are from where they would be right.

    The gradient is that of the paper's equation 5; a constant is added, so that a perfect prediction costs nothing. It
    differs in two things. Distances end at `reach`, and count as shares of it: they come from the labels on the device,
    in a fixed number of operations, and so need neither a map of floats for each class from the loader nor a transform
    that keeps up with the augmentation. And a class that is not in an image is infinitely far from it, where the
    authors' code makes it free.

    Args:
        task: What logits and labels mean.
        class_weights: How much each class counts; 0 leaves out a background.
        reach: Distance in pixels beyond which pixels are all equally wrong.
    """

    def __init__(
        self, task: Task, *, class_weights: Sequence[float] | None = None, reach: int = 16
    ) -> None:
        super().__init__(task, class_weights=class_weights)
        self.reach = reach

    def forward(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Logits (B, K, H, W) and their labels to a scalar."""
        regions = self.task.regions(logits, labels)
        wrong = (regions.probabilities - regions.targets.to(regions.probabilities.dtype)).abs()
        weights = self.class_weights(logits)[:, None, None] * regions.valid
        return mean_of_pixels(wrong * self._distances(regions), weights)

    def _distances(self, regions: Regions) -> Tensor:
        inside, outside = regions.targets, regions.valid & ~regions.targets
        to_outside, to_inside = distance_to(outside, self.reach), distance_to(inside, self.reach)
        return torch.where(inside, to_outside, to_inside) / self.reach
