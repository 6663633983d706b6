"""Matching keeps its thresholds and equals torchvision's, image by image."""

import math

import pytest
import torch
import torchvision.ops
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torchvision.models.detection._utils import Matcher as TorchvisionMatcher

from detection.matcher import Matcher
from lumbar.ops.structures import Targets
from tests.ops.strategies import random_boxes


def targets_of(boxes: Tensor, valid: Tensor | None = None) -> Targets:
    """Targets of (B, G, 4) boxes, all valid unless told."""
    marks = torch.ones(boxes.shape[:2], dtype=torch.bool) if valid is None else valid
    return Targets(boxes, marks.long(), marks, torch.arange(len(boxes)))


def box_of_overlap(*overlaps: float) -> Tensor:
    """Boxes (1, N, 4) float64 with these overlaps with (0, 0, 10, 10)."""
    return torch.tensor([[[0.0, 0.0, 10.0, 10 * iou] for iou in overlaps]], dtype=torch.float64)


def test_thresholds_belong_to_the_upper_side() -> None:
    boxes = box_of_overlap(1.0, 0.7, 0.6875, 0.3, 0.25)

    matches = Matcher(fg_iou=0.7, bg_iou=0.3)(boxes, targets_of(box_of_overlap(1.0)))

    assert matches.positive[0].tolist() == [True, True, False, False, False]
    assert matches.negative[0].tolist() == [False, False, False, False, True]
    assert matches.indices[0].tolist() == [0] * 5


def test_the_best_of_poor_boxes_are_positive_if_asked_for() -> None:
    boxes, targets = box_of_overlap(0.25, 0.5, 0.5, 0.0), targets_of(box_of_overlap(1.0))

    plain = Matcher(fg_iou=0.7, bg_iou=0.6)(boxes, targets)
    anchors = Matcher(fg_iou=0.7, bg_iou=0.6, low_quality_iou=0.0)(boxes, targets)

    assert not plain.positive.any()
    assert plain.negative.all()
    assert anchors.positive[0].tolist() == [False, True, True, False]
    assert anchors.negative[0].tolist() == [True, False, False, True]


@pytest.mark.parametrize(
    ("overlap", "quality", "outcome"),
    [
        (0.25, 0.0, "positive"),
        (0.25, 0.3, "negative"),
        (0.3125, 0.3, "positive"),
        (0.3125, 0.5, "neither"),
        (0.5, 0.5, "positive"),
        (0.0, 0.0, "negative"),
    ],
)
def test_a_match_of_low_quality_has_a_least_overlap(
    overlap: float, quality: float, outcome: str
) -> None:
    matcher = Matcher(fg_iou=0.7, bg_iou=0.3, low_quality_iou=quality)

    matches = matcher(box_of_overlap(overlap), targets_of(box_of_overlap(1.0)))

    assert matches.positive.item() == (outcome == "positive")
    assert matches.negative.item() == (outcome == "negative")


def test_the_least_overlap_is_that_with_the_box_whose_best_it_is() -> None:
    """The box overlaps one object by a half, which has a better one, and is the best of another with a quarter."""
    truth = torch.tensor([[[0.0, 0.0, 10.0, 10.0], [0.0, 0.0, 10.0, 1.25]]], dtype=torch.float64)
    boxes = box_of_overlap(0.5, 1.0)

    anyhow, strict = (
        Matcher(fg_iou=0.7, bg_iou=0.3, low_quality_iou=quality)(boxes, targets_of(truth))
        for quality in (0.0, 0.3)
    )

    assert anyhow.positive[0].tolist() == [True, True]
    assert strict.positive[0].tolist() == [False, True]
    assert not strict.negative.any()


@given(st.integers(0, 2**31 - 1), st.sampled_from([(0.7, 0.3), (0.5, 0.5)]))
@settings(max_examples=25, deadline=None)
def test_both_equal_torchvision(seed: int, thresholds: tuple[float, float]) -> None:
    boxes, truth = random_boxes(1, 120, seed=seed), random_boxes(1, 6, seed=seed + 1)
    high, low = thresholds
    quality = torchvision.ops.box_iou(truth[0], boxes[0])

    for low_quality in (math.inf, 0.0):
        theirs = TorchvisionMatcher(high, low, allow_low_quality_matches=low_quality == 0)
        expected = theirs(quality)
        matcher = Matcher(fg_iou=high, bg_iou=low, low_quality_iou=low_quality)
        matches = matcher(boxes, targets_of(truth))

        assert torch.equal(matches.positive[0], expected >= 0)
        assert torch.equal(matches.negative[0], expected == TorchvisionMatcher.BELOW_LOW_THRESHOLD)
        assert torch.equal(matches.indices[matches.positive], expected[expected >= 0])


@given(st.integers(0, 2**31 - 1), st.sampled_from([0.0, 0.3]))
@settings(max_examples=25, deadline=None)
def test_claims_are_those_of_a_loop_over_the_truth(seed: int, low_quality: float) -> None:
    """As MMDetection's MaxIoUAssigner: each object takes the boxes that overlap it the most, and the last one wins."""
    boxes, truth = random_boxes(1, 60, seed=seed), random_boxes(1, 6, seed=seed + 1)
    overlaps = torchvision.ops.box_iou(truth[0], boxes[0])
    highest, owner = overlaps.max(0)
    expected = torch.where(highest >= 0.7, owner, -1)
    for number, row in enumerate(overlaps):
        if row.max() >= low_quality and row.max() > 0:
            expected[row == row.max()] = number

    matcher = Matcher(fg_iou=0.7, bg_iou=0.3, low_quality_iou=low_quality, claims=True)
    matches = matcher(boxes, targets_of(truth))

    assert torch.equal(matches.positive[0], expected >= 0)
    assert torch.equal(matches.indices[matches.positive], expected[expected >= 0])


def test_image_without_truth_is_all_negative() -> None:
    targets = targets_of(torch.zeros(2, 8, 4), torch.zeros(2, 8, dtype=torch.bool))

    for low_quality in (math.inf, 0.0):
        matcher = Matcher(fg_iou=0.7, bg_iou=0.3, low_quality_iou=low_quality)
        matches = matcher(random_boxes(1, 20, seed=0), targets)

        assert matches.negative.shape == (2, 20)
        assert matches.negative.all()
        assert not matches.positive.any()


def test_padding_of_the_truth_changes_nothing() -> None:
    boxes, truth = random_boxes(2, 50, seed=0), random_boxes(2, 20, seed=1)
    matcher = Matcher(fg_iou=0.7, bg_iou=0.3, low_quality_iou=0.0)
    valid = (torch.arange(20) < 5).expand(2, -1)

    padded = matcher(boxes, targets_of(truth, valid))

    short = matcher(boxes, targets_of(truth[:, :5]))
    assert all(torch.equal(one, other) for one, other in zip(padded, short, strict=True))


def test_shared_boxes_match_as_in_each_image_alone() -> None:
    boxes, truth = random_boxes(1, 50, seed=0), random_boxes(3, 6, seed=1)
    matcher = Matcher(fg_iou=0.7, bg_iou=0.3, low_quality_iou=0.0)

    together = matcher(boxes, targets_of(truth))

    alone = [matcher(boxes, targets_of(image[None])) for image in truth]
    for field, singles in zip(together, zip(*alone, strict=True), strict=True):
        assert torch.equal(field, torch.cat(singles))
