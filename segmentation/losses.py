"""What a loss is, how classes are weighted in it, and a sum of several."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from lumbar.ops.reduce import count_per_rank
from segmentation.labels import Task


class Loss(nn.Module):
    """Compares logits with labels; pixels whose label is IGNORE change neither its value nor its gradient.

    Args:
        task: What logits and labels mean.
        class_weights: How much each of the K classes counts, all the same by default.

    Raises:
        ValueError: A weight is negative, or all are zero.
    """

    _class_weights: Tensor

    def __init__(self, task: Task, *, class_weights: Sequence[float] | None = None) -> None:
        super().__init__()
        if class_weights is not None and (min(class_weights) < 0 or max(class_weights) == 0):
            raise ValueError(
                f"class_weights are {[*class_weights]}; none may be negative, and one must be positive"
            )
        self.task = task
        weights = torch.tensor(1.0 if class_weights is None else [*class_weights])
        self.register_buffer("_class_weights", weights, persistent=False)

    def forward(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Averages over a batch.

        Args:
            logits: (B, K, H, W) float.
            labels: (B, H, W) or (B, K, H, W), as the task says.

        Returns:
            scalar, at least float32; zero with a gradient path where all labels are IGNORE.
        """
        raise NotImplementedError

    def class_weights(self, logits: Tensor) -> Tensor:
        """The weights (K,) of the classes of logits (B, K, H, W).

        Raises:
            ValueError: There are not as many of them.
        """
        weights, num_classes = self._class_weights, logits.shape[1]
        if weights.ndim and len(weights) != num_classes:
            raise ValueError(
                f"there are {len(weights)} class_weights for {num_classes} classes; give one for each"
            )
        return weights.to(torch.promote_types(logits.dtype, torch.float32)).expand(num_classes)


class LossSum(nn.Module):
    """Adds up weighted losses, each a module from logits (B, K, H, W) and labels to a scalar.

    Args:
        terms: Pairs of a weight and a loss, at least one.
    """

    def __init__(self, terms: Sequence[tuple[float, nn.Module]]) -> None:
        super().__init__()
        assert terms
        self.weights = [weight for weight, _ in terms]
        self.losses = nn.ModuleList(loss for _, loss in terms)

    def forward(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Logits (B, K, H, W) and their labels to a scalar."""
        values = [loss(logits, labels) for loss in self.losses]
        terms = [weight * value for weight, value in zip(self.weights, values, strict=True)]
        return torch.stack(terms).sum()


def mean_of_pixels(values: Tensor, weights: Tensor) -> Tensor:
    """Weighted mean over the pixels of all ranks; a total weight below 1 counts as 1.

    Args:
        values: (B, D, H, W) float.
        weights: (B, D, H, W) float.

    Returns:
        scalar.
    """
    return (values * weights).sum() / count_per_rank(weights.sum())


def mean_of_classes(values: Tensor, weights: Tensor) -> Tensor:
    """Weighted mean over classes, and plain mean over rows.

    Args:
        values: (R, K) float.
        weights: (K,) float.

    Returns:
        scalar.
    """
    return (values * weights).sum() / (weights.sum() * len(values))
