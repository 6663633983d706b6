"""What the scores of many cases come to: pooled, case and lesion numbers side by side, each with its interval."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from medical.scores.bootstrap import (
    RESAMPLES,
    Estimate,
    draw_patients,
    interval,
    ratios,
    resampled_ratios,
    sums_by_patient,
)
from medical.scores.case_scores import ClassScores, Status

Floats = NDArray[np.float64]
Unit = Literal["mm", "px"]

MEANINGS = {
    "pooled/dice": "Dice of the volumes of all cases laid together",
    "pooled/iou": "IoU of the volumes of all cases laid together",
    "case/dice": "Dice, mean over the cases that have the class; a miss is 0",
    "case/iou": "IoU, mean over the cases that have the class; a miss is 0",
    "case/hd95": "95 % Hausdorff distance, mean over the cases that have the class; where nothing is predicted, it is "
    "the diagonal of the image",
    "case/surface_dice": "share of the surfaces within the tolerance, mean over the cases that have the class",
    "case/volume_bias": "(predicted - true) / true volume, mean over the cases that have the class",
    "case/volume_error": "|predicted - true| / true volume, mean over the cases that have the class",
    "lesion/sensitivity": "share of the lesions of all cases that are found (IoU > 0.1)",
    "lesion/false_per_case": "predicted regions that are no lesion, mean over all cases",
    "healthy/false_alarm_rate": "share of the cases without the class in which it is predicted",
    "healthy/false_alarm_volume": "predicted volume, mean over the cases without the class",
}
"""The numbers of a summary; Dice and distances never speak of cases without the class."""

_STATUSES: tuple[Status, ...] = (
    *("scored", "missed", "false_alarm", "correctly_empty", "unlabelled"),
)


@dataclass(frozen=True)
class Summary:
    """What the cases of a study come to, each number with a 95 % interval over patients."""

    unit: Unit
    """Of lengths; volumes are in mm^3 or pixels."""
    classes: Mapping[str, Mapping[str, Estimate]]
    """For each class the numbers that `MEANINGS` lists, NaN where nothing could be measured."""
    mean: Mapping[str, Estimate]
    """Their means over the classes in which they could be measured."""
    counts: Mapping[str, Mapping[str, int]]
    """For each class how many cases there are: n of which a voxel is labelled = scored + missed + false_alarm +
    correctly_empty, and those that are unlabelled; and its number of lesions."""

    def to_dict(self) -> dict[str, Any]:
        """Returns all of it ready for JSON: an estimate is [value, low, high], null for NaN."""
        return {
            "unit": self.unit,
            "mean": _plain(self.mean),
            "classes": {name: _plain(numbers) for name, numbers in self.classes.items()},
            "counts": {name: {**counts} for name, counts in self.counts.items()},
        }


def summarise(
    scores: Mapping[str, Sequence[ClassScores]],
    patients: Mapping[str, Sequence[int]],
    *,
    unit: Unit,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Summary:
    """Averages the scores of cases.

    Args:
        scores: For each class its scores in all cases that it was scored in.
        patients: For each class the patients of these cases.
        unit: Of the lengths.
        resamples: Number of draws of patients for the intervals.
        seed: Of the draws.
    """
    parts, wholes = _sums(scores, patients)
    values = ratios(parts.sum(0), wholes.sum(0))
    resampled = _resampled(parts, wholes, resamples, seed)
    ends = interval(resampled)
    means, mean_ends = _class_means(values), interval(_class_means(resampled))
    return Summary(
        unit,
        {name: _named(values[k], ends[0][k], ends[1][k]) for k, name in enumerate(scores)},
        _named(means, *mean_ends),
        {name: _counts(of_class) for name, of_class in scores.items()},
    )


def _sums(
    scores: Mapping[str, Sequence[ClassScores]], patients: Mapping[str, Sequence[int]]
) -> tuple[Floats, Floats]:
    """(P, C, M) twice: of each patient, class and number the two sums whose ratio the number is."""
    owners = [patient for name in scores for patient in patients[name]]
    sums = np.zeros((len(owners), len(scores), len(_RATIOS), 2))
    row = 0
    for k, of_class in enumerate(scores.values()):
        for found in of_class:
            sums[row, k] = [ratio(found) for ratio in _RATIOS.values()]
            row += 1
    by_patient = sums_by_patient(sums, owners)
    return by_patient[..., 0], by_patient[..., 1]


def _resampled(parts: Floats, wholes: Floats, resamples: int, seed: int) -> Floats:
    """(R, C, M); one patient says nothing about others."""
    if len(parts) < 2:
        return np.full((1, *parts.shape[1:]), np.nan)
    drawn = draw_patients(len(parts), resamples=resamples, seed=seed)
    return resampled_ratios(parts, wholes, drawn)


def _class_means(values: Floats) -> Floats:
    """(..., C, M) to (..., M), over the classes that are not NaN."""
    known = ~np.isnan(values)
    return ratios(values.sum(-2, where=known), known.sum(-2))


def _named(values: Floats, low: Floats, high: Floats) -> dict[str, Estimate]:
    columns = zip(values.tolist(), low.tolist(), high.tolist(), strict=True)
    return {name: Estimate(*numbers) for name, numbers in zip(_RATIOS, columns, strict=True)}


def _counts(scores: Sequence[ClassScores]) -> dict[str, int]:
    statuses = [found.status for found in scores]
    counts: dict[str, int] = {status: statuses.count(status) for status in _STATUSES}
    labelled = len(statuses) - counts["unlabelled"]
    return {"n": labelled, **counts, "lesions": sum(found.lesions for found in scores)}


def _plain(numbers: Mapping[str, Estimate]) -> dict[str, list[float | None]]:
    return {
        name: [None if math.isnan(number) else number for number in estimate]
        for name, estimate in numbers.items()
    }


Ratio = tuple[float, float]


def _pooled_dice(scores: ClassScores) -> Ratio:
    return 2 * scores.intersection, scores.reference_volume + scores.predicted_volume


def _pooled_iou(scores: ClassScores) -> Ratio:
    shared = scores.intersection
    return shared, scores.reference_volume + scores.predicted_volume - shared


def _where_present(number: Callable[[ClassScores], float]) -> Callable[[ClassScores], Ratio]:
    return lambda scores: (number(scores), 1.0) if scores.present else (0.0, 0.0)


def _where_healthy(number: Callable[[ClassScores], float]) -> Callable[[ClassScores], Ratio]:
    return lambda scores: (number(scores), 1.0) if scores.healthy else (0.0, 0.0)


_RATIOS: Mapping[str, Callable[[ClassScores], Ratio]] = {
    "pooled/dice": _pooled_dice,
    "pooled/iou": _pooled_iou,
    "case/dice": _where_present(lambda scores: scores.dice),
    "case/iou": _where_present(lambda scores: scores.iou),
    "case/hd95": _where_present(lambda scores: scores.hd95),
    "case/surface_dice": _where_present(lambda scores: scores.surface_dice),
    "case/volume_bias": _where_present(
        lambda scores: scores.volume_error / scores.reference_volume
    ),
    "case/volume_error": _where_present(
        lambda scores: abs(scores.volume_error) / scores.reference_volume
    ),
    "lesion/sensitivity": lambda scores: (scores.lesions_found, scores.lesions),
    "lesion/false_per_case": lambda scores: (
        scores.false_lesions,
        float(scores.present or scores.healthy),
    ),
    "healthy/false_alarm_rate": _where_healthy(lambda scores: scores.status == "false_alarm"),
    "healthy/false_alarm_volume": _where_healthy(lambda scores: scores.predicted_volume),
}
"""Of each number the part and the whole that a case adds, in the order of `MEANINGS`."""
