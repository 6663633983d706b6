"""Mirrored views of a slice, whose probabilities are averaged."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

Axes = tuple[int, ...]
"""Axes of (..., h, w), from the end, that are turned around."""

_AXES: Mapping[str, Axes] = {"vertical": (-2,), "horizontal": (-1,), "both": (-2, -1)}


def views(flips: Sequence[str]) -> tuple[Axes, ...]:
    """The axes that are turned around in each view; the first is the slice as it is.

    Args:
        flips: Of `horizontal` (left and right are swapped), `vertical` and `both`.
    """
    return ((), *(_AXES[flip] for flip in dict.fromkeys(flips)))


def mirrored(maps: NDArray[np.float32], axes: Axes) -> NDArray[np.float32]:
    """Turns maps (..., h, w) around, a view of the same memory; twice gives what there was."""
    return np.flip(maps, axes) if axes else maps


def mean(maps: Iterable[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Averages maps of one shape, one at a time in memory.

    The sum has 64 bits, in which that of a few numbers of 32 is exact: it does not depend on their order, and the mean
    of equal ones is what they are.

    Args:
        maps: At least one, (K, h, w) float32 of probabilities.

    Returns:
        (K, h, w) float32.
    """
    others = iter(maps)
    total: NDArray[np.floating] = next(others)
    number = 1
    for number, each in enumerate(others, start=2):  # noqa: B007 - the last one counts
        total = total + each.astype(np.float64)
    return (total / number).astype(np.float32)
