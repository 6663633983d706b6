"""Temperature and threshold for each fold from the other folds: no case is judged by what was fitted on itself."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medical.learning.run import MedicalRun
from medical.report.held_out import held_out_cases
from medical.scans.decision import Decision
from medical.scores.calibration import (
    VoxelSample,
    dice_by_threshold,
    fit_temperature,
    fit_threshold,
    sample_voxels,
)


@dataclass(frozen=True)
class Decisions:
    """How labels are made of the probabilities of each fold."""

    by_fold: tuple[Decision, ...]
    crossed: bool
    """Whether each was fitted on the cases of the other folds; else it is that of the run, fitted on all of them."""


def cross_fit(run: MedicalRun) -> Decisions:
    """Fits temperature and threshold anew for each fold, on the cases of all others.

    The models that are delivered together use the decision of the run, which was fitted on the cases of all folds: on
    new cases it can be trusted, on these it would flatter.

    Args:
        run: A finished fit.

    Raises:
        ValueError: A case is missing or damaged.
    """
    occupied = [fold for fold, aliases in enumerate(run.splits) if aliases]
    if len(occupied) < 2:
        return Decisions((run.decision,) * len(run.splits), crossed=False)
    temperatures = _temperatures(run)
    thresholds = _thresholds(run, temperatures)
    fitted = zip(temperatures, thresholds, strict=True)
    return Decisions(tuple(Decision(*pair) for pair in fitted), crossed=True)


def _temperatures(run: MedicalRun) -> list[float]:
    samples: list[tuple[int, VoxelSample]] = [
        (held_out.fold, sample_voxels(held_out.probabilities, held_out.truth))
        for held_out in held_out_cases(run, "calibrating")
    ]
    return [
        fit_temperature([sample for other, sample in samples if other != fold])
        for fold in range(len(run.splits))
    ]


def _thresholds(run: MedicalRun, temperatures: list[float]) -> list[float]:
    """A case takes part in the fit of every fold but its own, with the temperature of that fold."""
    folds = range(len(temperatures))
    curves: list[list[NDArray[np.float64]]] = [[] for _ in folds]
    for held_out in held_out_cases(run, "choosing thresholds"):
        for fold in folds:
            if fold != held_out.fold:
                calibrated = Decision(temperatures[fold]).calibrated(held_out.probabilities)
                curves[fold].append(dice_by_threshold(calibrated, held_out.truth))
    return [fit_threshold(own) for own in curves]
