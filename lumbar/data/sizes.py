"""The arithmetic of sizes, (height, width): of an image after resizing, and of its canvas."""

import math
from collections.abc import Sequence

from lumbar.data.config import ResizeConfig

Size = tuple[int, int]


def resized_size(size: Size, resize: ResizeConfig, short: int) -> Size:
    """Says how large an image becomes, from its size alone.

    The short edge becomes `short`, or less where the long edge would exceed `resize.long`, rounded
    to the nearest pixel. Rule "torchvision" rounds down, as `GeneralizedRCNNTransform` does (so that
    799 for 800 occurs).

    Args:
        size: Height and width of the image in pixels, both positive.
        resize: Rule and longest edge.
        short: Wanted length of the short edge in pixels.

    Returns:
        Height and width in pixels, at least 1.
    """
    scale = _scaled_twice if resize.rule == "pil" else _scaled
    half = 0.0 if resize.rule == "torchvision" else 0.5
    height, width = (max(1, math.floor(edge + half)) for edge in scale(size, short, resize.long))
    return height, width


def fitted_size(size: Size, short: int, long: int | None, *, floor: bool) -> Size:
    """Says how large an image becomes whose short edge is to have exactly so many pixels.

    Args:
        size: Height and width of the image in pixels, both positive.
        short: Wanted length of the short edge in pixels.
        long: The long edge is never longer than this; None allows any.
        floor: Whether the other edge is rounded down, not to the nearest pixel.

    Returns:
        Height and width in pixels, at least 1.
    """
    target, edge = short, min(size)
    if long is not None and short * max(size) > long * edge:
        target, edge = long, max(size)
    # Whole numbers: an edge of 519.9999 pixels would be rounded down.
    half = 0 if floor else edge
    height, width = (max(1, (2 * length * target + half) // (2 * edge)) for length in size)
    return height, width


def padded_size(size: Size, multiple: int, buckets: Sequence[Size]) -> Size:
    """Finds the canvas that holds an image of this size.

    Args:
        size: Height and width in pixels.
        multiple: Where no bucket is large enough, height and width are the next multiples of this.
        buckets: Canvases; the first one that is large enough is taken.
    """
    for bucket in buckets:
        if bucket[0] >= size[0] and bucket[1] >= size[1]:
            return bucket
    height, width = (math.ceil(edge / multiple) * multiple for edge in size)
    return height, width


def canvas_of(size: Size, resize: ResizeConfig, multiple: int, buckets: Sequence[Size]) -> Size:
    """Says on which canvas an image is evaluated, which does not depend on its batch mates.

    Args:
        size: Height and width of the image file in pixels.
        resize: As in evaluation, where the short edge becomes `resize.test_short`.
        multiple: As for `padded_size`.
        buckets: As for `padded_size`.
    """
    return padded_size(resized_size(size, resize, resize.test_short), multiple, buckets)


def _scaled(size: Size, short: int, long: int) -> list[float]:
    scale = min(short / min(size), long / max(size))
    return [edge * scale for edge in size]


def _scaled_twice(size: Size, short: int, long: int) -> list[float]:
    """The short edge first, then the long one, as detectron2: half a pixel may fall to the other side."""
    edges = [short if edge == min(size) else edge * (short / min(size)) for edge in size]
    excess = min(1.0, long / max(edges))
    return [edge * excess for edge in edges]
