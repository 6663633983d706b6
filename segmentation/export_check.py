"""Does an exported segmenter say what the segmenter itself says?

Probabilities may differ by `TOLERANCE`. A label may differ only in a tie: where, to the segmenter itself, the other
answer is less likely by no more than twice that, as either side may be off. Every pixel of the canvas counts.
"""

import torch
from torch import Tensor

from lumbar.tasks.export_check import Finding
from segmentation.export_graph import Answers

TOLERANCE = 1e-4
"""Of a probability."""


def judge(expected: Answers, found: Answers) -> Finding:
    """Says whether the differences of an exported segmenter are within the tolerance.

    Args:
        expected: What the segmenter itself says of (B, H, W) pixels.
        found: What the file says of them.
    """
    away = (expected.probabilities - found.probabilities).abs().max().item()
    others, ties = _count_others(expected, found.labels)
    seen = len(expected.labels.unique())
    cells = {
        "labels seen": str(seen),
        "probabilities": f"{away:.1e}",
        "labels": f"{others} differ" if others else "same",
        "ties": str(ties),
    }
    return Finding(seen - 1, cells, "equal" if away <= TOLERANCE and not others else "DIFFERENT")


def _count_others(expected: Answers, labels: Tensor) -> tuple[int, int]:
    """How many labels are others than expected: without good reason, and in ties."""
    lead = _likelihood(expected.probabilities, expected.labels) - _likelihood(
        expected.probabilities, labels
    )
    differ, clear = expected.labels != labels, (lead > 2 * TOLERANCE).view_as(labels)
    return int((differ & clear).sum()), int((differ & ~clear).sum())


def _likelihood(probabilities: Tensor, labels: Tensor) -> Tensor:
    """The probability of each label: (B, 1, H, W) for classes, (B, K, H, W) for 0 and 1."""
    if labels.ndim == probabilities.ndim:
        return torch.where(labels == 1, probabilities, 1 - probabilities)
    return probabilities.gather(1, labels[:, None].long())
