"""The boundary loss has the paper's gradient, and costs nothing where all is right."""

from functools import partial

import numpy as np
import pytest
import torch
from torch import Tensor

from segmentation.boundary_loss import Boundary
from segmentation.labels import TASKS
from tests.segmentation.loss_contract import check_loss
from tests.segmentation.nearest import to_nearest

TASK = TASKS["multilabel"]


def test_it_is_a_loss() -> None:
    check_loss(partial(Boundary, reach=5))


def disc(radius: int) -> Tensor:
    """A round lesion in the middle of 40 x 40 pixels, uint8 (1, 1, 40, 40)."""
    rows, columns = torch.meshgrid(torch.arange(40), torch.arange(40), indexing="ij")
    inside = (rows - 20) ** 2 + (columns - 20) ** 2 <= radius**2
    return inside.to(torch.uint8)[None, None]


def test_its_gradient_is_that_of_signed_distances() -> None:
    labels = disc(9)
    mask = labels[0, 0] == 1
    signed = to_nearest(mask) - to_nearest(~mask)
    logits = torch.randn(1, 1, 40, 40, dtype=torch.float64, requires_grad=True)
    loss = Boundary(TASK, reach=60)

    (gradient,) = torch.autograd.grad(loss(logits, labels), logits)

    by_paper = (logits.sigmoid() * signed).mean() / 60
    (expected,) = torch.autograd.grad(by_paper, logits)
    torch.testing.assert_close(gradient, expected, rtol=1e-6, atol=1e-10)


@pytest.mark.parametrize("radius", [0, 3, 9])
def test_a_contour_costs_more_the_farther_it_is(radius: int) -> None:
    labels = disc(5)
    costs = [
        Boundary(TASK)(disc(other) * 40.0 - 20, labels).item()
        for other in sorted((5, radius, 2 * radius - 5), key=lambda other: abs(other - 5))
        if other >= 0
    ]

    assert costs[0] < 1e-6
    assert np.all(np.diff(costs) > 1e-3)


def test_contours_of_ignored_pixels_attract_nothing() -> None:
    """Between a lesion and an ignored rim there is no contour to be near to."""
    labels = torch.full((1, 1, 9, 9), 255, dtype=torch.uint8)
    labels[..., 4] = 1
    logits = torch.full((1, 1, 9, 9), -20.0)

    assert Boundary(TASK, reach=7)(logits, labels).item() == pytest.approx(1)
