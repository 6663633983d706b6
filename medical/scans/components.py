"""How many pieces a mask falls into, by numpy alone."""

from collections.abc import Iterator
from itertools import product

import numpy as np
from numpy.typing import NDArray

_EARLIER = [offset for offset in product((-1, 0, 1), repeat=2) if offset < (0, 0)]
"""Rows beside a row that come before it: in the slice before, or in its own."""


def count_components(mask: NDArray[np.bool_]) -> int:
    """Counts the connected regions of a mask; voxels that share a face, an edge or a corner belong together.

    Runs of voxels along the rows are joined with those of neighbouring rows that they touch.

    Args:
        mask: (D, H, W) bool.

    Returns:
        Their number.
    """
    runs = _Runs(mask)
    own, other = (np.concatenate(ends) for ends in zip(*runs.touching(), strict=True))
    # Each run points at an earlier one that it is connected with, the first one of all at itself.
    first = np.arange(len(runs.starts))
    while own.size:
        roots = first[own], first[other]
        np.minimum.at(first, np.maximum(*roots), np.minimum(*roots))
        while (further := first[first]).tobytes() != first.tobytes():
            first = further
        apart = first[own] != first[other]
        own, other = own[apart], other[apart]
    return len(np.unique(first))


class _Runs:
    """Unbroken runs of a mask along its rows, in order."""

    def __init__(self, mask: NDArray[np.bool_]) -> None:
        _, self.height, width = mask.shape
        self.stride = width + 2
        # With a gap around each row, so that no run goes on in the next one.
        edges = np.diff(np.pad(mask, ((0, 0), (0, 0), (1, 1))).astype(np.int8), axis=2)
        changes = np.pad(edges, ((0, 0), (0, 0), (0, 1))).ravel()
        self.starts, self.ends = np.flatnonzero(changes == 1), np.flatnonzero(changes == -1)

    def touching(self) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """Pairs of runs, by their numbers, in each of the directions in which neighbours lie."""
        slices, rows = np.divmod(self.starts // self.stride, self.height)
        for before, above in _EARLIER:
            there = (slices + before >= 0) & (rows + above >= 0) & (rows + above < self.height)
            own = np.flatnonzero(there)
            shift = (before * self.height + above) * self.stride
            # Touching ones end at or behind where this one starts, and start at or before where it ends.
            low = np.searchsorted(self.ends, self.starts[own] + shift)
            high = np.searchsorted(self.starts, self.ends[own] + shift, side="right")
            counts = np.maximum(high - low, 0)
            numbers = np.arange(counts.sum()) - np.repeat(counts.cumsum() - counts, counts)
            yield np.repeat(own, counts), np.repeat(low, counts) + numbers
