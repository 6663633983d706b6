"""The scores of groups of cases: by a column of cases.csv, by fold, by the size of what is looked for."""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from medical.pages.words import brief
from medical.scores.bootstrap import Estimate
from medical.scores.rows import Row
from medical.scores.summary import Summary
from medical.scores.table import CaseTable

RESAMPLES = 1000
"""Of the intervals of groups, of which there are many."""
_PARTS = ("small", "medium", "large")
_FEWEST = 6
"""Cases of a class, of which thirds still tell something."""


class Group(NamedTuple):
    """Cases that have something in common."""

    name: str
    cases: int
    patients: int
    summary: Summary

    def estimate(self, number: str, class_name: str | None = None) -> Estimate:
        """A number of the group, for a class or the mean over all of them.

        Args:
            number: One that the summary lists, `case/dice`.
            class_name: None for the mean over the classes.
        """
        summary = self.summary
        return (summary.mean if class_name is None else summary.classes[class_name])[number]


def group(name: str, table: CaseTable) -> Group:
    """Sums up a table as one group."""
    patients = len({row.patient for row in table.rows})
    return Group(name, len(table.aliases), patients, table.summary(resamples=RESAMPLES))


def by_column(table: CaseTable, column: str) -> list[Group]:
    """The groups of each value of a column of cases.csv; cases without a value come last."""
    parts = table.by_stratum(column)
    order = sorted(parts, key=lambda value: value == "")
    return [group(value or "(empty)", parts[value]) for value in order]


def by_fold(table: CaseTable) -> list[Group]:
    """The groups of cases that each fold held out."""
    folds = sorted({row.fold for row in table.rows if row.fold is not None})
    return [group(f"fold {fold}", table.select(_of_fold(fold))) for fold in folds]


def by_size(table: CaseTable, class_name: str, size: Callable[[Row], float]) -> list[Group]:
    """Thirds of the cases that have a class, from small to large.

    Args:
        table: Of all cases.
        class_name: Whose size it is.
        size: Of a row, such as its true volume.

    Returns:
        Three groups that are named by their range, none of fewer than six cases or where all are of one size.
    """
    own = table.select(lambda row: row.class_name == class_name and row.scores.present)
    sizes = [size(row) for row in own.rows]
    if len(sizes) < _FEWEST:
        return []
    low, high = np.quantile(sizes, (1 / 3, 2 / 3))
    third = [int(value > low) + int(value > high) for value in sizes]
    if len({*third}) < len(_PARTS):
        return []
    return [
        group(_range(name, _chosen(sizes, third, place)), _part(own, third, place))
        for place, name in enumerate(_PARTS)
    ]


def volume(row: Row) -> float:
    """The true volume of a class in a case."""
    return row.scores.reference_volume


def lesion_volume(row: Row) -> float:
    """The mean true volume of the lesions of a class in a case, NaN where there is none."""
    found = row.scores
    return found.reference_volume / found.lesions if found.lesions else math.nan


def _of_fold(fold: int) -> Callable[[Row], bool]:
    return lambda row: row.fold == fold


def _chosen(sizes: Sequence[float], third: Sequence[int], place: int) -> list[float]:
    return [size for size, own in zip(sizes, third, strict=True) if own == place]


def _part(table: CaseTable, third: Sequence[int], place: int) -> CaseTable:
    rows = tuple(row for row, own in zip(table.rows, third, strict=True) if own == place)
    return CaseTable(rows, table.unit, table.tolerance)


def _range(name: str, sizes: Sequence[float]) -> str:
    return f"{name}: {brief(min(sizes))} to {brief(max(sizes))}"
