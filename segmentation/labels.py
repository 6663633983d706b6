"""What logits and labels mean: one class for each pixel, or several at once.

All that differs between the two is in `Multiclass` and `Multilabel`; losses and metrics take one of them as a part, and
have no other switch. A label is IGNORE where nobody knows or wants to know, and there are fewer than 254 classes.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from lumbar.data.pixel_classes import IGNORE
from lumbar.ops.precision import at_least_float32

NOTHING = 254
"""The label of no class: what has it is known to be in no mask."""


class Regions(NamedTuple):
    """Each class as a predicted and a true mask; both are zero where the label is IGNORE."""

    probabilities: Tensor
    """(B, K, H, W) at least float32."""
    targets: Tensor
    """(B, K, H, W) bool."""
    valid: Tensor
    """(B, K, H, W) bool: the label is not IGNORE."""


class Task(ABC):
    """How many classes a pixel has, and all that follows.

    In the shapes below D is the number of decisions at a pixel: 1 where it has one class, K where it may have several.
    """

    @abstractmethod
    def decide(self, logits: Tensor) -> Tensor:
        """Logits (B, K, H, W) to uint8 labels."""

    @abstractmethod
    def probabilities(self, logits: Tensor) -> Tensor:
        """Logits (B, K, H, W) to the probability of each class, at least float32."""

    @abstractmethod
    def entropies(self, logits: Tensor, labels: Tensor, *, smoothing: float = 0.0) -> Tensor:
        """Cross-entropy of each decision.

        Args:
            logits: (B, K, H, W) float.
            labels: Of the same pixels.
            smoothing: Share of the label that is spread over all answers.

        Returns:
            (B, D, H, W) at least float32, zero where the label is IGNORE.
        """

    @abstractmethod
    def weights(self, labels: Tensor, class_weights: Tensor) -> Tensor:
        """Looks up how much each decision counts.

        Args:
            labels: Labels of (B, H, W) pixels.
            class_weights: (K,) float.

        Returns:
            (B, D, H, W) float, zero where the label is IGNORE.
        """

    @abstractmethod
    def masks(self, labels: Tensor, num_classes: int) -> Tensor:
        """Labels of (B, H, W) pixels to a bool mask (B, K, H, W) of each class; IGNORE is in none."""

    @abstractmethod
    def valid(self, labels: Tensor) -> Tensor:
        """Labels of (B, H, W) pixels to bool (B, D, H, W), false where the label is IGNORE."""

    @abstractmethod
    def count(self, predicted: Tensor, labels: Tensor, num_classes: int) -> Tensor:
        """Counts the pixels of each image and class that were found, made up, missed, and rightly left out.

        It waits for the device.

        Args:
            predicted: Labels of (B, H, W) pixels; those of no class are found nowhere.
            labels: The true labels, some of them NOTHING.
            num_classes: K.

        Returns:
            (B, K, 4) int64: true positives, false positives, false negatives, true negatives.
        """

    def regions(self, logits: Tensor, labels: Tensor) -> Regions:
        """Predicted and true masks, for losses that compare areas.

        Args:
            logits: (B, K, H, W) float.
            labels: Of the same pixels.
        """
        probabilities = self.probabilities(logits)
        valid = self.valid(labels).expand_as(logits)
        return Regions(probabilities * valid, self.masks(labels, logits.shape[1]), valid)


class Multiclass(Task):
    """Each pixel has one class: labels are (B, H, W) uint8 or int64 in 0..K-1, probabilities a softmax."""

    def decide(self, logits: Tensor) -> Tensor:
        """Logits (B, K, H, W) to the likeliest class, uint8 (B, H, W)."""
        return logits.argmax(1).to(torch.uint8)

    def probabilities(self, logits: Tensor) -> Tensor:
        """Logits (B, K, H, W) to probabilities that add up to 1 over the classes."""
        return at_least_float32(logits).softmax(1)

    def entropies(self, logits: Tensor, labels: Tensor, *, smoothing: float = 0.0) -> Tensor:
        """Logits (B, K, H, W) and labels (B, H, W) to softmax cross-entropies (B, 1, H, W)."""
        # Unreduced: torch's own sums of it depend on the order of the threads of a GPU.
        return F.cross_entropy(
            at_least_float32(logits),
            labels.long(),
            ignore_index=IGNORE,
            reduction="none",
            label_smoothing=smoothing,
        )[:, None]

    def weights(self, labels: Tensor, class_weights: Tensor) -> Tensor:
        """Labels (B, H, W) to the weight of each pixel's class, (B, 1, H, W)."""
        by_label = F.pad(class_weights, (0, IGNORE + 1 - len(class_weights)))
        return by_label[labels.long()][:, None]

    def masks(self, labels: Tensor, num_classes: int) -> Tensor:
        """Labels (B, H, W) to one mask for each class, (B, K, H, W)."""
        classes = torch.arange(num_classes, device=labels.device)
        return labels[:, None] == classes[:, None, None]

    def valid(self, labels: Tensor) -> Tensor:
        """Labels (B, H, W) to bool (B, 1, H, W)."""
        return (labels != IGNORE)[:, None]

    def count(self, predicted: Tensor, labels: Tensor, num_classes: int) -> Tensor:
        """Labels (B, H, W), from one confusion matrix for each image, to (B, K, 4)."""
        rows, columns = IGNORE + 1, num_classes + 1
        images = torch.arange(len(labels), device=labels.device)[:, None, None]
        cells = (images * rows + labels) * columns + predicted.long().clamp(max=num_classes)
        counts = torch.bincount(cells.flatten(), minlength=len(labels) * rows * columns)
        valid = counts.view(-1, rows, columns)[:, :IGNORE]
        assert not valid[:, num_classes:NOTHING].any(), f"labels go beyond {num_classes - 1}"
        return _four(
            valid.diagonal(dim1=1, dim2=2)[:, :num_classes],
            valid.sum(1)[:, :num_classes],
            valid.sum(2)[:, :num_classes],
            valid.sum((1, 2))[:, None],
        )


