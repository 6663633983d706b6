"""Lesions found and made up: the connected regions of two masks, matched by their overlap."""

from typing import NamedTuple

import numpy as np

from medical.scores.regions import Mask, bounding_box, find_regions

OVERLAP = 0.1
"""A lesion counts as found where its IoU with a predicted region is more than this."""


class LesionCounts(NamedTuple):
    """How the lesions of one mask fared."""

    lesions: int
    """Connected regions of the true mask."""
    found: int
    """Those of them that some predicted region overlaps well enough."""
    false: int
    """Predicted regions that overlap no lesion well enough."""


def match_lesions(predicted: Mask, true: Mask) -> LesionCounts:
    """Counts lesions that are found, and predicted regions that are none.

    A lesion is found where its IoU with some predicted region is more than `OVERLAP`; a predicted region is false
    where its IoU with every lesion is at most that. So a lesion found in two pieces is no false alarm, and one region
    over two lesions finds both if it is not much larger than each.

    Args:
        predicted: (D, H, W) bool.
        true: (D, H, W) bool.

    Returns:
        The counts; swapping the masks swaps what is missed for what is false.
    """
    box = bounding_box(predicted | true)
    if box is None:
        return LesionCounts(0, 0, 0)
    guesses, lesions = find_regions(predicted[box]), find_regions(true[box])
    both = (guesses.labels > 0) & (lesions.labels > 0)
    numbered = lesions.labels[both].astype(np.int64) * (len(guesses) + 1) + guesses.labels[both]
    pairs, shared = np.unique(numbered, return_counts=True)
    of_lesion, of_guess = np.divmod(pairs, len(guesses) + 1)
    united = lesions.sizes[of_lesion - 1] + guesses.sizes[of_guess - 1] - shared
    good = shared > OVERLAP * united
    found, right = len(np.unique(of_lesion[good])), len(np.unique(of_guess[good]))
    return LesionCounts(len(lesions), found, len(guesses) - right)
