"""The table of all cases, each scored as the fold predicted it that had not seen it; one at a time is in memory."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lumbar.data.pixel_classes import IGNORE
from medical.learning.run import MedicalRun
from medical.report.decisions import Decisions
from medical.report.held_out import HeldOut, held_out_cases
from medical.report.privacy import Names
from medical.report.suspects import Suspect, find_suspect
from medical.scans.decision import Decision, expected_dice
from medical.scores.calibration import Reliability, ReviewCut, fit_review
from medical.scores.case_scores import score_case
from medical.scores.rows import Row
from medical.scores.summary import Unit
from medical.scores.table import CaseTable


@dataclass(frozen=True)
class ScoredCase:
    """What is known of one case beside its rows of the table."""

    alias: str
    fold: int
    expected: float
    """Dice of the foreground that the probabilities promised."""
    dice: float
    """Dice of the foreground, whichever class it is of; NaN where nothing was there and nothing predicted."""
    slices: int
    worst_slice: int
    """With the most wrong voxels, or else the most of the foreground."""
    suspect: Suspect | None
    """The largest region in which the model is sure and disagrees."""
    flagged: bool = False
    """Whether the review flag would have been raised, by a cut from the other folds."""


@dataclass(frozen=True)
class Scored:
    """All cases of a run."""

    table: CaseTable
    cases: tuple[ScoredCase, ...]
    """In the order of the table."""
    before: Reliability
    """Of the probabilities of the networks."""
    after: Reliability
    """Of the calibrated ones."""
    decisions: Decisions
    """With a cut for the review flag where there were cases enough."""
    review: ReviewCut | None
    """What a cut from all cases does; None of fewer than five."""


def score_cases(run: MedicalRun, decisions: Decisions) -> Scored:
    """Scores every case of a run.

    Args:
        run: A finished fit.
        decisions: How labels are made of probabilities.

    Raises:
        ValueError: A case is missing or damaged, or some have a geometry and some not.
    """
    num_classes = len(run.study.classes)
    before, after = Reliability(num_classes), Reliability(num_classes)
    strata = Names(run.study).strata(run.study).shown
    found = []
    for held_out in held_out_cases(run, "scoring cases"):
        decision = decisions.by_fold[held_out.fold]
        calibrated = decision.calibrated(held_out.probabilities)
        before.add(held_out.probabilities, held_out.truth)
        after.add(calibrated, held_out.truth)
        found.append(_scored(run, held_out, decision, calibrated, strata))
    units = {one.unit for one in found}
    if len(units) > 1:
        raise ValueError(
            f"{run.path}: some cases have millimetres and some, being pictures, have not; part them into two studies"
        )
    rows = tuple(row for one in found for row in one.rows)
    table = CaseTable(rows, units.pop(), run.config.tolerance)
    cases, by_fold = _with_review([one.case for one in found], decisions)
    expected, dice = pairs(cases)
    return Scored(
        table, cases, before, after, replace(decisions, by_fold=by_fold), fit_review(expected, dice)
    )


class _One(NamedTuple):
    case: ScoredCase
    rows: tuple[Row, ...]
    unit: Unit


def _scored(
    run: MedicalRun,
    held_out: HeldOut,
    decision: Decision,
    calibrated: NDArray[np.float32],
    strata: tuple[str, ...],
) -> _One:
    case, truth = held_out.case, held_out.truth
    labels = decision.labels(calibrated)
    expected = expected_dice(calibrated, labels)
    scores = score_case(
        labels,
        truth,
        num_classes=len(calibrated),
        spacing=held_out.spacing,
        tolerance=run.config.tolerance,
    )
    rows = tuple(
        Row(
            alias=case.alias,
            patient=patient_number(case.alias),
            fold=held_out.fold,
            class_name=name,
            scores=of_class,
            expected_dice=expected,
            strata={column: case.strata.get(column, "") for column in strata},
        )
        for name, of_class in zip(run.study.classes.names[1:], scores, strict=True)
    )
    scored = ScoredCase(
        case.alias,
        held_out.fold,
        expected,
        foreground_dice(labels, truth),
        len(truth),
        worst_slice(labels, truth),
        find_suspect(calibrated, truth),
    )
    return _One(scored, rows, "px" if held_out.spacing is None else "mm")


def patient_number(alias: str) -> int:
    """The number of the patient of `P007-2`: 7."""
    return int(alias.partition("-")[0].removeprefix("P"))


def foreground_dice(labels: NDArray[np.uint8], truth: NDArray[np.uint8]) -> float:
    """The Dice of everything that is not background.

    Args:
        labels: (D, H, W) predicted classes.
        truth: (D, H, W) true ones, 255 where nothing counts.

    Returns:
        NaN where nothing was there and nothing predicted.
    """
    known = truth != IGNORE
    said, there = (labels > 0) & known, (truth > 0) & known
    total = int(said.sum()) + int(there.sum())
    return 2 * int((said & there).sum()) / total if total else math.nan


def worst_slice(labels: NDArray[np.uint8], truth: NDArray[np.uint8]) -> int:
    """The slice with the most wrong voxels; of a case without any, the one with the most foreground.

    Args:
        labels: (D, H, W) predicted classes.
        truth: (D, H, W) true ones, 255 where nothing counts.
    """
    known = truth != IGNORE
    wrong = ((labels != truth) & known).sum((1, 2))
    there = ((truth > 0) & known).sum((1, 2))
    return int((wrong if wrong.any() else there).argmax())


def _with_review(
    cases: list[ScoredCase], decisions: Decisions
) -> tuple[tuple[ScoredCase, ...], tuple[Decision, ...]]:
    """Flags the cases of each fold by a cut from the others."""
    fitted = []
    for fold, decision in enumerate(decisions.by_fold):
        cut = fit_review(*pairs([case for case in cases if case.fold != fold]))
        crossed = decisions.crossed and cut is not None
        fitted.append(replace(decision, review_below=cut.below) if cut and crossed else decision)
    flagged = (
        replace(case, flagged=fitted[case.fold].needs_review(case.expected)) for case in cases
    )
    return tuple(flagged), tuple(fitted)


def pairs(cases: Sequence[ScoredCase]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Expected and true Dice of the foreground of cases, (N,) each."""
    both = np.array([(case.expected, case.dice) for case in cases], np.float64).reshape(-1, 2)
    return both[:, 0], both[:, 1]
