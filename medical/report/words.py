"""What the numbers mean, in plain words: the tiles at the top of the report, and the notes below them."""

import math

import numpy as np

from medical.learning.run import MedicalRun
from medical.pages.blocks import Note, Notes, Tile, Tiles
from medical.pages.words import count, interval, listed, number
from medical.report.privacy import Names
from medical.report.rows import Scored
from medical.scores.bootstrap import Estimate
from medical.scores.calibration import ReviewCut
from medical.scores.summary import Summary, Unit

_SMALL = 10
"""Patients, of whom fewer make intervals that say little."""


def tiles(scored: Scored, summary: Summary) -> Tiles:
    """The numbers that matter most, with their intervals and what they say."""
    table, mean = scored.table, summary.mean
    totals = _totals(summary)
    present = totals["scored"] + totals["missed"]
    classes = len(table.class_names)
    over = f"the mean over the {count(present, 'case')} with something to find"
    if classes > 1:
        over = f"the mean over the cases that have a class, then over the {classes} classes"
    found = [
        _tile(
            "Dice, mean over cases",
            mean["case/dice"],
            f"How much of prediction and truth overlap, from 0 to 1: {over}. A miss counts as 0.",
        ),
        _tile(
            "Dice, pooled",
            mean["pooled/dice"],
            "The same of all cases laid together, so that large regions weigh more.",
        ),
        _tile(
            f"HD95 in {_unit_word(summary.unit)}",
            mean["case/hd95"],
            "95 % of both outlines lie closer together than this, mean over cases.",
            digits=1,
        ),
        _tile(
            "Regions found",
            mean["lesion/sensitivity"],
            f"Share of the {count(totals['lesions'], 'connected region')} of the true masks that a predicted region "
            f"overlaps; {number(mean['lesion/false_per_case'].value, 2)} predicted regions a case are none.",
        ),
    ]
    return Tiles((*found, _kinds(totals)))


def notes(run: MedicalRun, scored: Scored, summary: Summary, names: Names) -> Notes:
    """What a reader has to know to trust the numbers, and no more than that."""
    found = [
        Note("info", _spread(scored)),
        *_misses(summary),
        *_review(scored),
        Note("info", _how_judged(scored)),
        *_few_patients(scored),
        *(Note("info", names.hide(assumption)) for assumption in run.study.assumptions),
        *_refused(run, names),
    ]
    return Notes(tuple(found))


def review_sentence(review: ReviewCut | None) -> str:
    """What the review flag catches."""
    if review is None:
        return "There are too few cases to say what a review flag would catch."
    caught = (
        f"{number(review.caught)} of the {number(review.worst)} worst are"
        if review.worst > 1
        else f"the worst one is{'' if review.caught else ' not'}"
    )
    return (
        f"A flag below an expected Dice of {number(review.below, 3)} sends {number(review.flagged)} of "
        f"{count(review.cases, 'case')} to a person, and {caught} among them. Flagged cases have a mean Dice of "
        f"{number(review.dice_flagged, 3)}, the others {number(review.dice_others, 3)}; expected and true Dice have a "
        f"rank correlation of {number(review.rank_correlation, 2)}."
    )


def _tile(label: str, estimate: Estimate, meaning: str, *, digits: int = 3) -> Tile:
    known = math.isfinite(estimate.low)
    span = f"95 %: {interval(estimate.low, estimate.high, digits)}" if known else ""
    return Tile(label, number(estimate.value, digits), span, meaning)


def _kinds(totals: dict[str, int]) -> Tile:
    healthy = totals["false_alarm"] + totals["correctly_empty"]
    empty = (
        f"Of {count(healthy, 'case')} with nothing to find, {number(totals['false_alarm'])} had a false alarm and "
        f"{number(totals['correctly_empty'])} {'was' if totals['correctly_empty'] == 1 else 'were'} rightly left empty."
        if healthy
        else "Every case has something to find, so that nothing is known about false alarms in healthy ones."
    )
    present = totals["scored"] + totals["missed"]
    return Tile(
        "Missed", number(totals["missed"]), f"of {number(present)} with something to find", empty
    )


def _totals(summary: Summary) -> dict[str, int]:
    """Counts over all classes."""
    every = [*summary.counts.values()]
    return {key: sum(own[key] for own in every) for key in every[0]} if every else {}


def _spread(scored: Scored) -> str:
    dice = np.array([v for v in scored.table.case_dice().values() if math.isfinite(v)])
    if not len(dice):
        return "No case has a Dice: nothing was there, and nothing was predicted."
    low, middle = np.percentile(dice, (10, 50))
    return (
        f"Half of the cases have a Dice above {number(middle, 3)}; one in ten lies below {number(low, 3)}. The lowest "
        f"is {number(dice.min(), 3)}."
    )


def _misses(summary: Summary) -> list[Note]:
    missed = {name: own["missed"] for name, own in summary.counts.items() if own["missed"]}
    alarms = {
        name: own["false_alarm"] for name, own in summary.counts.items() if own["false_alarm"]
    }
    found = []
    if missed:
        what = listed([f"{name} in {count(amount, 'case')}" for name, amount in missed.items()])
        found.append(
            Note(
                "warn",
                f"Wholly missed: {what}. They count as a Dice of 0, and none is left out of a mean.",
            )
        )
    if alarms:
        what = listed([f"{name} in {count(amount, 'case')}" for name, amount in alarms.items()])
        found.append(Note("warn", f"False alarms, where nothing is: {what}."))
    return found


def _review(scored: Scored) -> list[Note]:
    if scored.review is None:
        return []
    helps = scored.review.dice_flagged < scored.review.dice_others
    return [Note("good" if helps else "warn", review_sentence(scored.review))]


def _how_judged(scored: Scored) -> str:
    if scored.decisions.crossed:
        return (
            "Every case was predicted by a model that has seen none of its patient's images. Temperature, threshold "
            "and the cut of the review flag are cross-fitted: for each fold from what was said of the other folds, so "
            "that nothing was fitted on what it is judged by. Intervals hold 95 % of what comes out when the patients "
            "are drawn anew."
        )
    return (
        "Every case was predicted by a model that has seen none of its patient's images. But temperature and "
        "threshold were fitted on the very cases that are judged here, as there is but one fold: expect a little less "
        "on new ones."
    )


def _few_patients(scored: Scored) -> list[Note]:
    patients = len({row.patient for row in scored.table.rows})
    if patients >= _SMALL:
        return []
    said = count(patients, "patient")
    return [
        Note(
            "warn",
            f"These are the cases of {said}: the intervals are rough, and new patients may differ.",
        )
    ]


def _refused(run: MedicalRun, names: Names) -> list[Note]:
    refused = names.strata(run.study).refused
    if not refused:
        return []
    columns = count(len(refused), "further column")
    return [
        Note(
            "info",
            f"Left out of the report, as it could tell who somebody is: {columns} of the table of cases.",
        )
    ]


def _unit_word(unit: Unit) -> str:
    return "mm" if unit == "mm" else "pixels"
