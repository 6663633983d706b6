"""Precision and recall by COCO's definition, number by number as pycocotools computes them, for all classes at once."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detection.coco_columns import Results, Truth
from detection.coco_matching import NOTHING, OBJECT, Overlap, Pairs, find_pairs, match, runs

RECALLS = np.linspace(0, 1, 101)
"""(101,) where precision is read."""
SIZES = ((0, 1e10), (0, 32**2), (32**2, 96**2), (96**2, 1e10))
"""Smallest and largest area in pixels^2 of all objects, and of small, medium and large ones."""
LIMITS = (1, 10, 100)
"""How many results of an image and class count."""


class Curves(NamedTuple):
    """COCO's numbers before any mean; -1 where there is no ground truth.

    Sizes of objects are all, small, medium and large; overlaps are .50:.95, and recalls 0:1 in steps of .01. Recall is
    also told for fewer results of an image and class (1, 10, 100).
    """

    precision: NDArray[np.float64]
    """(4 sizes, 10 overlaps, K, 101 recalls)."""
    recall: NDArray[np.float64]
    """(4 sizes, 3 numbers of results, 10 overlaps, K)."""


class _Contest(NamedTuple):
    """What is the same for objects of all sizes."""

    truth: Truth
    results: Results
    """By class, and there by falling score."""
    ranks: NDArray[np.int64]
    """(n,) place of the result among those of its image and class, 0 for the highest score."""
    pairs: Pairs


def compute_curves(truth: Truth, results: Results, overlap: Overlap) -> Curves:
    """Matches results with ground truth, and draws the curves.

    Args:
        truth: M objects of K classes.
        results: n results.
        overlap: Compares their shapes.
    """
    results, ranks = _line_up(results, truth.num_images)
    pairs = find_pairs(truth, results, ranks, overlap)
    contest = _Contest(truth, results, ranks, pairs)
    curves = [_curves_within(size, contest) for size in SIZES]
    return Curves(*map(np.stack, zip(*curves, strict=True)))


def _line_up(results: Results, num_images: int) -> tuple[Results, NDArray[np.int64]]:
    """Sorts results by class and falling score, leaves out those beyond the limit, and ranks them (n,) in their images.

    Equal scores are in the order of their images, and there in that in which they came.
    """
    images, labels = _narrow(results.images), _narrow(results.labels)
    order = np.lexsort((images, -results.scores, labels))
    images, labels = images[order], labels[order]
    by_group = np.lexsort((images, labels))
    firsts = runs((results.labels * num_images + results.images)[order[by_group]])
    lengths = np.diff(firsts, append=len(order))
    ranks = np.empty_like(order)
    ranks[by_group] = np.arange(len(order)) - np.repeat(firsts, lengths)
    counted = ranks < LIMITS[-1]
    return results.at(order[counted]), ranks[counted]


def _curves_within(
    size: tuple[float, float], contest: _Contest
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Precision (10, K, 101) and recall (3, 10, K) of objects of this size."""
    truth, results, _, pairs = contest
    counting = ~truth.crowd & _is_within(size, truth.areas)
    num_objects = np.bincount(truth.labels[counting], minlength=len(truth.categories))
    takes = match(pairs, ~counting, truth.crowd)
    known = num_objects > 0
    precision = _precision(contest, takes, _is_within(size, results.areas), num_objects)
    recall = _recall(contest, takes, num_objects)
    return np.where(known[:, None], precision, -1), np.where(known, recall, -1)


def _precision(
    contest: _Contest,
    takes: NDArray[np.int8],
    shown: NDArray[np.bool_],
    num_objects: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Precision (10, K, 101) of what contenders take (10, C), where some of all results (n,) are shown."""
    contenders = contest.pairs.contenders
    labels = contest.results.labels[contenders]
    bounds = _bounds(labels, num_objects)
    firsts, ends = bounds[labels], np.arange(len(labels)) + 1
    right = _count(takes == OBJECT, firsts, ends)
    # Wrong is what is shown and takes nothing; nearly all of that are no contenders.
    taking = _count((takes != NOTHING) & shown[contenders], firsts, ends)
    all_firsts = _bounds(contest.results.labels, num_objects)[labels]
    wrong = _count(shown, all_firsts, contenders + 1) - taking
    precision = right / (wrong + right + np.spacing(1))
    # Numbers that rise from class to class too, so that one search finds the places of all.
    step = num_objects.sum() + 1
    reached = labels * step + right
    wanted = np.arange(len(num_objects))[:, None] * step + _needed(num_objects)
    places = [np.minimum(np.searchsorted(row, wanted), bounds[1:, None]) for row in reached]
    return np.stack([_read(*curve, bounds) for curve in zip(precision, places, strict=True)])


def _read(
    precision: NDArray[np.float64], places: NDArray[np.int64], bounds: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Reads (K, 101) precisions: the best at any recall as high; 0 where recall is never as high.

    Args:
        precision: (C,) at each contender.
        places: (K, 101) the contender at which each recall is reached, or the end of the class.
        bounds: (K + 1,) where the contenders of each class begin, and C.
    """
    ends = bounds[1:, None]
    # A peak from each place to the next; what lies between the end of a class and the next place is dropped.
    cuts = np.append(places, ends, axis=1)
    peaks = np.maximum.reduceat(np.append(precision, 0), cuts.ravel()).reshape(cuts.shape)
    reached = np.where(places < ends, peaks[:, :-1], 0)
    return np.maximum.accumulate(reached[:, ::-1], axis=1)[:, ::-1]


def _recall(
    contest: _Contest, takes: NDArray[np.int8], num_objects: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Recall (3, 10, K) of what contenders take (10, C)."""
    contenders = contest.pairs.contenders
    bounds = _bounds(contest.results.labels[contenders], num_objects)
    limited = [(takes == OBJECT) & (contest.ranks[contenders] < limit) for limit in LIMITS]
    found = _count(np.stack(limited), bounds[:-1], bounds[1:])
    return found / np.maximum(num_objects, 1)


def _needed(num_objects: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many of (K,) objects must be found for each recall, at least one, (K, 101)."""
    num_objects = np.maximum(num_objects, 1)[:, None]
    needed: NDArray[np.float64] = np.maximum(np.ceil(num_objects * RECALLS) - 1, 1)
    # The product is rounded, and COCO compares the quotient.
    for _ in range(2):
        needed += needed / num_objects < RECALLS
    return needed.astype(np.int64)


def _bounds(labels: NDArray[np.int64], num_objects: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where each of K classes begins among sorted labels (n,), and n: (K + 1,)."""
    return np.searchsorted(labels, np.arange(len(num_objects) + 1))


def _count(
    flags: NDArray[np.bool_], starts: NDArray[np.int64], ends: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Counts flags (..., n) from each of (m,) starts up to its end, which is left out: (..., m)."""
    totals = np.insert(np.cumsum(flags, axis=-1), 0, 0, axis=-1)
    counts: NDArray[np.int64] = totals[..., ends] - totals[..., starts]
    return counts


def _is_within(size: tuple[float, float], areas: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether (n,) areas are of this size; both of its ends are."""
    return (size[0] <= areas) & (areas <= size[1])


def _narrow(values: NDArray[np.int64]) -> NDArray[np.unsignedinteger]:
    """The same (n,) numbers from 0 in as few bits as they need: numpy sorts 16 of them many times faster."""
    return values.astype(np.min_scalar_type(values.max(initial=0)))
