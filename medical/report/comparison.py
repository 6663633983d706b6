"""Two runs on the same cases beside each other: what changed, for whom, and whether chance would do."""

import math
from dataclasses import dataclass
from typing import Any

from medical.pages.axes import Axis
from medical.pages.blocks import Block, Note, Notes, Side
from medical.pages.charts import Dot, Rule, histogram, scatter
from medical.pages.page import Section
from medical.pages.svg import Figure
from medical.pages.tables import Cell, Column, Entry, Table
from medical.pages.words import count, interval, number
from medical.report.links import link_of
from medical.scores.paired import LOWER_IS_BETTER, Comparison, Metric, compare
from medical.scores.table import CaseTable

_METRICS: tuple[Metric, ...] = ("dice", "iou", "surface_dice", "hd95")
_TITLES: dict[Metric, str] = {
    "dice": "Dice",
    "iou": "IoU",
    "surface_dice": "surface Dice",
    "hd95": "HD95",
}
_MOVED = 10
"""Cases that are listed, of those that changed the most."""


@dataclass(frozen=True)
class Compared:
    """A run beside another one on the same cases."""

    before: CaseTable
    """Of the other run, the baseline."""
    after: CaseTable
    """Of the run that the report is about."""
    comparisons: tuple[Comparison, ...]
    """For each number, class by class and for the mean of the classes."""

    @classmethod
    def of(cls, before: CaseTable, after: CaseTable) -> "Compared":
        """Compares two tables.

        Args:
            before: Of the baseline.
            after: Of the run that the report is about.

        Raises:
            ValueError: They have not the same cases with the same truth.
        """
        found = (compare(before, after, metric=metric) for metric in _METRICS)
        return cls(before, after, tuple(one for of_metric in found for one in of_metric))

    @property
    def main(self) -> Comparison:
        """That of the Dice, of all classes together."""
        return [one for one in self.comparisons if one.metric == "dice"][-1]

    def to_dict(self) -> dict[str, Any]:
        """Returns all comparisons ready for JSON."""
        return {"comparisons": [one.to_dict() for one in self.comparisons]}


def compare_section(compared: Compared, *, name: str) -> Section:
    """The part of a report that sets a run beside another one.

    Args:
        compared: Both runs.
        name: Of the other run.
    """
    blocks: tuple[Block, ...] = (
        Notes((Note(_level(compared.main), verdict(compared.main, name)),)),
        _table(compared),
        Side((_pairs(compared, name), _gains(compared))),
        _moved(compared),
    )
    return Section(
        "comparison",
        f"Beside {name}",
        blocks,
        f"Both runs predicted the same cases; differences are this run minus {name}. A patient counts once, with the "
        "mean of their cases; intervals resample patients.",
    )


def verdict(main: Comparison, name: str) -> str:
    """Whether a run is better than another, in words."""
    low, high = main.difference.low, main.difference.high
    gain = f"a difference of {number(main.difference.value, 4)} ({interval(low, high, 4)})"
    tally = (
        f"It is better for {count(main.wins, 'patient')}, worse for {number(main.losses)} and equal for "
        f"{number(main.ties)} (p = {number(main.p_value, 4)}, signed-rank test)."
    )
    means = (
        f"The mean Dice is {number(main.second, 4)}, with {name} {number(main.first, 4)}: {gain}."
    )
    if math.isnan(low):
        return f"{means} With a single patient nobody can tell whether that is chance."
    if low > 0 or high < 0:
        return f"{means} The interval leaves 0 out: this run is {'better' if low > 0 else 'worse'}. {tally}"
    return f"{means} The interval holds 0: these cases do not tell which is better. {tally}"


def _level(main: Comparison) -> Any:
    if main.difference.low > 0:
        return "good"
    return "warn" if main.difference.high < 0 else "info"


def _table(compared: Compared) -> Table:
    unit = compared.after.unit
    columns = (
        Column("number"),
        Column("class"),
        Column("before", digits=4),
        Column("now", digits=4),
        Column("difference", digits=4, help="with a 95 % interval over patients"),
        Column("p", digits=4, help="Wilcoxon's signed-rank test over patients, two-sided"),
        Column("better", digits=0, help="patients for whom this run is better"),
        Column("worse", digits=0),
        Column("equal", digits=0),
        Column("cases", digits=0),
    )
    rows: list[Entry] = [
        (
            _TITLES[one.metric] + (f" ({unit})" if one.metric in LOWER_IS_BETTER else ""),
            one.class_name or "mean of the classes",
            *(Cell(value, number(value, _digits(one))) for value in (one.first, one.second)),
            _difference(one),
            one.p_value,
            one.wins,
            one.losses,
            one.ties,
            one.cases,
        )
        for one in compared.comparisons
    ]
    return Table(columns, rows, caption="Number by number", sortable=False)


def _difference(one: Comparison) -> Cell:
    value, low, high = one.difference
    span = interval(low, high, _digits(one)) if math.isfinite(low) else ""
    return Cell(value, number(value, _digits(one)), detail=span)


def _digits(one: Comparison) -> int:
    return 2 if one.metric in LOWER_IS_BETTER else 4


def _pairs(compared: Compared, name: str) -> Figure:
    before, after = compared.before.case_dice(), compared.after.case_dice()
    dots = [
        Dot(
            before[alias],
            dice,
            f"{alias}: {number(before[alias], 3)} before, {number(dice, 3)} now",
            link=link_of(alias),
        )
        for alias, dice in after.items()
    ]
    return scatter(
        dots,
        title="Case by case",
        x=Axis(f"Dice of {name}", 0, 1),
        y=Axis("Dice of this run", 0, 1),
        rules=[Rule("diagonal")],
        caption="Above the diagonal this run is better.",
    )


def _gains(compared: Compared) -> Figure:
    return histogram(
        [gain for _, gain in _differences(compared)],
        title="Gains",
        axis="Dice of this run minus that of the other",
        caption="Right of 0 this run is better.",
    )


def _moved(compared: Compared) -> Table:
    before, after = compared.before.case_dice(), compared.after.case_dice()
    most = sorted(_differences(compared), key=lambda pair: -abs(pair[1]))[:_MOVED]
    columns = (
        Column("case"),
        Column("before", digits=3),
        Column("now", digits=3),
        Column("difference", digits=3),
    )
    rows: list[Entry] = [
        (Cell(alias, link=link_of(alias)), before[alias], after[alias], gain)
        for alias, gain in most
    ]
    return Table(columns, rows, caption="Cases that changed the most")


def _differences(compared: Compared) -> list[tuple[str, float]]:
    """Alias and gain in Dice of the cases that have one in both runs."""
    before, after = compared.before.case_dice(), compared.after.case_dice()
    gains = [(alias, dice - before[alias]) for alias, dice in after.items()]
    return [(alias, gain) for alias, gain in gains if math.isfinite(gain)]
