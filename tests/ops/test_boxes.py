"""Laws of the box geometry, and agreement with torchvision's operators."""

import pytest
import torch
import torchvision.ops
from hypothesis import given, settings
from hypothesis import strategies as st

from lumbar.ops import boxes as geometry
from tests.ops.strategies import random_boxes

seeds = st.integers(0, 2**31 - 1)


def test_take_picks_from_its_own_image() -> None:
    boxes, indices = random_boxes(2, 5, seed=0), torch.tensor([[4, 0, 4], [1, 2, 3]])

    taken = geometry.take(boxes, indices)

    assert torch.equal(taken, torch.stack([boxes[0][indices[0]], boxes[1][indices[1]]]))


def test_area_of_known_boxes() -> None:
    boxes = torch.tensor([[0.0, 0.0, 2.0, 3.0], [1.0, 1.0, 1.0, 5.0], [4.0, 4.0, 2.0, 2.0]])

    assert geometry.area(boxes).tolist() == [6.0, 0.0, 0.0]


@given(seeds)
@settings(max_examples=20, deadline=None)
def test_iou_is_symmetric_bounded_and_one_on_itself(seed: int) -> None:
    boxes, others = random_boxes(7, seed=seed), random_boxes(5, seed=seed + 1)

    overlap = geometry.pairwise_iou(boxes, others)

    torch.testing.assert_close(overlap, geometry.pairwise_iou(others, boxes).T)
    assert ((overlap >= 0) & (overlap <= 1)).all()
    torch.testing.assert_close(geometry.iou(boxes, boxes), torch.ones(7, dtype=torch.float64))


@given(seeds)
@settings(max_examples=20, deadline=None)
def test_overlaps_do_not_change_when_both_boxes_move_or_grow(seed: int) -> None:
    boxes, others = random_boxes(9, seed=seed), random_boxes(9, seed=seed + 1)

    for measure in (geometry.iou, geometry.giou, geometry.diou, geometry.ciou):
        moved = measure(boxes * 3 + 17, others * 3 + 17)
        torch.testing.assert_close(measure(boxes, others), moved, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (geometry.iou, torchvision.ops.box_iou),
        (geometry.giou, torchvision.ops.generalized_box_iou),
        (geometry.diou, torchvision.ops.distance_box_iou),
        (geometry.ciou, torchvision.ops.complete_box_iou),
    ],
)
def test_family_equals_torchvision(ours: object, theirs: object) -> None:
    boxes, others = random_boxes(40, seed=3), random_boxes(30, seed=4)

    expected = theirs(boxes, others)
    actual = ours(boxes[:, None], others[None])

    torch.testing.assert_close(actual, expected, rtol=0, atol=1e-6)


def test_giou_of_distant_boxes_is_negative_and_ordered_by_distance() -> None:
    box = torch.tensor([0.0, 0.0, 10.0, 10.0])
    near, far = torch.tensor([20.0, 0.0, 30.0, 10.0]), torch.tensor([200.0, 0.0, 210.0, 10.0])

    assert geometry.giou(box, far) < geometry.giou(box, near) < 0


def test_empty_boxes_overlap_nothing() -> None:
    empty = torch.zeros(1, 4)

    assert geometry.pairwise_iou(empty, empty).item() == 0
    assert torch.isfinite(geometry.giou(empty, empty)).all()


@given(seeds)
@settings(max_examples=20, deadline=None)
def test_clip_stays_inside_and_is_idempotent(seed: int) -> None:
    boxes = random_boxes(2, 6, seed=seed) * 3 - 100
    sizes = torch.tensor([[50, 80], [120, 30]])

    clipped = geometry.clip(boxes, sizes)

    assert (clipped >= 0).all()
    assert (clipped[0, :, 2] <= 80).all()
    assert (clipped[1, :, 3] <= 120).all()
    torch.testing.assert_close(geometry.clip(clipped, sizes), clipped)


def test_formats_invert_each_other() -> None:
    boxes = random_boxes(10, seed=1)

    torch.testing.assert_close(geometry.xywh_to_xyxy(geometry.xyxy_to_xywh(boxes)), boxes)


def test_large_enough_needs_both_sides() -> None:
    boxes = torch.tensor([[0.0, 0.0, 5.0, 5.0], [0.0, 0.0, 5.0, 4.0], [0.0, 0.0, 0.0, 9.0]])

    assert geometry.large_enough(boxes, 4.0).tolist() == [True, False, False]
    assert geometry.large_enough(boxes, 0.0).tolist() == [True, True, False]


def test_hull_contains_both() -> None:
    boxes, others = random_boxes(10, seed=1), random_boxes(10, seed=2)

    frame = geometry.hull(boxes, others)

    torch.testing.assert_close(geometry.intersection(frame, boxes), geometry.area(boxes))
    torch.testing.assert_close(geometry.intersection(frame, others), geometry.area(others))
