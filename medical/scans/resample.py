"""Slices in another size: half-pixel centres, and where they shrink an average over all that a pixel stands for.

Along each edge a pixel of the result is a weighted mean of a few of the source. The mean is a running one: where they
agree it does not move by a bit, so that what is constant stays what it is.
"""

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Size = tuple[int, int]
"""Height and width in pixels."""


def resize(scan: NDArray[np.float32], size: Size) -> NDArray[np.float32]:
    """Interpolates linearly in the plane; to less than the source by a triangle as wide as a pixel of the result.

    Equal to torch's `F.interpolate(mode="bilinear", align_corners=False, antialias=True)` but for rounding.

    Args:
        scan: (D, H, W, ...) float32.
        size: Height and width of the result.

    Returns:
        (D, *size, ...) float32; the scan itself if it has this size.
    """
    if scan.shape[1:3] == size:
        return scan
    resized = np.empty((len(scan), *size, *scan.shape[3:]), np.float32)
    for index, slice_ in enumerate(scan):
        # The shorter way first: what shrinks along one edge is less to do along the other.
        first, second = (0, 1) if size[0] < slice_.shape[0] else (1, 0)
        resized[index] = _along(_along(slice_, first, size[first]), second, size[second])
    return resized


def resize_labels(labels: NDArray[Any], size: Size) -> NDArray[Any]:
    """Takes for each pixel of the result the label of the source in which its centre lies.

    Args:
        labels: (D, H, W, ...) of any type.
        size: Height and width of the result.

    Returns:
        (D, *size, ...) of the same type; the labels themselves if they have this size.
    """
    if labels.shape[1:3] == size:
        return labels
    rows, columns = (
        # In whole numbers: floor((i + 0.5) * before / after).
        (2 * np.arange(after) + 1) * before // (2 * after)
        for before, after in zip(labels.shape[1:3], size, strict=True)
    )
    return labels[:, rows[:, None], columns]


@lru_cache(maxsize=32)
def taps(before: int, after: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Which pixels of an edge make up each pixel of the resized edge.

    Args:
        before: Pixels of the source.
        after: Pixels of the result.

    Returns:
        Places (n, after) in the source, and their weights (n, after), which add up to 1.
    """
    scale = before / after
    reach = max(scale, 1.0)
    centres = (np.arange(after) + 0.5) * scale
    first = np.ceil(centres - reach - 0.5).astype(np.int64)
    places = first + np.arange(int(np.ceil(2 * reach)) + 1)[:, None]
    weights = np.maximum(0.0, 1 - np.abs(places + 0.5 - centres) / reach)
    weights[(places < 0) | (places >= before)] = 0
    weights /= weights.sum(0)
    used = weights.any(1)
    return np.clip(places, 0, before - 1)[used], weights[used]


def _along(slice_: NDArray[np.float32], axis: int, after: int) -> NDArray[np.float32]:
    """Resizes one slice (H, W, ...) along one edge."""
    if slice_.shape[axis] == after:
        return slice_
    places, weights = taps(slice_.shape[axis], after)
    totals = weights.cumsum(0)
    shares = np.divide(weights, totals, out=np.zeros_like(weights), where=totals > 0)
    shape = [after if place == axis else 1 for place in range(slice_.ndim)]
    mean: NDArray[np.float32] = slice_.take(places[0], axis)
    for place, share in zip(places[1:], shares[1:], strict=True):
        tap = slice_.take(place, axis)
        tap -= mean
        tap *= share.astype(np.float32).reshape(shape)
        mean += tap
    return mean
