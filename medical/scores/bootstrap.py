"""How sure a mean is: 95 % intervals by resampling patients, whose cases are alike and come together or not at all.

Efron 1979. All numbers of ours are ratios of sums over cases, which can be drawn anew by one matrix product.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

RESAMPLES = 2000
"""So many that the ends of an interval move by less than a tenth of its length from seed to seed."""

_ENDS = (2.5, 97.5)


class Estimate(NamedTuple):
    """A number with its 95 % interval; all are NaN where there was nothing to measure."""

    value: float
    low: float
    """NaN where there are fewer than two patients."""
    high: float


def draw_patients(num_patients: int, *, resamples: int = RESAMPLES, seed: int = 0) -> Floats:
    """Draws as many patients as there are, with replacement, again and again.

    Args:
        num_patients: P.
        resamples: R.
        seed: Draws are a function of it.

    Returns:
        (R, P) how often each was drawn.
    """
    chances = np.full(num_patients, 1 / max(1, num_patients))
    drawn = np.random.default_rng(seed).multinomial(num_patients, chances, size=resamples)
    return drawn.astype(np.float64)


def sums_by_patient(values: Floats, patients: ArrayLike) -> Floats:
    """Adds up the cases of each patient.

    Args:
        values: (N, ...) of each case.
        patients: (N,) of whom it is: numbers or names.

    Returns:
        (P, ...), patients in ascending order.
    """
    names, places = np.unique(np.asarray(patients), return_inverse=True)
    sums = np.zeros((len(names), *values.shape[1:]))
    np.add.at(sums, places.ravel(), values)
    return sums


def resampled_ratios(parts: Floats, wholes: Floats, drawn: Floats) -> Floats:
    """The ratio of two sums over patients, for each draw of them.

    Args:
        parts: (P, ...) sums of each patient.
        wholes: (P, ...) the same.
        drawn: (R, P) how often each patient was drawn.

    Returns:
        (R, ...), NaN where the lower sum is 0.
    """
    upper, lower = (np.tensordot(drawn, sums, axes=1) for sums in (parts, wholes))
    return ratios(upper, lower)


def ratios(parts: Floats, wholes: Floats) -> Floats:
    """Divides, NaN where the divisor is 0.

    Args:
        parts: (...).
        wholes: (...).
    """
    found = np.full(np.shape(parts), np.nan)
    np.divide(parts, wholes, out=found, where=np.not_equal(wholes, 0))
    return found


def interval(resampled: Floats) -> tuple[Floats, Floats]:
    """The 2.5th and the 97.5th percentile of resampled numbers; those that are NaN are left out.

    Args:
        resampled: (R, ...).

    Returns:
        Two arrays (...), NaN where all were.
    """
    numbers = resampled.reshape(len(resampled), -1).T
    ends = np.full((len(numbers), 2), np.nan)
    for place, row in enumerate(numbers):
        known = row[~np.isnan(row)]
        if len(known):
            ends[place] = np.percentile(known, _ENDS)
    low, high = (end.reshape(resampled.shape[1:]) for end in ends.T)
    return low, high


def ratio_estimate(
    parts: ArrayLike,
    wholes: ArrayLike,
    patients: ArrayLike,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Estimate:
    """A ratio of sums over cases with its interval: a mean where `wholes` are ones, a sensitivity of counts.

    Args:
        parts: (N,) of each case.
        wholes: (N,) the same.
        patients: (N,) of whom each case is.
        resamples: Number of draws.
        seed: Of the draws.
    """
    sums = sums_by_patient(np.stack((parts, wholes), axis=1).astype(np.float64), patients)
    value = ratios(*sums.sum(0))
    if len(sums) < 2:
        return Estimate(float(value), np.nan, np.nan)
    drawn = draw_patients(len(sums), resamples=resamples, seed=seed)
    low, high = interval(resampled_ratios(sums[:, 0], sums[:, 1], drawn))
    return Estimate(float(value), float(low), float(high))


def mean_estimate(
    values: ArrayLike, patients: ArrayLike, *, resamples: int = RESAMPLES, seed: int = 0
) -> Estimate:
    """The mean over cases with its interval; cases whose value is NaN are left out.

    Args:
        values: (N,) of each case.
        patients: (N,) of whom each case is.
        resamples: Number of draws.
        seed: Of the draws.
    """
    numbers = np.asarray(values, np.float64)
    known = ~np.isnan(numbers)
    return ratio_estimate(
        numbers[known],
        np.ones(known.sum()),
        np.asarray(patients)[known],
        resamples=resamples,
        seed=seed,
    )
