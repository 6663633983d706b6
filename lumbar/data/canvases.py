"""Canvases chosen from the data: few enough to be compiled, close enough to the images to waste little."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from lumbar.data.config import AugmentConfig, ResizeConfig
from lumbar.data.sizes import Size, padded_size, resized_size

Sizes = NDArray[np.int64]
"""(N, 2) height and width of images in pixels."""

_SLACK = 1.01
"""How much more area fewer canvases may have."""


def choose_canvases(
    trained: Sizes, evaluated: Sizes, *, multiple: int, least: int, at_most: int = 6
) -> tuple[Size, ...]:
    """Chooses the canvases that hold all images with the least padding.

    Images in the order of their shapes, from portrait to landscape, are cut into ranges, each of which gets the
    smallest canvas that holds it. Of all ways to cut them the best one is found exactly, by dynamic programming; then
    come the fewest ranges that have about the same area.

    Args:
        trained: (N, 2) largest size of each training image.
        evaluated: (M, 2) size of each image that is evaluated.
        multiple: Edges of canvases are multiples of this.
        least: Fewest training images of a range, if it has any: those of a step.
        at_most: Canvases.

    Returns:
        Height and width, smallest area first.
    """
    least = min(least, len(trained))
    sizes = [*trained.tolist(), *evaluated.tolist()]
    padded = [padded_size((height, width), multiple, ()) for height, width in sizes]
    shapes = sorted(set(padded), key=lambda size: (size[1] / size[0], size))
    place_of = {shape: place for place, shape in enumerate(shapes)}
    places = np.array([place_of[size] for size in padded])
    images, learnt = (
        _in_ranges(np.bincount(some, minlength=len(shapes)), np.add)
        for some in (places, places[: len(trained)])
    )
    heights, widths = (_in_ranges(edges, np.maximum) for edges in np.array(shapes).T)
    areas = (images * heights * widths).astype(np.float64)
    areas[(learnt > 0) & (learnt < least)] = np.inf
    for most in range(at_most, 0, -1):
        ranges = _best_ranges(areas, most)
        canvases = {(int(heights[pair]), int(widths[pair])) for pair in ranges}
        # An image at the border of two ranges may fit into both, and leave too few in its own.
        _, members = np.unique(canvas_groups(trained, [*canvases]), return_counts=True)
        if members.min(initial=least) >= least:
            break
    return tuple(sorted(canvases, key=lambda size: (size[0] * size[1], size)))


def canvas_groups(trained: Sizes, canvases: Sequence[Size]) -> NDArray[np.int64]:
    """Groups images so that those of a group have a canvas in common.

    Args:
        trained: (N, 2) largest size of each image.
        canvases: Height and width of each.

    Returns:
        (N,) number of the narrowest canvas that holds the image, where there is one.
    """
    # Of canvases for ranges of shapes the narrowest one is that of the range.
    ordered = np.array(sorted(canvases, key=lambda size: size[::-1]))
    holds = np.asarray((trained[:, None] <= ordered).all(2))
    return np.where(holds.any(1), holds.argmax(1), len(ordered))


def padding_share(sizes: Sizes, canvases: Sequence[Size], multiple: int) -> float:
    """Share of the pixels of canvases that no image fills.

    Args:
        sizes: (N, 2) of the images, N >= 1.
        canvases: Height and width of each, smallest first.
        multiple: As for `padded_size`.
    """
    chosen = [padded_size((height, width), multiple, canvases) for height, width in sizes.tolist()]
    return 1 - float(sizes.prod(1).sum() / np.array(chosen).prod(1).sum())


def training_sizes(files: Sizes, resize: ResizeConfig, augment: AugmentConfig) -> Sizes:
    """Says how large images can become in training, where albumentations does not change their shape.

    Args:
        files: (N, 2) sizes of the image files.
        resize: Of which the largest short edge counts.
        augment: Random changes; a crop may be taller or wider than the image.

    Returns:
        (N, 2).
    """
    if augment.scale_jitter is not None:
        return np.full_like(files, augment.scale_jitter_size)
    low, high = augment.crop or (1.0, 1.0)
    short = max(resize.short)
    return _for_each_size(
        files,
        lambda height, width: (
            resized_size(_window(height * high, width * low), resize, short)[0],
            resized_size(_window(height * low, width * high), resize, short)[1],
        ),
    )


def evaluation_sizes(files: Sizes, resize: ResizeConfig) -> Sizes:
    """Says how large images (N, 2) become in evaluation."""
    return _for_each_size(
        files, lambda height, width: resized_size((height, width), resize, resize.test_short)
    )


def _for_each_size(files: Sizes, change: Callable[[int, int], Size]) -> Sizes:
    """Changes the sizes (N, 2) of images, each that occurs once."""
    sizes, numbers = np.unique(files, axis=0, return_inverse=True)
    return np.array([change(*size) for size in sizes.tolist()]).reshape(-1, 2)[numbers.reshape(-1)]


def _window(height: float, width: float) -> Size:
    return max(1, round(height)), max(1, round(width))


def _in_ranges(values: NDArray[np.int64], join: np.ufunc) -> NDArray[np.int64]:
    """Joins the values (n,) of each range; (n, n) by its first and its last one, 0 where it ends before it begins."""
    table: NDArray[np.int64] = join.accumulate(np.triu(np.tile(values, (len(values), 1))), axis=1)
    return table


def _best_ranges(areas: NDArray[np.float64], at_most: int) -> list[tuple[int, int]]:
    """Cuts a row into ranges.

    Args:
        areas: (n, n) of the range from one place to another, infinite where it may not be one.
        at_most: Ranges.

    Returns:
        First and last place of each.
    """
    count = len(areas)
    areas = np.where(np.tri(count, k=-1, dtype=bool), np.inf, areas)
    totals, cuts = [np.array([0.0] + [np.inf] * count)], []
    for _ in range(min(at_most, count)):
        # What comes before each first place, and the range from there.
        sums = totals[-1][:-1, None] + areas
        cuts.append(sums.argmin(0))
        totals.append(np.append(np.inf, sums.min(0)))
    least = min(total[-1] for total in totals)
    fewest = next(n for n, total in enumerate(totals) if total[-1] <= least * _SLACK)
    ranges, end = [], count
    for firsts in reversed(cuts[:fewest]):
        ranges.append((int(firsts[end - 1]), end - 1))
        end = ranges[-1][0]
    return ranges
