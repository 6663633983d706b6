"""The tables of the report: numbers side by side with their rule, classes, groups, and every case."""

import math
from collections.abc import Collection, Mapping, Sequence

from medical.pages.tables import Cell, Column, Entry, Table
from medical.pages.tables import Tone as CellTone
from medical.pages.words import NOTHING, interval, number
from medical.report.figures import volume_unit
from medical.report.links import card_of, row_names, suspect_of
from medical.report.rows import Scored, pairs
from medical.report.strata import Group
from medical.report.suspects import MEANINGS as KINDS
from medical.scores.bootstrap import Estimate
from medical.scores.calibration import fit_review
from medical.scores.case_scores import Status
from medical.scores.rows import Row
from medical.scores.summary import MEANINGS, Summary
from medical.scores.table import CaseTable

STATUSES: Mapping[Status, tuple[str, CellTone]] = {
    "scored": ("scored", ""),
    "missed": ("missed", "bad"),
    "false_alarm": ("false alarm", "bad"),
    "correctly_empty": ("rightly empty", ""),
    "unlabelled": ("unlabelled", ""),
}
"""How the kinds of cases are called, and whether they are good news."""

_TITLES = {
    "pooled/dice": "Dice, pooled",
    "pooled/iou": "IoU, pooled",
    "case/dice": "Dice, mean over cases",
    "case/iou": "IoU, mean over cases",
    "case/hd95": "HD95, mean over cases",
    "case/surface_dice": "Surface Dice, mean over cases",
    "case/volume_bias": "Volume bias",
    "case/volume_error": "Volume error",
    "lesion/sensitivity": "Regions found",
    "lesion/false_per_case": "False regions for each case",
    "healthy/false_alarm_rate": "False alarm rate",
    "healthy/false_alarm_volume": "False alarm volume",
}
_LENGTHS = {"case/hd95": 1, "healthy/false_alarm_volume": 0}
"""Digits after the point of numbers with a unit."""
_REVIEWED = (0.05, 0.1, 0.2, 0.3, 0.5)
"""Shares of the cases that a person may have the time to look at."""


def numbers(summary: Summary, tolerance: float) -> Table:
    """Every number of a summary with the rule by which it was made, for the mean and for each class.

    Args:
        summary: Of all cases.
        tolerance: Of the surface Dice, in the summary's unit.
    """
    classes = [*summary.classes]
    columns = [Column("number")]
    columns += [Column(name, digits=3) for name in (["mean of the classes"] if classes[1:] else [])]
    columns += [Column(name, digits=3) for name in classes]
    columns.append(Column("what it says", wrapped=True))
    sources = ([summary.mean] if classes[1:] else []) + [summary.classes[name] for name in classes]
    rows: list[Entry] = [
        (
            _with_unit(key, summary),
            *(_estimate(source[key], _LENGTHS.get(key, 3)) for source in sources),
            _meaning(key, summary, tolerance),
        )
        for key in MEANINGS
        if any(math.isfinite(source[key].value) for source in sources)
    ]
    caption = "Below each number its 95 % interval, by resampling patients."
    return Table(columns, rows, caption=caption, sortable=False)


def counts(summary: Summary) -> Table:
    """How many cases of each kind there are for each class."""
    columns = (
        Column("class"),
        Column("cases", digits=0, help="with at least one voxel that is labelled"),
        Column("found", digits=0, help="the class is there, and at least a voxel of it is found"),
        Column("missed", digits=0, help="the class is there, and nothing of it is found: Dice 0"),
        Column("false alarm", digits=0, help="the class is not there, but predicted"),
        Column("rightly empty", digits=0, help="the class is neither there nor predicted"),
        Column("unlabelled", digits=0, help="every voxel of the case counts nowhere"),
        Column("regions", digits=0, help="connected regions of the true masks"),
    )
    keys = ("n", "scored", "missed", "false_alarm", "correctly_empty", "unlabelled", "lesions")
    rows: list[Entry] = [
        (name, *(own[key] for key in keys)) for name, own in summary.counts.items()
    ]
    return Table(columns, rows, caption="Cases, class by class", sortable=len(rows) > 1)


