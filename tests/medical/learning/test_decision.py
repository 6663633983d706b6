"""What is decided makes predictions honest and masks better, and says how good they are."""

import math
from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from lumbar.data.pixel_classes import IGNORE
from medical.learning.answers import Answer
from medical.learning.decision import case_dice, fit_decision
from medical.scans.decision import expected_dice

CASES = 12


class MadeUp:
    """Cases whose true probabilities are known, and what a network says that is too sure or too careful."""

    def __init__(self, sharpness: float, *, empty: int = 0) -> None:
        self.sharpness = sharpness
        self.empty = empty
        self.readings = 0

    def __iter__(self) -> Iterator[Answer]:
        self.readings += 1
        for seed in range(CASES):
            draw = np.random.default_rng(seed)
            logits = draw.normal(-1.5 - 3 * (seed < self.empty), 2, (2, 24, 24))
            true = 1 / (1 + np.exp(-logits))
            truth = (draw.random(true.shape) < true).astype(np.uint8)
            truth[0, 0] = IGNORE
            if seed < self.empty:
                truth[truth == 1] = 0
            said = 1 / (1 + np.exp(-self.sharpness * logits))
            yield Answer(np.stack([1 - said, said]).astype(np.float32), truth)


@pytest.mark.parametrize("sharpness", [0.5, 1.0, 2.5])
def test_the_temperature_undoes_what_is_too_sure(sharpness: float) -> None:
    fitted = fit_decision(MadeUp(sharpness))

    assert fitted.decision.temperature == pytest.approx(sharpness, rel=0.08)


def test_the_threshold_finds_more_than_the_argmax() -> None:
    answers = MadeUp(1.0)
    fitted = fit_decision(answers)
    plain = [case_dice(said.argmax(0).astype(np.uint8), truth, 2)[0] for said, truth in answers]

    assert fitted.decision.threshold < 0.5
    assert fitted.dice[:, 0].mean() > np.mean(plain)


def test_the_cut_flags_about_a_fifth() -> None:
    answers = MadeUp(2.0)
    decision, review, _, _ = fit_decision(answers)
    expected = []
    for said, _ in answers:
        calibrated = decision.calibrated(said)
        expected.append(expected_dice(calibrated, decision.labels(calibrated)))

    assert review is not None
    assert decision.review_below == review.below
    assert sum(decision.needs_review(value) for value in expected) == review.flagged == 2


def test_cases_are_gone_through_three_times_one_at_a_time() -> None:
    answers = MadeUp(1.0, empty=3)
    fitted = fit_decision(answers)

    assert answers.readings == 3
    assert fitted.dice.shape == (CASES, 2)
    assert fitted.present[:, 1].tolist() == [False] * 3 + [True] * (CASES - 3)


def labels_of(text: str) -> NDArray[np.uint8]:
    values = {".": 0, "a": 1, "b": 2, "?": IGNORE}
    return np.array([[[values[letter] for letter in text]]], np.uint8)


@pytest.mark.parametrize(
    ("found", "truth", "expected"),
    [
        ("aab.", "aab.", [1, 1, 1]),
        ("aab.", "abb.", [1, 2 / 3, 2 / 3]),
        ("....", "aa..", [0, 0, math.nan]),
        ("..bb", "....", [0, math.nan, 0]),
        ("....", "....", [math.nan] * 3),
        ("aabb", "aa??", [1, 1, math.nan]),
    ],
)
def test_dice_of_a_case(found: str, truth: str, expected: list[float]) -> None:
    np.testing.assert_allclose(case_dice(labels_of(found), labels_of(truth), 3), expected)
