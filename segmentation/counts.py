"""Counts of pixels, image by image: whole numbers, from which all scores follow."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]


class Overlap(NamedTuple):
    """Pixels of masks by what was predicted and what is true; four arrays of one shape."""

    true_positives: Integers
    false_positives: Integers
    false_negatives: Integers
    true_negatives: Integers

    @classmethod
    def of(cls, counts: Integers) -> "Overlap":
        """From an array (*, 4)."""
        return cls(*np.moveaxis(counts, -1, 0))

    @property
    def true(self) -> Integers:
        """Size of the true masks."""
        return self.true_positives + self.false_negatives

    @property
    def predicted(self) -> Integers:
        """Size of the predicted masks."""
        return self.true_positives + self.false_positives

    def sum(self, axis: int | None = None) -> "Overlap":
        """The masks laid together along an axis, or all of them."""
        return Overlap(*(field.sum(axis) for field in self))

    def iou(self) -> Floats:
        """Intersection over union, NaN where both masks are empty."""
        return ratio(self.true_positives, self.true + self.false_positives)

    def dice(self) -> Floats:
        """Twice the intersection over the sum of sizes, NaN where both masks are empty."""
        return ratio(2 * self.true_positives, self.true + self.predicted)

    def recall(self) -> Floats:
        """Share of the true mask that is found, NaN where it is empty."""
        return ratio(self.true_positives, self.true)

    def precision(self) -> Floats:
        """Share of the predicted mask that is right, NaN where it is empty."""
        return ratio(self.true_positives, self.predicted)


class Counts(NamedTuple):
    """What was counted in V images of K classes."""

    image_ids: Integers
    """(V,)."""
    right: Integers
    """(V,) decisions that are right; a pixel is one of them if it has one class, and K if it may have several."""
    decisions: Integers
    """(V,) decisions that there were; pixels that are ignored have none."""
    areas: Integers
    """(V, K, 4) the columns of `Overlap`, for the masks of the classes."""
    rims: Integers
    """(V, K, 4) the same for the rims of these masks."""


def nothing_counted(num_classes: int) -> Counts:
    """No image was looked at."""
    none, empty = np.zeros(0, dtype=np.int64), np.zeros((0, num_classes, 4), dtype=np.int64)
    return Counts(none, none, none, empty, empty)


def join(parts: Sequence[Counts]) -> Counts:
    """Joins at least one part, by image id; of an image that came several times, only the first time counts."""
    joined = Counts(*map(np.concatenate, zip(*parts, strict=True)))
    _, first_visits = np.unique(joined.image_ids, return_index=True)
    return Counts(*(field[first_visits] for field in joined))


def ratio(part: Integers | Floats, whole: Integers) -> Floats:
    """Divides by counts, NaN where they are zero."""
    shares = np.full(np.shape(whole), np.nan)
    np.divide(part, whole, out=shares, where=np.greater(whole, 0))
    return shares


def mean_where(values: Floats, kept: NDArray[np.bool_], axis: int | None = None) -> Floats:
    """Averages the kept values, NaN where none is kept."""
    return ratio(values.sum(axis, where=kept), kept.sum(axis))
