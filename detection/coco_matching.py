"""COCO's matching of results with ground truth (https://cocodataset.org/#detection-eval), in all images at once.

Of an image and class, the result of highest score takes the object that it overlaps most, then the next one takes
another, and so on. All images and classes have their first turn together, then their second: each is a few operations
on columns of pairs. Most results overlap nothing, and are in no pair.
"""

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as mask_api

from detection.coco_columns import Results, Truth, spans

THRESHOLDS = np.linspace(0.5, 0.95, 10)
"""(10,) overlaps from which on a result may take an object."""
NOTHING, OBJECT, IGNORED = range(3)
"""What a result takes; an ignored object counts neither as found nor as missed."""

Overlap = Callable[[NDArray[Any], NDArray[Any], NDArray[np.bool_]], NDArray[np.float64]]
"""Compares (p,) results with (p,) objects, of which some are crowds."""

# Pairs that are compared at once, at some 200 bytes each.
_AT_ONCE = 2**18


class Pairs(NamedTuple):
    """P pairs of a result and an object of one image and class, which overlap enough for the lowest threshold.

    They are sorted by turn, then result, then from the least to the most wanted object: that of largest overlap, and of
    equal ones the last.
    """

    contenders: NDArray[np.int64]
    """(C,) places of the results that have pairs, rising."""
    owners: NDArray[np.int64]
    """(P,) the pair's result, as its place in `contenders`."""
    objects: NDArray[np.int64]
    """(P,) the pair's object, as its place in the ground truth."""
    overlaps: NDArray[np.float64]
    """(P,)."""
    turns: NDArray[np.int64]
    """(R + 1,) where each turn begins, and P."""


def find_pairs(truth: Truth, results: Results, ranks: NDArray[np.int64], overlap: Overlap) -> Pairs:
    """Finds which results may take which objects.

    Args:
        truth: M objects.
        results: n results.
        ranks: (n,) place of the result among those of its image and class, 0 for the highest score.
        overlap: Compares the shapes.
    """
    parts = []
    for takers, objects in _same_group(truth, results):
        overlaps = overlap(results.shapes[takers], truth.shapes[objects], truth.crowd[objects])
        enough = overlaps >= THRESHOLDS[0]
        parts.append((takers[enough], objects[enough], overlaps[enough]))
    takers, objects, overlaps = map(np.concatenate, zip(*parts, strict=True))
    order = np.lexsort((objects, overlaps, takers, ranks[takers]))
    contenders, owners = np.unique(takers[order], return_inverse=True)
    turns = np.append(runs(ranks[takers[order]]), len(order))
    return Pairs(contenders, owners, objects[order], overlaps[order], turns)


def match(pairs: Pairs, ignored: NDArray[np.bool_], crowd: NDArray[np.bool_]) -> NDArray[np.int8]:
    """Lets results take objects in turn: ignored ones only where no other is left, crowds any number of times.

    Args:
        pairs: Who may take what.
        ignored: (M,) objects that do not count, all crowds among them.
        crowd: (M,).

    Returns:
        (10, C) what each contender takes at each threshold: `NOTHING`, an `OBJECT` or an `IGNORED` one.
    """
    takes = np.full((len(pairs.contenders), len(THRESHOLDS)), NOTHING, dtype=np.int8)
    taken = np.zeros((len(ignored), len(THRESHOLDS)), dtype=bool)
    for start, end in pairwise(pairs.turns):
        owners, objects = pairs.owners[start:end], pairs.objects[start:end]
        free = ~taken[objects] | crowd[objects, None]
        free &= pairs.overlaps[start:end, None] >= THRESHOLDS
        wanted = np.arange(len(objects)) + len(objects) * ~ignored[objects]
        firsts = runs(owners)
        best = np.maximum.reduceat(np.where(free, wanted[:, None], -1), firsts)
        who, threshold = np.nonzero(best >= 0)
        chosen = objects[best[who, threshold] % len(objects)]
        taken[chosen, threshold] = True
        takes[owners[firsts[who]], threshold] = np.where(ignored[chosen], IGNORED, OBJECT)
    return takes.T


def box_overlaps(
    found: NDArray[np.float64], truth: NDArray[np.float64], crowd: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Compares boxes x, y, width, height, each with the one at its place.

    Args:
        found: (p, 4) of results.
        truth: (p, 4) of objects.
        crowd: (p,) whether the object is one.

    Returns:
        (p,) intersection over union, or over the result's area where the object is a crowd.
    """
    lows = np.maximum(found[:, :2], truth[:, :2])
    highs = np.minimum(found[:, :2] + found[:, 2:], truth[:, :2] + truth[:, 2:])
    width, height = (highs - lows).clip(0).T
    shared = width * height
    area, object_area = found[:, 2] * found[:, 3], truth[:, 2] * truth[:, 3]
    union = np.where(crowd, area, area + object_area - shared)
    overlaps = np.zeros(len(found))
    np.divide(shared, union, out=overlaps, where=shared > 0)
    return overlaps


def mask_overlaps(
    found: NDArray[Any], truth: NDArray[Any], crowd: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Compares masks, each with the one at its place.

    Args:
        found: (p,) `Mask` of results.
        truth: (p,) `Mask` of objects.
        crowd: (p,) whether the object is one.

    Returns:
        (p,) intersection over union, or over the result's area where the object is a crowd.
    """
    triples = zip(found, truth, crowd.tolist(), strict=True)
    overlaps = (mask_api.iou([one], [other], [is_crowd]).item() for one, other, is_crowd in triples)
    return np.fromiter(overlaps, dtype=np.float64, count=len(found))


def runs(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Finds where runs of equal values begin, in (n,) values from 0."""
    return np.flatnonzero(np.diff(values, prepend=-1))


def _same_group(
    truth: Truth, results: Results
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Places of results and objects in all pairs of one image and class, some at a time."""
    objects = truth.labels * truth.num_images + truth.images
    order = np.argsort(objects, kind="stable")
    groups = results.labels * truth.num_images + results.images
    starts, ends = (np.searchsorted(objects[order], groups, side) for side in ("left", "right"))
    takers = np.flatnonzero(ends > starts)
    starts, lengths = starts[takers], (ends - starts)[takers]
    for part in np.split(np.arange(len(takers)), runs(np.cumsum(lengths) // _AT_ONCE)[1:]):
        places = spans(starts[part], lengths[part])
        yield np.repeat(takers[part], lengths[part]), order[places]
