"""Slices with their neighbours as further channels (2.5D)."""

import numpy as np
from numpy.typing import NDArray


def stack(scan: NDArray[np.float32], index: int, slices: int) -> NDArray[np.float32]:
    """Puts a slice between its neighbours; beyond the ends of the scan its outermost slices are repeated.

    Args:
        scan: (D, h, w, C) float32.
        index: Of the slice in the middle.
        slices: How many, an odd number.

    Returns:
        (h, w, slices * C) float32: the channels of the first slice, then those of the next one, and so on.
    """
    around = np.arange(index - slices // 2, index + slices // 2 + 1).clip(0, len(scan) - 1)
    return np.concatenate([scan[place] for place in around], axis=-1)
