"""Masks of COCO files, checked before compiled code sees them: malformed ones crash it, or show it foreign memory."""

from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as mask_api


class Mask(TypedDict):
    """A mask of one image as run lengths, column by column, starting outside the object."""

    size: list[int]
    """Height and width of the image."""
    counts: str
    """The run lengths in COCO's compressed spelling."""


# An outline is rasterised in steps of a fifth of a pixel, with some 24 bytes for each.
_FARTHEST = 1e6
_LONGEST_OUTLINE = 1e6
# Places are counted in 32 bits with a sign.
_MOST_PIXELS = 2**31 - 1
# Seven characters of five bits hold any run of 32 bits.
_LONGEST_RUN = 7


def read_mask(segmentation: Any, size: tuple[int, int]) -> Mask:
    """Turns any of COCO's three spellings into compressed run lengths.

    Args:
        segmentation: A list of polygons `[x, y, x, y, ...]` in pixels, or `{"size", "counts"}` with counts as a list
            or compressed.
        size: Height and width of the image.

    Raises:
        ValueError: It is none of these, belongs to an image of another size, has numbers that are not finite or far
            outside any image, or run lengths that do not fill the image.
    """
    if size[0] * size[1] > _MOST_PIXELS:
        raise ValueError(f"a mask of {size[0]} x {size[1]} pixels is too large")
    if isinstance(segmentation, list) and segmentation:
        return _from_polygons(segmentation, size)
    if isinstance(segmentation, dict):
        return _from_runs(segmentation, size)
    raise ValueError(
        '"segmentation" must be polygons [[x, y, x, y, ...], ...] or {"size": [h, w], "counts": ...}, '
        f"got {segmentation!r:.60}"
    )


def mask_area(mask: Mask) -> float:
    """Counts the pixels of a mask from `read_mask`."""
    return float(mask_api.area(mask))


def decode_mask(mask: Mask) -> NDArray[np.bool_]:
    """Draws a mask from `read_mask` to (H, W)."""
    lengths = _decompress(mask["counts"].encode())
    height, width = mask["size"]
    # By hand: pycocotools' own function calls numpy in a way that it warns of.
    return np.repeat(np.arange(len(lengths)) % 2 == 1, lengths).reshape(width, height).T


def _from_polygons(polygons: list[Any], size: tuple[int, int]) -> Mask:
    for polygon in polygons:
        _check_polygon(polygon)
    return _spelled(mask_api.merge(mask_api.frPyObjects(polygons, *size)))


def _check_polygon(polygon: Any) -> None:
    if not isinstance(polygon, list) or len(polygon) < 6 or len(polygon) % 2:
        raise ValueError(
            f"a polygon must be a list of at least 6 numbers [x, y, x, y, ...], got {polygon!r:.60}"
        )
    for number in polygon:
        if not isinstance(number, int | float) or not abs(number) <= _FARTHEST:
            raise ValueError(
                f"coordinates of a polygon must be numbers of at most {_FARTHEST:.0e}, got {number!r:.60}"
            )
    corners = np.array(polygon, dtype=np.float64).reshape(-1, 2)
    steps = np.abs(corners - np.roll(corners, 1, axis=0)).max(axis=1)
    if steps.sum() > _LONGEST_OUTLINE:
        raise ValueError(f"the outline of a polygon is {steps.sum():.3g} pixels long")


def _from_runs(runs: dict[str, Any], size: tuple[int, int]) -> Mask:
    if runs.get("size") != list(size):
        raise ValueError(
            f'the image is of [height, width] {list(size)}, but the mask has "size" {runs.get("size")!r:.60}'
        )
    counts = runs.get("counts")
    if isinstance(counts, str | bytes):
        counts = _decompress(counts.encode() if isinstance(counts, str) else counts).tolist()
    if not isinstance(counts, list):
        raise ValueError(f'"counts" must be a list or a text, got {counts!r:.60}')
    _check_runs(counts, size)
    if 0 in counts[1:]:
        counts = _without_empty_runs(counts)
    return _spelled(mask_api.frPyObjects({"size": list(size), "counts": counts}, *size))


def _check_runs(counts: list[Any], size: tuple[int, int]) -> None:
    if not all(isinstance(count, int) and count >= 0 for count in counts):
        raise ValueError('"counts" must be whole numbers from 0')
    if sum(counts) != size[0] * size[1]:
        raise ValueError(
            f'"counts" add up to {sum(counts)}, but an image of {size[0]} x {size[1]} has '
            f"{size[0] * size[1]} pixels"
        )


def _without_empty_runs(counts: list[int]) -> list[int]:
    """Joins the runs beside those of length 0, after which evaluators disagree; only the first may be 0."""
    ends, times = np.unique(np.cumsum(counts), return_counts=True)
    cuts = ends[:-1][times[:-1] % 2 == 1]
    joined: list[int] = np.diff(cuts, prepend=0, append=ends[-1]).tolist()
    return joined


def _decompress(text: bytes) -> NDArray[np.int64]:
    """Reads run lengths as COCO's own code writes them (rleToString in its maskApi.c).

    Each character holds five bits, the lowest first, and says whether another follows; from the fourth number on, what
    is written is the difference to the number before the last.

    Raises:
        ValueError: It was not written so.
    """
    codes = np.frombuffer(text, dtype=np.uint8).astype(np.int64) - ord("0")
    ends = np.flatnonzero(codes & 32 == 0)
    if not len(codes) or codes.min() < 0 or codes.max() > 63 or codes[-1] & 32:
        raise ValueError(f'"counts" is not a complete list of run lengths: {text!r:.60}')
    lengths = np.diff(ends, prepend=-1)
    if lengths.max() > _LONGEST_RUN:
        raise ValueError(f'"counts" has a number that no run has: {text!r:.60}')
    starts = ends + 1 - lengths
    shifts = 5 * (np.arange(len(codes)) - np.repeat(starts, lengths))
    negative = codes[ends] >> 4 & 1
    counts: NDArray[np.int64] = np.add.reduceat((codes & 31) << shifts, starts)
    counts -= negative << (5 * lengths)
    counts[1::2] = counts[1::2].cumsum()
    counts[2::2] = counts[2::2].cumsum()
    return counts


def _spelled(mask: dict[str, Any]) -> Mask:
    return Mask(size=list(mask["size"]), counts=mask["counts"].decode("ascii"))
