"""The charts of the report."""

import math
from collections.abc import Sequence

import numpy as np

from medical.pages.axes import Axis
from medical.pages.charts import (
    Curve,
    Dot,
    Estimate,
    Rule,
    histogram,
    intervals,
    reliability,
    scatter,
)
from medical.pages.svg import Figure
from medical.pages.words import brief, number
from medical.report.links import link_of
from medical.report.rows import Scored
from medical.report.strata import Group
from medical.scores.calibration import Reliability
from medical.scores.rows import Row
from medical.scores.summary import Unit

_FEWEST_VOXELS = 50
"""Of a dot of the calibration curve; fewer say nothing about how often something is true."""
_LIMITS = 1.96
"""Standard deviations between which 95 % of normal differences lie."""
_MILLILITRE = 1000.0
_SHARE = Axis("Dice", 0, 1)


def dice_histogram(scored: Scored) -> Figure:
    """How many cases have which Dice."""
    dice = [*scored.table.case_dice().values()]
    return histogram(
        dice,
        title="Dice of the cases",
        axis="Dice",
        caption="Each case counts once, with the mean over its classes. A miss and a false alarm are 0; cases that are "
        "rightly empty have no Dice and are left out.",
    )


def group_intervals(groups: Sequence[Group], *, title: str, overall: float) -> Figure:
    """The mean Dice of groups with intervals; the dashed line is that of all cases."""
    rows = [Estimate(own.name, *own.estimate("case/dice"), note=f"n {own.cases}") for own in groups]
    known = [v for row in rows for v in (row.value, row.low, row.high) if math.isfinite(v)]
    axis = Axis.around([*known, overall] if math.isfinite(overall) else known, "mean Dice")
    return intervals(
        rows,
        title=title,
        axis=axis,
        reference=overall if math.isfinite(overall) else None,
        caption="Lines are 95 % intervals over patients; the dashed line is the mean over all cases. n counts cases.",
    )


def calibration(scored: Scored, place: int, name: str) -> Figure:
    """How often a class is where it was said to be, before and after the temperature.

    Args:
        scored: All cases.
        place: Of the class among the foreground classes, from 0.
        name: Of the class.
    """
    before, after = (
        _curve(curve, place, label, error)
        for curve, label, error in (
            (scored.before, "as the network says it", scored.before.error()[place]),
            (scored.after, "after the temperature", scored.after.error()[place]),
        )
    )
    return reliability(
        [before, after._replace(tone="second")],
        title=f"Calibration: {name}",
        caption="Of all voxels that are said to be of the class with some probability, how many are? On the dashed "
        "line a probability keeps its word; below it the model is too sure.",
    )


def doubt(scored: Scored) -> Figure:
    """Expected against true Dice of each case, with the cases that the flag would have sent to a person."""
    dots = [
        Dot(
            case.expected,
            case.dice,
            f"{case.alias}: expected {number(case.expected, 2)}, was {number(case.dice, 2)}",
            "second" if case.flagged else "first",
            link_of(case.alias),
        )
        for case in scored.cases
    ]
    axis = Axis("expected Dice, from the probabilities alone", 0, 1)
    rules = [Rule("diagonal")]
    if scored.review:
        rules.append(Rule("x", scored.review.below, "flag"))
    return scatter(
        dots,
        title="Uncertainty against error",
        x=axis,
        y=Axis("Dice of the foreground", 0, 1),
        rules=rules,
        caption="Orange cases would have been flagged for review. Cases far below the diagonal are wrong without "
        "knowing it. A click leads to the case.",
    )


def volume_agreement(rows: Sequence[Row], unit: Unit, name: str) -> Figure:
    """Bland and Altman's chart of the predicted and the true volumes of a class (Lancet 1986).

    Args:
        rows: Of the class.
        unit: Of the lengths.
        name: Of the class.
    """
    shown, scale = volume_unit(rows, unit)
    pairs = [(row.scores.reference_volume, row.scores.predicted_volume, row) for row in rows]
    pairs = [pair for pair in pairs if pair[0] > 0 or pair[1] > 0]
    means = [(true + found) / 2 / scale for true, found, _ in pairs]
    gaps = [(found - true) / scale for true, found, _ in pairs]
    rules = [Rule("y", 0.0)]
    if len(gaps) > 1:
        bias, spread = float(np.mean(gaps)), float(np.std(gaps, ddof=1))
        rules = [Rule("y", bias, f"mean {brief(bias)}")]
        rules += [
            Rule("y", bias + sign * _LIMITS * spread, brief(bias + sign * _LIMITS * spread))
            for sign in (-1, 1)
        ]
    dots = [
        Dot(
            mean,
            gap,
            f"{row.alias}: true {brief(true / scale)} {shown}, predicted {brief(found / scale)} {shown}",
            link=link_of(row.alias),
        )
        for mean, gap, (true, found, row) in zip(means, gaps, pairs, strict=True)
    ]
    ends = [rule.value for rule in rules]
    return scatter(
        dots,
        title=f"Agreement of volumes: {name}",
        x=Axis.around([0, *means], "mean of predicted and true volume", unit=shown),
        y=Axis.around([0, *gaps, *ends], "predicted minus true", unit=shown),
        rules=rules,
        caption="Bland and Altman: the middle line is the mean difference; 95 % of the cases are expected between the "
        "outer ones.",
    )


def dice_by_volume(rows: Sequence[Row], unit: Unit, name: str) -> Figure:
    """The Dice of a class against its true volume, of the cases that have it."""
    shown, scale = volume_unit(rows, unit)
    present = [row for row in rows if row.scores.present]
    dots = [
        Dot(
            row.scores.reference_volume / scale,
            row.scores.dice,
            f"{row.alias}: {brief(row.scores.reference_volume / scale)} {shown}, Dice {number(row.scores.dice, 2)}",
            "second" if row.scores.status == "missed" else "first",
            link_of(row.alias),
        )
        for row in present
    ]
    return scatter(
        dots,
        title=f"Dice by size: {name}",
        x=Axis.around([dot.x for dot in dots], "true volume of the case", unit=shown, log=True),
        y=_SHARE,
        caption="Of two outlines that are equally far apart, those of the smaller thing have the lower Dice. Misses "
        "are orange.",
    )


def volume_unit(rows: Sequence[Row], unit: Unit) -> tuple[str, float]:
    """The unit in which volumes are shown, and how many mm^3 or pixels it has."""
    if unit == "px":
        return "px", 1.0
    volumes = [row.scores.reference_volume for row in rows if row.scores.present]
    return ("ml", _MILLILITRE) if volumes and np.median(volumes) >= _MILLILITRE else ("mm³", 1.0)


def _curve(found: Reliability, place: int, label: str, error: float) -> Curve:
    enough = found.voxels[place] >= _FEWEST_VOXELS
    return Curve(
        f"{label}, ECE {number(error, 4)}",
        found.promised[place][enough].tolist(),
        found.observed[place][enough].tolist(),
    )
