"""The Lovász extension of the Jaccard loss: Berman et al. 2018 (arXiv:1705.08790)."""

import torch
from torch import Tensor

from segmentation.losses import Loss, mean_of_classes


class Lovasz(Loss):
    """A convex surrogate of 1 - IoU of each class over the batch, on softmax or sigmoid probabilities.

    The mean is over all classes: one that is not there costs the largest probability that it is given. Each rank judges
    its own batch, as the order of errors cannot be added up.
    """

    def forward(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Logits (B, K, H, W) and their labels to a scalar."""
        found, true, _ = self.task.regions(logits, labels)
        errors = (found - true.to(found.dtype)).abs().transpose(0, 1).flatten(1)
        # Ignored pixels have no error: they come last, and change no slope before them.
        errors, order = errors.sort(dim=1, descending=True)
        true = true.transpose(0, 1).flatten(1).gather(1, order)
        losses = (errors * _slopes(true, errors.dtype)).sum(1)
        return mean_of_classes(losses[None], self.class_weights(logits))


def _slopes(true: Tensor, dtype: torch.dtype) -> Tensor:
    """What each further wrong pixel adds to the Jaccard loss, the paper's algorithm 1; (K, N) bool to (K, N).

    By counts: the difference of two losses near 1 would be lost in their rounding.
    """
    ranks = torch.arange(1, true.shape[1] + 1, device=true.device)
    missed = true.cumsum(1)
    total = missed[:, -1:]
    kept, union = (total - missed).to(dtype), (total + ranks - missed).to(dtype)
    by_false_alarm = kept / (union * (union - 1))
    return torch.where(true | (union == 1), 1 / union, by_false_alarm)