def policies(table: CaseTable) -> Table:
    """What other toolkits would call the Dice of the same masks."""
    columns = (Column("by the rule of", wrapped=True), Column("Dice", digits=3))
    rows: list[Entry] = [*table.policies().items()]
    return Table(columns, rows, caption="The same predictions, by other rules", sortable=False)


def groups(title: str, parts: Sequence[Group], class_names: Sequence[str]) -> Table:
    """The scores of groups of cases.

    Args:
        title: What the groups are by.
        parts: The groups.
        class_names: Each has a column of its own where there are several.
    """
    shown = [None, *class_names] if len(class_names) > 1 else [None]
    columns = [
        Column(title),
        Column("cases", digits=0),
        Column("patients", digits=0),
        *(Column("Dice" if name is None else f"Dice, {name}", digits=3) for name in shown),
        Column("pooled Dice", digits=3),
        Column("surface Dice", digits=3),
        Column("regions found", digits=3),
        Column("false regions", digits=2, help="for each case"),
    ]
    rows: list[Entry] = [
        (
            part.name,
            part.cases,
            part.patients,
            *(_estimate(part.estimate("case/dice", name), 3) for name in shown),
            _estimate(part.estimate("pooled/dice"), 3),
            _estimate(part.estimate("case/surface_dice"), 3),
            _estimate(part.estimate("lesion/sensitivity"), 3),
            _estimate(part.estimate("lesion/false_per_case"), 2),
        )
        for part in parts
    ]
    return Table(columns, rows, caption=f"By {title}", sortable=len(rows) > 1)


def cases(scored: Scored, pictured: Collection[str]) -> Table:
    """Every case and class, the worst first.

    Args:
        scored: All cases.
        pictured: Aliases of those that have pictures on the page.
    """
    table = scored.table
    flagged = {case.alias: case.flagged for case in scored.cases}
    rows = sorted(table.rows, key=_worst_first)
    several = len(table.class_names) > 1
    columns = _case_columns(table, several=several)
    values = [
        (
            Cell(row.alias, link=card_of(row.alias) if row.alias in pictured else ""),
            *([row.class_name] if several else []),
            *_case_values(row, table),
            "yes" if flagged[row.alias] else "no",
            row.fold,
            *(row.strata.get(column, "") for column in table.strata),
        )
        for row in rows
    ]
    return Table(
        columns,
        values,
        caption=f"{len(table.aliases)} cases" + (", a row for each class" if several else ""),
        counted="row" if several else "case",
        names=row_names([row.alias for row in rows]),
        order=(3 if several else 2, "ascending"),
    )


def suspects(scored: Scored, shown: Collection[str]) -> Table:
    """The cases in which a model is sure and the mask says otherwise, the largest regions first.

    Args:
        scored: All cases.
        shown: Aliases of the cases to list.
    """
    columns = (
        Column("case"),
        Column("what", wrapped=True),
        Column("size", "% of foreground", 1),
        Column("slice", digits=0),
        Column("Dice", digits=3),
        Column("expected Dice", digits=3),
    )
    chosen = [case for case in scored.cases if case.alias in shown]
    rows: list[Entry] = [
        (
            Cell(case.alias, link=suspect_of(case.alias)),
            KINDS[case.suspect.kind],
            100 * case.suspect.share,
            case.suspect.slice + 1,
            case.dice,
            case.expected,
        )
        for case in sorted(chosen, key=lambda case: -case.suspect.share if case.suspect else 0.0)
        if case.suspect
    ]
    return Table(columns, rows, caption="The largest regions first", order=(2, "descending"))


