"""The kernels match as the reference does, whatever the boxes, with launches that only shapes decide."""

import math
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor

from benchmarks.waits import count_syncs
from lumbar.ops.kernels import matching
from lumbar.ops.kernels.matching import match
from lumbar.ops.matching import best_overlap_reference
from tests.ops.strategies import random_boxes

DTYPES = [torch.float32, torch.float64]


def assert_equals_reference(
    boxes: Tensor, truth: Tensor, valid: Tensor, least: float, device: torch.device
) -> tuple[Tensor, Tensor, Tensor]:
    """Returns the best overlaps, their indices and the claimants."""
    best, index, claimant = (
        answer.cpu()
        for answer in match(boxes.to(device), truth.to(device), valid.to(device), least)
    )
    expected = best_overlap_reference(boxes, truth, valid, least)
    torch.testing.assert_close(best, expected[0], rtol=0, atol=0, equal_nan=True)
    assert torch.equal(index, expected[1])
    assert torch.equal(claimant, expected[2])
    return best, index, claimant


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("images", "count", "truths", "shared"), [(8, 200, 3, False), (2, 600, 5, True)]
)
def test_equals_reference(
    images: int, count: int, truths: int, shared: bool, dtype: torch.dtype, device: torch.device
) -> None:
    boxes = random_boxes(1 if shared else images, count, seed=1).to(dtype)
    truth = random_boxes(images, truths, seed=2).to(dtype)

    _, index, claimant = assert_equals_reference(
        boxes, truth, torch.rand(images, truths) < 0.8, 0.3, device
    )

    assert index.any()
    assert (claimant >= 0).any()


@pytest.mark.parametrize(
    ("least", "dtype"),
    [(1.0, DTYPES[0]), (0.3, DTYPES[0]), (1.0, DTYPES[1]), (math.inf, DTYPES[1])],
)
def test_equals_reference_among_ties_and_boxes_without_area(
    least: float, dtype: torch.dtype, device: torch.device
) -> None:
    """Corners on a coarse grid: many overlaps are equal, or exactly the least one that counts."""
    boxes, truth = (
        torch.randint(5, (10, count, 2, 2)).sort(2).values.flatten(2).to(dtype)
        for count in (250, 4)
    )

    *_, claimant = assert_equals_reference(boxes, truth, torch.rand(10, 4) < 0.8, least, device)

    assert (claimant >= 0).any() == (least <= 1)


@pytest.mark.filterwarnings("ignore:.*encountered in.*:RuntimeWarning")
@pytest.mark.parametrize("wrong", [torch.nan, torch.inf, -torch.inf, 1e30])
def test_numbers_out_of_bounds_match_as_in_the_reference(
    wrong: float, device: torch.device
) -> None:
    boxes, truth = random_boxes(4, 40, seed=1).float(), random_boxes(4, 4, seed=2).float()
    boxes[:2, 3:5] = wrong
    truth[1:3, 1:3, 2] = wrong

    assert_equals_reference(boxes, truth, torch.ones(4, 4, dtype=torch.bool), 0.0, device)


def test_image_without_truth_matches_nothing(device: torch.device) -> None:
    boxes, truth = random_boxes(1, 5, seed=1), random_boxes(2, 3, seed=2)

    best, index, claimant = assert_equals_reference(
        boxes, truth, torch.tensor([[False] * 3, [False, True, False]]), 0.0, device
    )

    assert best[0].tolist() == [-1] * 5
    assert index[0].tolist() == [0] * 5
    assert claimant[0].tolist() == [-1] * 5


def test_one_box_and_one_truth(device: torch.device) -> None:
    box = random_boxes(1, 1, seed=1)

    answers = assert_equals_reference(box, box, torch.ones(1, 1, dtype=torch.bool), 0.0, device)

    assert [answer.item() for answer in answers] == [1, 0, 0]


def test_what_is_launched_depends_on_shapes_alone(
    monkeypatch: pytest.MonkeyPatch, device: torch.device
) -> None:
    """Two kernels, and one rank of memory for each ground truth, whether it is valid and near or not."""
    launches: list[Any] = []
    for kernel in (matching._find, matching._claim):
        monkeypatch.setattr(kernel, "pre_run_hooks", [lambda *args, **_: launches.append(args)])
    boxes = random_boxes(1, 8, seed=1).to(device)

    for valid in (True, False):
        truth, mask = boxes.expand(2, -1, -1), torch.full((2, 8), valid, device=device)
        assert count_syncs(partial(match, boxes, truth, mask, 0.3)) == {}

    shapes = [[getattr(arg, "shape", arg) for arg in args] for args in launches]
    assert shapes[:2] == shapes[2:]
    assert shapes[0][3:6] == shapes[1][2:5] == [(2, 8)] * 3
