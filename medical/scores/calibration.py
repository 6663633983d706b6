"""Whether probabilities keep what they promise: reliability, temperature, threshold, and which cases to look at.

Everything is fitted on predictions for cases that the networks had not seen. Cases are read one after another; of each
only histograms or some of its voxels are kept.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lumbar.data.pixel_classes import IGNORE
from medical.scores.case_scores import Labels
from medical.scores.regions import Mask

Floats = NDArray[np.float64]
Probabilities = NDArray[np.floating[Any]]
"""(K, D, H, W), 1 in sum over the classes, of which the background is the first."""

THRESHOLDS = tuple(step / 100 for step in range(5, 100, 5))
"""Those among which `fit_threshold` chooses."""

_DEFAULT_THRESHOLD = 0.5
_NONE = np.zeros(0, np.int64)
_TEMPERATURES = (0.1, 10.0)
# The least that 16-bit floats tell from 0, as probabilities are saved.
_LEAST = 2.0**-24
# Fewer cases do not tell which of them are the worst.
_FEWEST_CASES = 5


class Reliability:
    """How often a class is there, by how probable it was said to be; pooled over the voxels of all cases.

    Guo et al. 2017 (arXiv:1706.04599), for the probability of each foreground class instead of the likeliest one, as
    what is asked of a scan is where a class is.
    """

    def __init__(self, num_classes: int, *, bins: int = 20) -> None:
        """Starts with no voxel.

        Args:
            num_classes: K, with the background.
            bins: B, of equal width.
        """
        self.voxels = np.zeros((num_classes - 1, bins), np.int64)
        """(K - 1, B) voxels of each bin."""
        self._promised = np.zeros((num_classes - 1, bins))
        self._kept = np.zeros((num_classes - 1, bins), np.int64)

    def add(self, probabilities: Probabilities, truth: Labels) -> None:
        """Takes in a case.

        Args:
            probabilities: (K, D, H, W).
            truth: (D, H, W) uint8, 255 where nothing counts.
        """
        bins, known = self.voxels.shape[1], truth != IGNORE
        for place, of_class in enumerate(probabilities[1:]):
            said = of_class[known].astype(np.float32)
            bin_of = np.minimum((said * bins).astype(np.int64), bins - 1)
            there = truth[known] == place + 1
            self.voxels[place] += np.bincount(bin_of, minlength=bins)
            self._promised[place] += np.bincount(bin_of, weights=said, minlength=bins)
            self._kept[place] += np.bincount(bin_of[there], minlength=bins)

    @property
    def promised(self) -> Floats:
        """(K - 1, B) mean probability in each bin, NaN where no voxel is."""
        return _ratios(self._promised, self.voxels)

    @property
    def observed(self) -> Floats:
        """(K - 1, B) share of the voxels of each bin that are of the class, NaN where no voxel is."""
        return _ratios(self._kept, self.voxels)

    def error(self, *, above: float = 0.0) -> Floats:
        """The expected calibration error: how far promised and observed lie apart, mean over voxels.

        Most voxels of a scan are surely background, which makes any error small; `above` leaves them out.

        Args:
            above: Only bins from this probability on count.

        Returns:
            (K - 1,) of each foreground class, NaN where no voxel is left.
        """
        first = round(above * self.voxels.shape[1])
        apart = np.abs(self._promised - self._kept)[:, first:].sum(1)
        return _ratios(apart, self.voxels[:, first:].sum(1))

    def to_dict(self) -> dict[str, Any]:
        """Returns voxels, promised and observed of each class and bin, ready for JSON, null for NaN."""
        return {
            "voxels": self.voxels.tolist(),
            "promised": _without_nan(self.promised),
            "observed": _without_nan(self.observed),
        }


class VoxelSample(NamedTuple):
    """Some of the voxels of a case, which stand for all of them."""

    probabilities: NDArray[np.float32]
    """(n, K)."""
    truth: NDArray[np.uint8]
    """(n,) true class."""
    weights: Floats
    """(n,) share of the case's labelled voxels that each stands for; 1 in sum, 0 where nothing is labelled."""


