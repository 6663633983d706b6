"""Answers to the images of a split: whole numbers, from which all scores follow."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]


class Answers(NamedTuple):
    """How each of V images was classified."""

    image_ids: Integers
    """(V,)."""
    labels: Integers
    """(V,) its true class."""
    predicted: Integers
    """(V,) the class of the highest score."""
    ranks: Integers
    """(V,) classes that were preferred to the true one: 0 is right."""


def no_answers() -> Answers:
    """No image was looked at."""
    none = np.zeros(0, dtype=np.int64)
    return Answers(none, none, none, none)


def join(parts: Sequence[Answers]) -> Answers:
    """Joins at least one part, by image id; of an image that came several times, only the first time counts."""
    joined = Answers(*map(np.concatenate, zip(*parts, strict=True)))
    _, first_visits = np.unique(joined.image_ids, return_index=True)
    return Answers(*(field[first_visits] for field in joined))


def confusion(answers: Answers, num_classes: int) -> Integers:
    """Counts images by their true class (rows) and the one they were given (columns), (K, K)."""
    cells = answers.labels * num_classes + answers.predicted
    return np.bincount(cells, minlength=num_classes**2).reshape(num_classes, num_classes)


def ratio(part: Integers | Floats, whole: Integers | Floats) -> Floats:
    """Divides counts, NaN where there is nothing to divide by."""
    shares = np.full(np.shape(whole), np.nan)
    np.divide(part, whole, out=shares, where=np.greater(whole, 0))
    return shares
