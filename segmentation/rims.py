"""The rims of masks, which Boundary IoU compares: Cheng et al. 2021 (arXiv:2103.16562)."""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor


def rim_width(size: Sequence[int], share: float) -> int:
    """A share of the diagonal of an image (height, width) in whole pixels, at least one."""
    return max(1, round(share * math.hypot(*size)))


def is_inner(labels: Tensor, width: int) -> Tensor:
    """Finds the pixels around which, `width` pixels in rows and columns, all is in the image and has one label.

    Of a mask they are what `width` erosions by a square of 3 x 3 pixels leave.

    Args:
        labels: (*, H, W) of any type.
        width: Pixels.

    Returns:
        (*, H, W) bool.
    """
    alike = _is_even(labels, width)
    return _is_even(labels.mT, width).mT & ~_any_around(~alike.mT, width).mT


def _is_even(labels: Tensor, width: int) -> Tensor:
    """Finds the pixels whose row has one label for `width` pixels to both sides."""
    changes = F.pad(labels[..., 1:] != labels[..., :-1], (width, width), value=True)
    return ~_any_within(changes, 2 * width)


def _any_around(marks: Tensor, width: int) -> Tensor:
    """Finds the pixels whose row has a mark within `width` pixels to either side."""
    return _any_within(F.pad(marks, (width, width)), 2 * width + 1)


def _any_within(marks: Tensor, span: int) -> Tensor:
    """Looks for a mark among so many, from each place in a row on where there are as many."""
    counts = F.pad(marks, (1, 0)).cumsum(-1, dtype=torch.int32)
    return counts[..., span:] != counts[..., :-span]
