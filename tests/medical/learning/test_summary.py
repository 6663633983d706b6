"""The closing words tell misses and false alarms beside the mean."""

import math

import numpy as np

from medical.learning.decision import Fitted
from medical.learning.summary import summarise
from medical.scans.decision import Decision
from medical.scores.calibration import ReviewCut

DICE = np.array([[0.9, 0.8, 0.7], [0.5, 0.6, 0.0], [0.0, 0.0, math.nan], [1.0, math.nan, 0.0]])
PRESENT = np.array(
    [[True, True, True], [True, True, False], [True, True, False], [True, False, True]]
)


def test_means_are_over_the_cases_that_have_the_class() -> None:
    decision = Decision(1.25, 0.45, 0.61)
    review = ReviewCut(0.61, 4, 1, 1, 1, 0.2, 0.8, 0.9)
    text = summarise(Fitted(decision, review, DICE, PRESENT), ("background", "tumour", "vessel"))

    assert text.splitlines() == [
        "out of fold, mean Dice over the cases that have a class, of 4 cases",
        "  tumour      0.467  of 3 that have it, 1 missed; 0 false alarms in 1 others",
        "  vessel      0.350  of 2 that have it, 1 missed; 1 false alarms in 2 others",
        "decided by them: temperature 1.25, threshold 0.45",
        "review below an expected Dice of 0.610: 1 of 4 cases, among them 1 of the 1 worst",
    ]


def test_nothing_to_score_is_no_number() -> None:
    nothing = Fitted(Decision(), None, np.full((2, 2), math.nan), np.zeros((2, 2), bool))
    text = summarise(nothing, ("background", "tumour"))

    assert "tumour      -  of 0 that have it, 0 missed; 0 false alarms in 2 others" in text
    assert "too few cases" in text
