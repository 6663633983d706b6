"""What counts as the same result, and what does not."""

import math

import pytest
import torch

from detection.export_check import (
    BOX_TOLERANCE,
    SCORE_TOLERANCE,
    Difference,
    compare,
    judge,
)
from lumbar.ops.structures import Detections
from tests.detection.parts import make_images

MIN_SCORE = 0.05


def detections(*rows: tuple[float, float, int], most: int = 4) -> Detections:
    """One image with squares of 10 pixels: (left, score, label) of each, best first, padded to (1, `most`)."""
    found = Detections(
        torch.zeros(1, most, 4),
        torch.zeros(1, most),
        torch.full((1, most), -1),
        torch.zeros(1, most, dtype=torch.bool),
    )
    for place, (left, score, label) in enumerate(rows):
        found.boxes[0, place] = torch.tensor([left, 0.0, left + 10, 10.0])
        found.scores[0, place], found.labels[0, place] = score, label
        found.valid[0, place] = True
    return found


def difference(expected: Detections, found: Detections) -> Difference:
    """The same in both directions."""
    forth = compare(expected, found, min_score=MIN_SCORE)
    assert forth == compare(found, expected, min_score=MIN_SCORE)
    return forth


TWO = detections((0, 0.9, 1), (50, 0.5, 2))


def test_a_result_equals_itself() -> None:
    assert difference(TWO, TWO) == Difference(2, 0.0, 0.0, labels=True)


def test_the_largest_differences_are_those_of_all_images() -> None:
    one, other = detections((0, 0.9, 1)), detections((0.25, 0.8, 1))
    expected = Detections(*(torch.cat(fields) for fields in zip(TWO, one, one, strict=True)))
    found = Detections(*(torch.cat(fields) for fields in zip(TWO, other, one, strict=True)))

    objects, boxes, scores, labels = difference(expected, found)

    assert (objects, labels) == (4, True)
    assert (boxes, scores) == pytest.approx((0.25, 0.1))


def test_almost_equal_scores_may_change_places() -> None:
    one = detections((0, 0.5000001, 1), (50, 0.5, 2))
    other = detections((50, 0.5000001, 2), (0, 0.5, 1))

    assert difference(one, other).is_within(BOX_TOLERANCE, SCORE_TOLERANCE)


@pytest.mark.parametrize(
    "other",
    [
        detections((0, 0.9, 1), (50, 0.5, 3)),
        detections((0, 0.9, 1), (50.1, 0.5, 2)),
        detections((0, 0.9, 1), (50, 0.49, 2)),
        detections((0, 0.9, 1)),
        detections((0, 0.9, 1), (50, 0.5, 2), (80, 0.2, 2)),
        detections((0, 0.9, 1), (math.nan, 0.5, 2)),
        detections((0, 0.9, 1), (50, math.nan, 2)),
        detections(),
    ],
    ids=["label", "box", "score", "missing", "more", "nan box", "nan score", "nothing"],
)
def test_anything_else_is_seen(other: Detections) -> None:
    one_way = compare(TWO, other, min_score=MIN_SCORE)
    other_way = compare(other, TWO, min_score=MIN_SCORE)

    assert not one_way.is_within(BOX_TOLERANCE, SCORE_TOLERANCE)
    assert not other_way.is_within(BOX_TOLERANCE, SCORE_TOLERANCE)


def test_a_detection_at_the_threshold_may_be_missing() -> None:
    at_threshold = detections((0, 0.9, 1), (50, 0.5, 2), (80, MIN_SCORE + 1e-6, 2))
    above = detections((0, 0.9, 1), (50, 0.5, 2), (80, MIN_SCORE + 1e-3, 2))

    assert difference(TWO, at_threshold) == Difference(2, 0.0, 0.0, labels=True)
    assert difference(TWO, above).boxes > 1


def test_the_last_of_a_full_list_may_be_another_one() -> None:
    full = detections((0, 0.9, 1), (50, 0.5, 2), most=2)
    other = detections((0, 0.9, 1), (80, 0.50001, 2), most=2)

    assert difference(full, other) == Difference(1, 0.0, 0.0, labels=True)
    assert difference(TWO, detections((0, 0.9, 1), (80, 0.50001, 2))).boxes == 30


def test_nothing_equals_nothing() -> None:
    assert difference(detections(), detections()) == Difference(0, 0.0, 0.0, labels=True)


@pytest.mark.parametrize(
    ("eager", "exported", "exact", "verdict"),
    [
        (50.0, 50.0, math.nan, "equal"),
        (50.0, 50.003, 50.002, "rounding"),
        (50.0, 50.003, 50.003, "rounding"),
        (50.0, 50.003, 50.0, "DIFFERENT"),
        (50.0, 70.0, 60.0, "DIFFERENT"),
        (50.0, 50.03, 50.015, "DIFFERENT"),
    ],
)
def test_float64_judges_what_is_rounding(
    eager: float, exported: float, exact: float, verdict: str
) -> None:
    finding = judge(
        make_images(((64, 96),)),
        detections((eager, 0.9, 1)),
        detections((exported, 0.9, 1)),
        exact=lambda _: detections((exact, 0.9, 1)),
        min_score=MIN_SCORE,
    )

    assert finding.verdict == verdict


def test_a_finding_shows_all_differences() -> None:
    finding = judge(
        make_images(),
        TWO,
        detections((0.25, 0.8, 1), (50, 0.5, 3)),
        exact=lambda _: TWO,
        min_score=MIN_SCORE,
    )

    assert finding.weight == 2
    assert finding.cells == {
        "objects": "2",
        "boxes px": "2.5e-01",
        "scores": "1.0e-01",
        "labels": "differ",
    }
