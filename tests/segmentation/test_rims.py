"""A rim is what repeated erosion takes away."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from segmentation.rims import is_inner, rim_width


def eroded_once(masks: Tensor) -> Tensor:
    """Keeps the pixels of (N, H, W) whose eight neighbours are in the mask, too; outside nothing is."""
    around = F.pad(masks, (1, 1, 1, 1)).unfold(-2, 3, 1).unfold(-2, 3, 1)
    return around.all(-1).all(-1)


@given(st.integers(0, 10**6), st.integers(1, 6), st.sampled_from([0.5, 0.9, 0.98, 1.0]))
def test_inner_pixels_are_what_erosion_leaves(seed: int, width: int, density: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    size = torch.randint(1, 30, (2,), generator=generator).tolist()
    labels = torch.rand(2, *size, generator=generator).gt(density).byte()
    labels *= torch.randint(1, 3, labels.shape, generator=generator, dtype=torch.uint8)
    left = torch.zeros_like(labels, dtype=torch.bool)
    for label in range(3):
        mask = labels == label
        for _ in range(width):
            mask = eroded_once(mask)
        left |= mask

    assert torch.equal(is_inner(labels, width), left)


def test_no_label_has_no_inner_pixel() -> None:
    assert is_inner(torch.zeros(0, 4, 5, dtype=torch.uint8), 2).shape == (0, 4, 5)


@pytest.mark.parametrize(
    ("size", "share", "width"), [((300, 400), 0.02, 10), ((30, 40), 0.02, 1), ((3, 4), 0.02, 1)]
)
def test_a_width_is_a_share_of_the_diagonal(
    size: tuple[int, int], share: float, width: int
) -> None:
    assert rim_width(size, share) == width
