"""Temperature, threshold and the cut of the review flag, fitted on cases that their models had not seen."""

import math
from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lumbar.data.pixel_classes import IGNORE
from medical.learning.answers import Answer
from medical.scans.decision import Decision, expected_dice
from medical.scores.calibration import (
    ReviewCut,
    dice_by_threshold,
    fit_review,
    fit_temperature,
    fit_threshold,
    sample_voxels,
)


class Fitted(NamedTuple):
    """What was decided, and how good the cases are by it."""

    decision: Decision
    review: ReviewCut | None
    """What the flag would have caught; None of too few cases."""
    dice: NDArray[np.float64]
    """(N, K) Dice of each case: of all foreground together, then of each foreground class; 0 of a miss and of a false
    alarm, NaN where nothing is there and nothing found."""
    present: NDArray[np.bool_]
    """(N, K) whether it is truly there."""


def fit_decision(answers: Iterable[Answer]) -> Fitted:
    """Fits one number after the other, each on the cases as the numbers before have made them.

    Args:
        answers: Of all cases; they are gone through three times.
    """
    temperature = fit_temperature([sample_voxels(*answer) for answer in answers])
    decision = Decision(temperature=temperature)
    threshold = fit_threshold(
        [dice_by_threshold(decision.calibrated(said), truth) for said, truth in answers]
    )
    decision = replace(decision, threshold=threshold)
    expected, dice, present = [], [], []
    for said, truth in answers:
        calibrated = decision.calibrated(said)
        labels = decision.labels(calibrated)
        expected.append(expected_dice(calibrated, labels))
        dice.append(case_dice(labels, truth, len(said)))
        present.append(_present(truth, len(said)))
    scores = np.array(dice)
    review = fit_review(np.array(expected), scores[:, 0])
    if review is not None:
        decision = replace(decision, review_below=review.below)
    return Fitted(decision, review, scores, np.array(present))


def case_dice(
    labels: NDArray[np.uint8], truth: NDArray[np.uint8], num_classes: int
) -> NDArray[np.float64]:
    """The Dice of one case.

    Args:
        labels: (D, H, W) that were found.
        truth: (D, H, W), 255 where nothing counts.
        num_classes: K.

    Returns:
        (K,): of all foreground together, then of each foreground class; NaN where nothing is there and nothing found.
    """
    known = truth != IGNORE
    pairs = [((labels > 0) & known, (truth > 0) & known)]
    pairs += [((labels == kind) & known, truth == kind) for kind in range(1, num_classes)]
    return np.array([_dice(found, true) for found, true in pairs])


def _dice(found: NDArray[np.bool_], true: NDArray[np.bool_]) -> float:
    both = int(found.sum()) + int(true.sum())
    return 2 * int((found & true).sum()) / both if both else math.nan


def _present(truth: NDArray[np.uint8], num_classes: int) -> NDArray[np.bool_]:
    counts = np.bincount(truth.ravel(), minlength=IGNORE + 1)[1:num_classes] > 0
    return np.concatenate([[counts.any()], counts])
