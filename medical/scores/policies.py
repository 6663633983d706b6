"""The mean Dice that other toolkits would report for the same predictions, by the calls that give it."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Volumes = NDArray[Any]
"""(N, C, 3) of each case and class: what both masks share, the true mask, the predicted mask; voxels or mm^3."""


def pooled(volumes: Volumes) -> float:
    """The Dice of all cases laid together, mean over the classes that are somewhere.

    Args:
        volumes: (N, C, 3).
    """
    return _mean(_dice(volumes.sum(0)))


def monai(volumes: Volumes, *, ignore_empty: bool = True) -> float:
    """MONAI's DiceMetric: mean over the classes of a case, then over cases.

    Args:
        volumes: (N, C, 3).
        ignore_empty: Where the true mask is empty, there is no Dice, whatever was predicted; otherwise it is 1 if
            nothing was predicted, else 0.
    """
    dice = _monai_dice(volumes, ignore_empty=ignore_empty)
    return _mean(_mean_of(dice, axis=1))


def monai_background(volumes: Volumes) -> float:
    """The entry of the background of MONAI's DiceMetric(reduction="mean_batch").

    Args:
        volumes: (N, K, 3), background first.
    """
    return _mean(_monai_dice(volumes, ignore_empty=True)[:, 0])


def nnunet(volumes: Volumes) -> float:
    """nnU-Net's foreground_mean: a false alarm is 0, a case rightly empty counts nowhere; over cases, then classes.

    Args:
        volumes: (N, C, 3).
    """
    return float(_mean_of(_dice(volumes), axis=0).mean())


def monai_hd95(hd95: Floats, volumes: Volumes) -> float:
    """The mean of MONAI's HausdorffDistanceMetric: cases without a true or without a predicted mask are left out.

    Args:
        hd95: (N, C) as we measure it, the diagonal of the image where one of the masks is empty.
        volumes: (N, C, 3).
    """
    both = (volumes[..., 1] > 0) & (volumes[..., 2] > 0)
    return _mean(_mean_of(np.where(both, hd95, np.nan), axis=1))


OF_FOREGROUND: Mapping[str, Callable[[Volumes], float]] = {
    "pooled over all cases": pooled,
    "MONAI DiceMetric(include_background=False)": monai,
    "MONAI DiceMetric(include_background=False, ignore_empty=False)": partial(
        monai, ignore_empty=False
    ),
    "nnU-Net foreground_mean": nnunet,
}
"""Of the foreground classes alone."""

WITH_BACKGROUND: Mapping[str, Callable[[Volumes], float]] = {
    'MONAI DiceMetric(reduction="mean_batch"), background': monai_background,
    "MONAI DiceMetric()": monai,
    "MONAI DiceMetric(ignore_empty=False)": partial(monai, ignore_empty=False),
}
"""Of all classes, the background first."""


def _dice(volumes: Volumes) -> Floats:
    """NaN where both masks are empty."""
    shared, true, predicted = np.moveaxis(volumes, -1, 0)
    dice = np.full(shared.shape, np.nan)
    np.divide(2 * shared, true + predicted, out=dice, where=true + predicted > 0)
    return dice


def _monai_dice(volumes: Volumes, *, ignore_empty: bool) -> Floats:
    if ignore_empty:
        return np.where(volumes[..., 1] > 0, _dice(volumes), np.nan)
    return np.nan_to_num(_dice(volumes), nan=1.0)


def _mean_of(values: Floats, axis: int) -> Floats:
    """The mean of what is not NaN, NaN where nothing is."""
    known = ~np.isnan(values)
    means = np.full(known.any(axis).shape, np.nan)
    np.divide(values.sum(axis, where=known), known.sum(axis), out=means, where=known.any(axis))
    return means


def _mean(values: Floats) -> float:
    return float(_mean_of(np.ravel(values), axis=0))
