"""The chunked operator equals the whole overlap matrix."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lumbar.ops.boxes import pairwise_iou
from lumbar.ops.matching import best_overlap, best_overlap_reference
from tests.ops.strategies import random_boxes


@given(st.integers(0, 2**31 - 1), st.sampled_from([1, 8, 16, 40]), st.sampled_from([0.0, 0.4]))
@settings(max_examples=25, deadline=None)
def test_operator_equals_reference(seed: int, count: int, least: float) -> None:
    boxes, truth = random_boxes(1, 50, seed=seed), random_boxes(3, count, seed=seed + 1)
    valid = torch.rand(3, count, generator=torch.Generator().manual_seed(seed)) > 0.3

    for actual, expected in zip(
        best_overlap(boxes, truth, valid, least),
        best_overlap_reference(boxes, truth, valid, least),
        strict=True,
    ):
        assert torch.equal(actual, expected)


def test_every_reachable_truth_has_a_highest_box() -> None:
    boxes, truth = random_boxes(1, 80, seed=1), random_boxes(1, 20, seed=2)

    *_, claimant = best_overlap(boxes, truth, torch.ones(1, 20, dtype=torch.bool))

    overlap = pairwise_iou(boxes[0], truth[0])
    assert (claimant[0][overlap.argmax(0)] >= 0).all()


def test_a_highest_overlap_counts_from_the_least_one_on() -> None:
    boxes, truth = random_boxes(1, 80, seed=1), random_boxes(1, 20, seed=2)
    overlap = pairwise_iou(boxes[0], truth[0])
    highest = overlap.amax(0)
    least = highest.median().item()

    *_, claimant = best_overlap(boxes, truth, torch.ones(1, 20, dtype=torch.bool), least)

    expected = overlap.argmax(0)[highest >= least].unique()
    assert 0 < len(expected) < len(overlap.argmax(0).unique())
    assert torch.equal((claimant[0] >= 0).nonzero()[:, 0], expected)


def test_truth_that_nothing_overlaps_claims_no_box() -> None:
    boxes = random_boxes(1, 5, seed=1)

    *_, claimant = best_overlap(boxes, boxes[:, :1] + 1000, torch.ones(1, 1, dtype=torch.bool))

    assert (claimant == -1).all()


def test_the_last_of_several_has_the_claim() -> None:
    box = random_boxes(1, 1, seed=1)
    apart = box + 1000

    *_, claimant = best_overlap(box, torch.cat((box, apart, box, apart), 1), torch.ones(1, 4) > 0)

    assert claimant.tolist() == [[2]]


def test_image_without_truth_matches_nothing() -> None:
    best, _, claimant = best_overlap(
        random_boxes(1, 5, seed=1), torch.zeros(2, 8, 4).double(), torch.zeros(2, 8).bool()
    )

    assert (best == -1).all()
    assert (claimant == -1).all()


def test_nan_is_above_all_as_in_a_maximum() -> None:
    boxes, truth = random_boxes(1, 50, seed=1), random_boxes(2, 40, seed=2)
    truth[0, [20, 30]] = torch.nan
    boxes[0, 7] = torch.nan

    inputs = boxes.expand(2, -1, -1), truth, torch.ones(2, 40, dtype=torch.bool)

    for actual, expected in zip(
        best_overlap(*inputs), best_overlap_reference(*inputs), strict=True
    ):
        torch.testing.assert_close(actual, expected, rtol=0, atol=0, equal_nan=True)


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("truths", [1, 40, 500])
def test_a_gpu_gives_the_same_answer_without_waiting(dtype: torch.dtype, truths: int) -> None:
    boxes, truth = (random_boxes(*shape, seed=3).to(dtype) for shape in ((1, 20000), (4, truths)))
    valid = torch.rand(4, truths) > 0.3
    inputs = boxes.cuda(), truth.cuda(), valid.cuda()
    best_overlap(*inputs, 0.3)  # the first call compiles

    torch.cuda.set_sync_debug_mode("error")
    try:
        found = best_overlap(*inputs, 0.3)
    finally:
        torch.cuda.set_sync_debug_mode("default")

    for actual, expected in zip(found, best_overlap(boxes, truth, valid, 0.3), strict=True):
        assert torch.equal(actual.cpu(), expected)


def test_operator_is_registered_properly() -> None:
    boxes, truth = random_boxes(2, 6, seed=1), random_boxes(2, 20, seed=2)
    torch.library.opcheck(best_overlap, (boxes, truth, torch.ones(2, 20, dtype=torch.bool), 0.3))
