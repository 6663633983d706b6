"""Two runs on the same cases beside each other: where they differ, and whether patients agree on which is better."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from lumbar.data.pixel_classes import shortened
from medical.scores.bootstrap import RESAMPLES, Estimate, mean_estimate
from medical.scores.case_scores import ClassScores
from medical.scores.rows import Row
from medical.scores.table import CaseTable

Floats = NDArray[np.float64]
Metric = Literal["dice", "iou", "surface_dice", "hd95"]
Key = tuple[str, str]

LOWER_IS_BETTER = ("hd95",)
"""Of the others more is better."""

# Means of the same numbers may differ in their last digits.
_TIE = 1e-9


@dataclass(frozen=True)
class Comparison:
    """How the second run fares against the first in one number of one class."""

    metric: Metric
    class_name: str | None
    """None for the mean over the classes of each case."""
    cases: int
    """Those that have the class."""
    patients: int
    """Whose they are."""
    first: float
    """Mean over the patients of their cases' means."""
    second: float
    """The same of the second run."""
    difference: Estimate
    """Second minus first."""
    p_value: float
    """Of Wilcoxon's signed-rank test on the differences of patients, two-sided; 1 where all are 0."""
    wins: int
    """Patients for whom the second run is better."""
    ties: int
    """Patients for whom both are equal."""
    losses: int
    """Patients for whom the first run is better."""

    def to_dict(self) -> dict[str, Any]:
        """Returns all of it ready for JSON, null for NaN."""
        numbers = vars(self) | {"difference": [_plain(number) for number in self.difference]}
        return {name: _plain(value) for name, value in numbers.items()}


def compare(
    first: CaseTable,
    second: CaseTable,
    *,
    metric: Metric = "dice",
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> tuple[Comparison, ...]:
    """Compares two runs, patient by patient, in the cases that have the class.

    A patient counts once, however many cases there are of them: with the mean of these cases.

    Args:
        first: The run that is compared with, the baseline.
        second: The run whose gain is asked for.
        metric: Which number of a case.
        resamples: Number of draws of patients for the intervals.
        seed: Of the draws.

    Returns:
        One comparison for each class, and where there are several a last one for their mean.

    Raises:
        ValueError: The runs have not the same cases with the same truth; all that differs is listed.
    """
    before, after = _by_key(first), _by_key(second)
    _check_same(first, second, before, after)
    present = {key: row for key, row in before.items() if row.scores.present}
    pairs = {
        key: (row.patient, _number(row.scores, metric), _number(after[key].scores, metric))
        for key, row in present.items()
    }
    names: list[str | None] = [*first.class_names]
    names += [None] * (len(names) > 1)
    return tuple(
        _comparison(metric, name, _of_class(pairs, name), resamples=resamples, seed=seed)
        for name in names
    )


Pair = tuple[int, float, float]
"""Patient, first and second number."""


def _of_class(pairs: Mapping[Key, Pair], name: str | None) -> list[Pair]:
    """The pairs of one class, or of each case the mean over its classes."""
    if name is not None:
        return [pair for (_, class_name), pair in pairs.items() if class_name == name]
    cases: dict[str, list[Pair]] = {}
    for (alias, _), pair in pairs.items():
        cases.setdefault(alias, []).append(pair)
    return [
        (case[0][0], fmean(one for _, one, _ in case), fmean(other for _, _, other in case))
        for case in cases.values()
    ]


def _comparison(
    metric: Metric, name: str | None, pairs: list[Pair], *, resamples: int, seed: int
) -> Comparison:
    patients = np.array([pair[0] for pair in pairs], dtype=np.int64)
    numbers = np.array([pair[1:] for pair in pairs], dtype=np.float64).reshape(-1, 2)
    names = np.unique(patients)
    means = np.array([numbers[patients == name].mean(0) for name in names]).reshape(-1, 2)
    gains = means[:, 1] - means[:, 0]
    better = -gains if metric in LOWER_IS_BETTER else gains
    return Comparison(
        metric,
        name,
        cases=len(pairs),
        patients=len(names),
        first=_mean(means[:, 0]),
        second=_mean(means[:, 1]),
        difference=mean_estimate(gains, names, resamples=resamples, seed=seed),
        p_value=_signed_rank(gains),
        wins=int((better > _TIE).sum()),
        ties=int((abs(gains) <= _TIE).sum()),
        losses=int((better < -_TIE).sum()),
    )


def _signed_rank(gains: Floats) -> float:
    from scipy.stats import wilcoxon

    differing = gains[abs(gains) > _TIE]
    if not len(gains):
        return math.nan
    return float(wilcoxon(differing).pvalue) if len(differing) else 1.0


def _check_same(
    first: CaseTable, second: CaseTable, before: Mapping[Key, Row], after: Mapping[Key, Row]
) -> None:
    if (first.unit, first.tolerance) != (second.unit, second.tolerance):
        raise ValueError(
            f"the runs were measured differently: with a tolerance of {first.tolerance} {first.unit}, and of "
            f"{second.tolerance} {second.unit}; report both with the same settings"
        )
    other = [key for key in before if key in after and _truth(before[key]) != _truth(after[key])]
    wrong = {
        "only in the first run": [key for key in before if key not in after],
        "only in the second run": [key for key in after if key not in before],
        "with another patient or another truth": other,
    }
    if any(wrong.values()):
        found = "; ".join(f"{what}: {_listed(keys)}" for what, keys in wrong.items() if keys)
        raise ValueError(f"runs can be compared on the same cases only. {found}")


def _by_key(table: CaseTable) -> dict[Key, Row]:
    return {(row.alias, row.class_name): row for row in table.rows}


def _truth(row: Row) -> tuple[int, float, int, bool]:
    """What does not depend on the prediction."""
    found = row.scores
    return row.patient, found.reference_volume, found.lesions, found.status == "unlabelled"


def _number(scores: ClassScores, metric: Metric) -> float:
    return float(getattr(scores, metric))


def _listed(keys: Sequence[Key]) -> str:
    return shortened([f"{alias} ({class_name})" for alias, class_name in keys])


def _mean(values: Floats) -> float:
    return float(values.mean()) if len(values) else math.nan


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and math.isnan(value) else value
