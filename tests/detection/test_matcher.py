"""Matching keeps its thresholds and equals torchvision's, image by image."""

import torch
import torchvision.ops
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torchvision.models.detection._utils import Matcher as TorchvisionMatcher

from detection.matcher import AnchorMatcher, Matcher
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


def test_only_the_anchor_matcher_takes_the_best_of_poor_boxes() -> None:
    boxes, targets = box_of_overlap(0.25, 0.5, 0.5, 0.0), targets_of(box_of_overlap(1.0))

    plain = Matcher(fg_iou=0.7, bg_iou=0.6)(boxes, targets)
    anchors = AnchorMatcher(fg_iou=0.7, bg_iou=0.6)(boxes, targets)

    assert not plain.positive.any()
    assert plain.negative.all()
    assert anchors.positive[0].tolist() == [False, True, True, False]
    assert anchors.negative[0].tolist() == [True, False, False, True]


@given(st.integers(0, 2**31 - 1), st.sampled_from([(0.7, 0.3), (0.5, 0.5)]))
@settings(max_examples=25, deadline=None)
def test_both_equal_torchvision(seed: int, thresholds: tuple[float, float]) -> None:
    boxes, truth = random_boxes(1, 120, seed=seed), random_boxes(1, 6, seed=seed + 1)
    high, low = thresholds
    quality = torchvision.ops.box_iou(truth[0], boxes[0])

    for kind, low_quality in ((Matcher, False), (AnchorMatcher, True)):
        expected = TorchvisionMatcher(high, low, allow_low_quality_matches=low_quality)(quality)
        matches = kind(fg_iou=high, bg_iou=low)(boxes, targets_of(truth))

        assert torch.equal(matches.positive[0], expected >= 0)
        assert torch.equal(matches.negative[0], expected == TorchvisionMatcher.BELOW_LOW_THRESHOLD)
        assert torch.equal(matches.indices[matches.positive], expected[expected >= 0])


def test_image_without_truth_is_all_negative() -> None:
    targets = targets_of(torch.zeros(2, 8, 4), torch.zeros(2, 8, dtype=torch.bool))

    for kind in (Matcher, AnchorMatcher):
        matches = kind(fg_iou=0.7, bg_iou=0.3)(random_boxes(1, 20, seed=0), targets)

        assert matches.negative.shape == (2, 20)
        assert matches.negative.all()
        assert not matches.positive.any()


def test_padding_of_the_truth_changes_nothing() -> None:
    boxes, truth = random_boxes(2, 50, seed=0), random_boxes(2, 20, seed=1)
    matcher = AnchorMatcher(fg_iou=0.7, bg_iou=0.3)
    valid = (torch.arange(20) < 5).expand(2, -1)

    padded = matcher(boxes, targets_of(truth, valid))

    short = matcher(boxes, targets_of(truth[:, :5]))
    assert all(torch.equal(one, other) for one, other in zip(padded, short, strict=True))


def test_shared_boxes_match_as_in_each_image_alone() -> None:
    boxes, truth = random_boxes(1, 50, seed=0), random_boxes(3, 6, seed=1)
    matcher = AnchorMatcher(fg_iou=0.7, bg_iou=0.3)

    together = matcher(boxes, targets_of(truth))

    alone = [matcher(boxes, targets_of(image[None])) for image in truth]
    for field, singles in zip(together, zip(*alone, strict=True), strict=True):
        assert torch.equal(field, torch.cat(singles))