class Multilabel(Task):
    """Each pixel has any of the classes: labels are (B, K, H, W) uint8 0 or 1, probabilities sigmoids."""

    def decide(self, logits: Tensor) -> Tensor:
        """Logits (B, K, H, W) to uint8 of the same shape, 1 where a class is likelier than not."""
        return (logits > 0).to(torch.uint8)

    def probabilities(self, logits: Tensor) -> Tensor:
        """Logits (B, K, H, W) to probabilities, each class on its own."""
        return at_least_float32(logits).sigmoid()

    def entropies(self, logits: Tensor, labels: Tensor, *, smoothing: float = 0.0) -> Tensor:
        """Logits (B, K, H, W) and labels of the same shape to their binary cross-entropies."""
        logits = at_least_float32(logits)
        targets = self.masks(labels, logits.shape[1]).to(logits.dtype)
        targets = targets * (1 - smoothing) + smoothing / 2
        entropies = F.binary_cross_entropy_with_logits(logits, targets, reduction="none")
        return entropies * self.valid(labels)

    def weights(self, labels: Tensor, class_weights: Tensor) -> Tensor:
        """Labels (B, K, H, W) to the weight of their class, of the same shape."""
        return class_weights[:, None, None] * self.valid(labels)

    def masks(self, labels: Tensor, num_classes: int) -> Tensor:
        """Labels (B, K, H, W) to masks of the same shape."""
        return labels == 1

    def valid(self, labels: Tensor) -> Tensor:
        """Labels (B, K, H, W) to bool of the same shape."""
        return labels != IGNORE

    def count(self, predicted: Tensor, labels: Tensor, num_classes: int) -> Tensor:
        """Labels (B, K, H, W) to (B, K, 4)."""
        valid = self.valid(labels)
        return count_masks((predicted == 1) & valid, labels == 1, valid)


TASKS: Mapping[str, Task] = {"multiclass": Multiclass(), "multilabel": Multilabel()}
"""By the names that they have in a config."""


def count_masks(predicted: Tensor, targets: Tensor, valid: Tensor) -> Tensor:
    """Counts the pixels of masks by what was predicted and what is true.

    Args:
        predicted: (*, H, W) bool, false where not valid.
        targets: (*, H, W) bool, false where not valid.
        valid: (*, H, W) bool.

    Returns:
        (*, 4) int64: true positives, false positives, false negatives, true negatives.
    """
    return _four(*(mask.sum((-2, -1)) for mask in (predicted & targets, predicted, targets, valid)))


def _four(hits: Tensor, predicted: Tensor, true: Tensor, total: Tensor) -> Tensor:
    missed, made_up = true - hits, predicted - hits
    return torch.stack((hits, made_up, missed, total - hits - made_up - missed), dim=-1)