def sample_voxels(
    probabilities: Probabilities, truth: Labels, *, count: int = 6000, seed: int = 0
) -> VoxelSample:
    """Draws voxels of a case: a third at borders or labelled wrongly, a third inside of foreground, a third elsewhere.

    Weights make up for it, so that a weighted mean over the sample expects the mean over all labelled voxels.

    Args:
        probabilities: (K, D, H, W).
        truth: (D, H, W) uint8, 255 where nothing counts.
        count: Voxels to draw, at most.
        seed: The draw is a function of it.

    Returns:
        The sample.
    """
    known = truth != IGNORE
    telling = known & (_at_borders(truth) | (probabilities.argmax(0) != truth))
    rest = known & ~telling
    random, drawn, weights = np.random.default_rng(seed), [_NONE], [np.zeros(0)]
    for stratum in (telling, rest & (truth > 0), rest & (truth == 0)):
        voxels = np.flatnonzero(stratum)
        if not len(voxels):
            continue
        taken = min(len(voxels), max(1, count // 3))
        drawn.append(voxels[random.choice(len(voxels), taken, replace=False)])
        weights.append(np.full(taken, len(voxels) / taken / known.sum()))
    places = np.concatenate(drawn)
    flat = probabilities.reshape(len(probabilities), -1)
    return VoxelSample(
        flat[:, places].T.astype(np.float32), truth.ravel()[places], np.concatenate(weights)
    )


def fit_temperature(samples: Sequence[VoxelSample]) -> float:
    """Finds the temperature at which the truth was most probable; each case weighs the same.

    Args:
        samples: Of each case, with the probabilities that the networks gave.

    Returns:
        Between 0.1 and 10: above 1 the networks were too sure; 1 where no voxel is labelled.
    """
    from scipy.optimize import minimize_scalar

    weights = np.concatenate([sample.weights for sample in samples] or [np.zeros(0)])
    if not len(weights):
        return 1.0
    logits = np.log(
        np.maximum(np.concatenate([sample.probabilities for sample in samples]), _LEAST)
    )
    truth = np.concatenate([sample.truth for sample in samples]).astype(np.int64)
    # What a class lacks to the true one: the loss is the log of the sum of its powers.
    gaps = (logits - np.take_along_axis(logits, truth[:, None], axis=1)).astype(np.float64)

    def loss(log_temperature: float) -> float:
        scaled = gaps * math.exp(-log_temperature)
        return float(weights @ np.logaddexp.reduce(scaled, axis=1))

    bounds = [math.log(end) for end in _TEMPERATURES]
    found = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-5})
    return math.exp(found.x)


def dice_by_threshold(probabilities: Probabilities, truth: Labels) -> Floats:
    """The Dice of the foreground of a case, whichever class it is of, at each of `THRESHOLDS`.

    Args:
        probabilities: (K, D, H, W), calibrated.
        truth: (D, H, W) uint8, 255 where nothing counts.

    Returns:
        (T,), NaN where nothing is there and nothing predicted.
    """
    known = truth != IGNORE
    foreground = 1 - probabilities[0].astype(np.float32)[known]
    there = truth[known] > 0
    # How many thresholds a voxel reaches, exactly as a comparison in 32 bits says.
    reached = np.searchsorted(np.array(THRESHOLDS, np.float32), foreground, side="right")
    shared, predicted = (_at_least(voxels) for voxels in (reached[there], reached))
    return _ratios(2 * shared, predicted + there.sum())


