"""What a classifier minimises, over targets that are shares of the classes."""

from dataclasses import dataclass
from typing import Protocol

import torch.nn.functional as F
from torch import Tensor

from lumbar.ops.precision import at_least_float32


class Criterion(Protocol):
    """A loss, and what its logits mean."""

    def __call__(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Compares logits (B, K) with shares (B, K); a scalar, the mean over the images."""

    def scores(self, logits: Tensor) -> Tensor:
        """Turns logits (B, K) into scores (B, K) from 0 to 1."""


@dataclass(frozen=True)
class SoftmaxCrossEntropy:
    """Cross-entropy of one class out of K."""

    smoothing: float = 0.0
    """Share of the target that all classes have alike (Szegedy et al. 2015, arXiv:1512.00567, section 7)."""

    def __call__(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Mean over the images of logits (B, K) with shares (B, K); a scalar, at least float32."""
        return F.cross_entropy(at_least_float32(logits), targets, label_smoothing=self.smoothing)

    def scores(self, logits: Tensor) -> Tensor:
        """Probabilities (B, K) of logits (B, K), which add up to 1."""
        return at_least_float32(logits).softmax(1)


@dataclass(frozen=True)
class SigmoidCrossEntropy:
    """Cross-entropy of K decisions whether a class is there, Wightman et al. 2021 (arXiv:2110.00476), section 3.1."""

    smoothing: float = 0.0
    """As above."""
    present_from: float | None = None
    """In mixed images, a class with this share or more counts as wholly there, others as not; None takes the shares."""

    def __call__(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Mean over images and classes of logits (B, K) with shares (B, K); a scalar, at least float32."""
        logits = at_least_float32(logits)
        targets = targets * (1 - self.smoothing) + self.smoothing / targets.shape[1]
        if self.present_from is not None:
            targets = targets >= self.present_from
        return F.binary_cross_entropy_with_logits(logits, targets.to(logits.dtype))

    def scores(self, logits: Tensor) -> Tensor:
        """Probability (B, K) of each class by itself, of logits (B, K)."""
        return at_least_float32(logits).sigmoid()
