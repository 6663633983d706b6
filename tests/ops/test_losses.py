"""Losses equal their formulas, ignore what has no weight, and keep a gradient path."""

import pytest
import torch
import torch.nn.functional as F
import torchvision.ops
from torch import Tensor

from lumbar.ops import losses
from lumbar.ops.boxes import ciou, diou, giou, iou
from tests.ops.strategies import random_boxes

WEIGHT = torch.tensor([1.0, 0.0, 2.0, 1.0, 0.0])


def rows(seed: int, *shape: int) -> Tensor:
    """Normal numbers (*shape)."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_binary_cross_entropy_is_the_weighted_sum() -> None:
    logits, targets = rows(0, 5), (rows(1, 5) > 0).float()

    each = -(targets * logits.sigmoid().log() + (1 - targets) * (1 - logits.sigmoid()).log())

    actual = losses.binary_cross_entropy(logits, targets, WEIGHT)
    torch.testing.assert_close(actual, (each * WEIGHT).sum())


def test_cross_entropy_is_the_weighted_sum() -> None:
    logits, targets = rows(0, 5, 3), torch.tensor([0, 2, 1, 1, 0])

    each = logits.logsumexp(1) - logits.gather(1, targets[:, None])[:, 0]

    actual = losses.cross_entropy(logits, targets, WEIGHT)
    torch.testing.assert_close(actual, (each * WEIGHT).sum())


@pytest.mark.parametrize("beta", [0.0, 1 / 9, 1.0])
def test_smooth_l1_equals_torch(beta: float) -> None:
    predictions, targets = rows(0, 5, 4), rows(1, 5, 4)

    each = F.smooth_l1_loss(predictions, targets, beta=beta, reduction="none").sum(1)

    actual = losses.smooth_l1(predictions, targets, WEIGHT, beta=beta)
    torch.testing.assert_close(actual, (each * WEIGHT).sum())


def test_focal_equals_torchvision() -> None:
    logits, targets = rows(0, 5), (rows(1, 5) > 0).float()

    each = torchvision.ops.sigmoid_focal_loss(logits, targets)

    torch.testing.assert_close(losses.focal(logits, targets, WEIGHT), (each * WEIGHT).sum())


def test_focal_without_focus_is_half_the_cross_entropy() -> None:
    logits, targets = rows(0, 5), (rows(1, 5) > 0).float()

    actual = losses.focal(logits, targets, WEIGHT, alpha=0.5, gamma=0.0)

    torch.testing.assert_close(actual, losses.binary_cross_entropy(logits, targets, WEIGHT) / 2)


@pytest.mark.parametrize("overlap", [iou, giou, diou, ciou])
def test_overlap_loss_vanishes_on_the_target(overlap: object) -> None:
    boxes = random_boxes(5, seed=0)

    same = losses.overlap_loss(boxes, boxes, WEIGHT, overlap=overlap)
    other = losses.overlap_loss(boxes, boxes + 5, WEIGHT, overlap=overlap)

    assert same.abs() < 1e-12
    assert other > 0.1


def all_losses(predictions: Tensor, weight: Tensor) -> list[Tensor]:
    """Every loss on (5, 4) predictions."""
    targets = (rows(1, 5, 4) > 0).float()
    each = weight[:, None].expand(5, 4)
    return [
        losses.binary_cross_entropy(predictions, targets, each),
        losses.focal(predictions, targets, each),
        losses.cross_entropy(predictions, torch.tensor([0, 1, 2, 3, 0]), weight),
        losses.smooth_l1(predictions, targets, weight, beta=0.0),
        losses.overlap_loss(predictions, targets, weight, overlap=giou),
    ]


def test_rows_without_weight_change_neither_value_nor_gradient() -> None:
    first = rows(0, 5, 4).requires_grad_()
    second = rows(0, 5, 4)
    second[[1, 4]] = 7.0
    second.requires_grad_()

    for left, right in zip(all_losses(first, WEIGHT), all_losses(second, WEIGHT), strict=True):
        torch.testing.assert_close(left, right)
        grads = torch.autograd.grad(left, first)[0], torch.autograd.grad(right, second)[0]
        torch.testing.assert_close(*grads)
        assert grads[1][[1, 4]].abs().max() == 0


def test_nothing_weighted_is_a_zero_with_a_gradient_path() -> None:
    predictions = rows(0, 5, 4).requires_grad_()

    for loss in all_losses(predictions, torch.zeros(5)):
        assert loss.item() == 0
        assert torch.autograd.grad(loss, predictions)[0].abs().max() == 0


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_precision_is_at_least_float32(dtype: torch.dtype) -> None:
    predictions = rows(0, 5, 4).to(dtype)

    expected = torch.promote_types(dtype, torch.float32)

    assert {loss.dtype for loss in all_losses(predictions, WEIGHT)} == {expected}