def fit_threshold(curves: Sequence[Floats]) -> float:
    """Finds the threshold with the best mean Dice over cases.

    A case without foreground counts as 0 where the threshold lets something be predicted, and nowhere else, as in
    nnU-Net's mean: otherwise nothing would speak against false alarms.

    Args:
        curves: (T,) of each case, what `dice_by_threshold` returned.

    Returns:
        One of `THRESHOLDS`, of equally good ones the nearest to 0.5; that where no case has any foreground.
    """
    dice = np.array(curves, np.float64).reshape(-1, len(THRESHOLDS))
    known = ~np.isnan(dice)
    if not known.all(1).any() or not (dice > 0).any():
        return _DEFAULT_THRESHOLD
    means = _ratios(dice.sum(0, where=known), known.sum(0))
    best = [
        t for t, mean in zip(THRESHOLDS, means, strict=True) if mean >= np.nanmax(means) - 1e-12
    ]
    return min(best, key=lambda threshold: abs(threshold - _DEFAULT_THRESHOLD))


@dataclass(frozen=True)
class ReviewCut:
    """Which cases are flagged for review, and what was behind the flags in cases whose truth is known."""

    below: float
    """Cases of a lower expected Dice are flagged."""
    cases: int
    """Whose truth is known."""
    flagged: int
    """Of these."""
    caught: int
    """Flagged cases among the worst; as many are the worst as the share says."""
    worst: int
    """Number of the worst."""
    dice_flagged: float
    """Mean Dice of the flagged cases, NaN where none is."""
    dice_others: float
    """Mean Dice of the others."""
    rank_correlation: float
    """Spearman's, of expected and true Dice; NaN where one of them is the same everywhere."""


def fit_review(expected: Floats, dice: Floats, *, share: float = 0.2) -> ReviewCut | None:
    """Finds the expected Dice below which a share of the cases lies.

    Args:
        expected: (N,) what the probabilities promised for each case.
        dice: (N,) its true Dice; NaN, where nothing was there and nothing predicted, counts as 1.
        share: Of the cases that somebody has the time to look at, and that are the worst.

    Returns:
        The cut; None of fewer than five cases.
    """
    count, cases = max(1, round(share * len(expected))), len(expected)
    if cases < _FEWEST_CASES:
        return None
    quality = np.nan_to_num(np.asarray(dice, np.float64), nan=1.0)
    ranked = np.sort(expected)
    below = float(ranked[count - 1 : count + 1].mean())
    flagged = expected < below
    worst = np.zeros(cases, np.bool_)
    worst[np.argsort(quality, kind="stable")[:count]] = True
    return ReviewCut(
        below,
        cases,
        flagged=int(flagged.sum()),
        caught=int((flagged & worst).sum()),
        worst=count,
        dice_flagged=_mean(quality[flagged]),
        dice_others=_mean(quality[~flagged]),
        rank_correlation=_rank_correlation(np.asarray(expected, np.float64), quality),
    )


def _at_borders(truth: Labels) -> Mask:
    """Finds voxels beside one of another label."""
    borders = np.zeros(truth.shape, np.bool_)
    for axis in range(truth.ndim):
        before, after = (np.swapaxes(array, 0, axis) for array in (truth, borders))
        changes = before[1:] != before[:-1]
        after[1:] |= changes
        after[:-1] |= changes
    return borders


def _at_least(reached: NDArray[np.int64]) -> NDArray[np.int64]:
    """(T,) voxels that reach each threshold, of the number of thresholds that each voxel reaches."""
    counts = np.bincount(reached, minlength=len(THRESHOLDS) + 1)
    return np.cumsum(counts[:0:-1])[::-1]


def _rank_correlation(first: Floats, second: Floats) -> float:
    from scipy.stats import rankdata

    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return math.nan
    return float(np.corrcoef(rankdata(first), rankdata(second))[0, 1])


def _mean(values: Floats) -> float:
    return float(values.mean()) if len(values) else math.nan


def _ratios(parts: NDArray[Any], wholes: NDArray[Any]) -> Floats:
    found = np.full(np.shape(parts), np.nan)
    np.divide(parts, wholes, out=found, where=np.greater(wholes, 0))
    return found


def _without_nan(values: Floats) -> list[list[float | None]]:
    return [[None if math.isnan(value) else value for value in row] for row in values.tolist()]