def review(scored: Scored) -> Table:
    """What review flags would catch that send more or fewer cases to a person.

    Args:
        scored: All cases.
    """
    columns = (
        Column("cases to a person", "%", 0),
        Column("expected Dice below", digits=3),
        Column("of the worst as many, caught", "%", 0),
        Column("mean Dice of the flagged", digits=3),
        Column("of the others", digits=3),
    )
    expected, dice = pairs(scored.cases)
    cuts = {share: fit_review(expected, dice, share=share) for share in _REVIEWED}
    rows: list[Entry] = [
        (
            100 * share,
            cut.below,
            100 * cut.caught / cut.worst,
            cut.dice_flagged,
            cut.dice_others,
        )
        for share, cut in cuts.items()
        if cut is not None
    ]
    return Table(
        columns, rows, caption="If a person looks at more cases, or at fewer", sortable=False
    )


def decisions(scored: Scored) -> Table:
    """Temperature, threshold and cut of each fold."""
    columns = (
        Column("fold"),
        Column("temperature", digits=3),
        Column("threshold", digits=2),
        Column("review below", digits=3),
    )
    rows: list[Entry] = [
        (f"fold {fold}", own.temperature, own.threshold, own.review_below)
        for fold, own in enumerate(scored.decisions.by_fold)
    ]
    return Table(columns, rows, caption="What each fold was judged by", sortable=False)


def _case_columns(table: CaseTable, *, several: bool) -> list[Column]:
    unit, (volumes, _) = table.unit, volume_unit(table.rows, table.unit)
    return [
        Column("case"),
        *([Column("class", filtered=True)] if several else []),
        Column("kind", filtered=True),
        Column("Dice", digits=3),
        Column("IoU", digits=3),
        Column("HD95", unit, 1, help="95 % of the outline lie closer together than this"),
        Column(
            "surface Dice",
            digits=3,
            help=f"share of the outline within {table.tolerance:g} {unit} of the other",
        ),
        Column("regions", digits=0, help="of the true mask"),
        Column("found", digits=0, help="of these"),
        Column("false", digits=0, help="predicted regions that are none"),
        Column("volume", volumes, 2 if volumes == "ml" else 0, help="of the true mask"),
        Column("error", volumes, 2 if volumes == "ml" else 0, help="predicted minus true volume"),
        Column("error", "%", 1, help="of the true volume"),
        Column("expected Dice", digits=3, help="by the probabilities alone"),
        Column("flagged", filtered=True, help="whether the review flag would have been raised"),
        Column("fold", digits=0, filtered=True, help="the part of the patients that it is in"),
        *(Column(column, filtered=True) for column in table.strata),
    ]


def _case_values(row: Row, table: CaseTable) -> Entry:
    found = row.scores
    words, tone = STATUSES[found.status]
    _, scale = volume_unit(table.rows, table.unit)
    true = found.reference_volume
    return (
        Cell(words, tone=tone),
        found.dice,
        found.iou,
        found.hd95,
        found.surface_dice,
        found.lesions,
        found.lesions_found,
        found.false_lesions,
        true / scale,
        found.volume_error / scale,
        100 * found.volume_error / true if true else math.nan,
        row.expected_dice,
    )


def _worst_first(row: Row) -> tuple[bool, float, str]:
    dice = row.scores.dice
    return math.isnan(dice), 0.0 if math.isnan(dice) else dice, row.alias


def _with_unit(key: str, summary: Summary) -> str:
    volumes = "mm³" if summary.unit == "mm" else "px"
    units: dict[str, str] = {"case/hd95": summary.unit, "healthy/false_alarm_volume": volumes}
    return f"{_TITLES[key]} ({units[key]})" if key in units else _TITLES[key]


def _meaning(key: str, summary: Summary, tolerance: float) -> str:
    said = MEANINGS[key].replace("the tolerance", f"{tolerance:g} {summary.unit} of each other")
    return said[0].upper() + said[1:]


def _estimate(estimate: Estimate, digits: int) -> Cell:
    if math.isnan(estimate.value):
        return Cell(math.nan, NOTHING)
    known = math.isfinite(estimate.low)
    span = interval(estimate.low, estimate.high, digits) if known else ""
    return Cell(estimate.value, number(estimate.value, digits), detail=span)
