"""The operator equals its reference and torchvision, and keeps the laws of greedy suppression."""

import pytest
import torch
import torchvision.ops
from hypothesis import given, settings
from hypothesis import strategies as st

from lumbar.ops.boxes import pairwise_iou
from lumbar.ops.nms import nms_keep, nms_keep_reference
from tests.ops.strategies import crowded, random_boxes


@given(st.integers(0, 2**31 - 1), st.sampled_from([0.3, 0.5, 0.7]))
@settings(max_examples=30, deadline=None)
def test_operator_equals_reference(seed: int, iou: float) -> None:
    boxes, labels, valid = crowded(seed, rows=3, count=40)

    keep = nms_keep(boxes, labels, valid, iou)

    assert torch.equal(keep, nms_keep_reference(boxes, labels, valid, iou))


def test_equals_torchvision_without_labels() -> None:
    boxes, labels, _ = crowded(1, rows=1, count=200)
    scores = torch.arange(200, 0, -1).double()

    keep = nms_keep(boxes, labels * 0, torch.ones(1, 200, dtype=torch.bool), 0.5)

    expected = torchvision.ops.nms(boxes[0], scores, 0.5)
    assert torch.equal(keep[0].nonzero()[:, 0], expected.sort().values)


@pytest.mark.parametrize(("tenths", "stays"), [(3, False), (5, True), (7, True)])
def test_an_overlap_is_compared_with_the_threshold_itself(tenths: int, stays: bool) -> None:
    """In float32 three tenths are a little more than 0.3, and seven a little less than 0.7."""
    boxes = torch.tensor([[[0.0, 0, 10, 1], [0, 0, tenths, 1]]])
    valid = torch.ones(1, 2, dtype=torch.bool)
    inputs = boxes, valid.long(), valid, tenths / 10

    assert nms_keep(*inputs).tolist() == [[True, stays]]
    assert nms_keep_reference(*inputs).tolist() == [[True, stays]]


def test_what_stays_is_kept_again() -> None:
    boxes, labels, valid = crowded(2, rows=2, count=60)

    keep = nms_keep(boxes, labels, valid, 0.5)

    assert torch.equal(nms_keep(boxes, labels, keep, 0.5), keep)


def test_kept_boxes_overlap_little_and_dropped_ones_much() -> None:
    boxes, labels, valid = crowded(3, rows=1, count=60)
    keep = nms_keep(boxes, labels, valid, 0.5)[0]
    overlap = pairwise_iou(boxes[0], boxes[0])
    same = labels[0][:, None] == labels[0]

    kept = overlap[keep][:, keep].masked_fill(~same[keep][:, keep], 0).fill_diagonal_(0)
    dropped = valid[0] & ~keep
    earlier = torch.ones(60, 60, dtype=torch.bool).tril(-1)
    suppressed = (overlap > 0.5) & same & earlier & keep

    assert kept.max() <= 0.5
    assert suppressed[dropped].any(1).all()


def test_chain_suppresses_every_second_box() -> None:
    """Each box overlaps the next: the case in which a fix-point needs as many rounds as boxes."""
    left = torch.arange(50.0) * 4
    boxes = torch.stack([left, left * 0, left + 10, left * 0 + 10], -1)[None]

    keep = nms_keep(boxes, torch.zeros(1, 50, dtype=torch.int64), torch.ones(1, 50).bool(), 0.4)

    assert keep[0].tolist() == [index % 2 == 0 for index in range(50)]


@pytest.mark.parametrize("count", [0, 1])
def test_smallest_sizes(count: int) -> None:
    boxes = random_boxes(2, count, seed=0)
    valid = torch.ones(2, count, dtype=torch.bool)

    assert torch.equal(nms_keep(boxes, valid.long(), valid, 0.5), valid)


def test_nothing_valid_keeps_nothing() -> None:
    boxes, labels, valid = crowded(4, rows=2, count=10)

    assert not nms_keep(boxes, labels, valid & False, 0.5).any()


def test_operator_is_registered_properly() -> None:
    torch.library.opcheck(nms_keep, (*crowded(5, rows=2, count=8), 0.5))


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_gpu_gives_the_same_answer_without_waiting(dtype: torch.dtype) -> None:
    boxes, labels, valid = crowded(6, rows=80, count=2000)
    inputs = boxes.to("cuda", dtype), labels.cuda(), valid.cuda()
    nms_keep(*inputs, 0.7)  # the first call compiles

    torch.cuda.set_sync_debug_mode("error")
    try:
        keep = nms_keep(*inputs, 0.7)
    finally:
        torch.cuda.set_sync_debug_mode("default")

    assert torch.equal(keep.cpu(), nms_keep(boxes.to(dtype), labels, valid, 0.7))
