"""Adaptive pooling equals torchvision's kernel on the box's own level, values and gradients."""

import pytest
import torch
import torchvision.ops
from torch import Tensor

from lumbar.ops.adaptive_roi_align import adaptive_roi_align
from lumbar.ops.roi_align import multilevel_roi_align
from tests.ops.strategies import random_boxes

STRIDES = [4, 8, 16]


def pyramid(dtype: torch.dtype = torch.float64) -> list[Tensor]:
    """Three maps of two 96 x 128 images, 5 channels, channels last as convolutions leave them."""
    generator = torch.Generator().manual_seed(0)
    shapes = [(2, 5, 96 // stride, 128 // stride) for stride in STRIDES]
    maps = [torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes]
    return [level.to(dtype, memory_format=torch.channels_last) for level in maps]


def some_boxes() -> Tensor:
    """20 boxes for each image, with the whole canvas, a thin one, an empty one and one outside among them."""
    boxes = random_boxes(2, 20, seed=1, size=96)
    corners = [[0, 0, 128, 96], [127.5, 95, 128, 96], [3, 3, 3, 3], [900, 900, 999, 999]]
    boxes[:, :4] = torch.tensor(corners).to(boxes)
    return boxes


def by_box(features: list[Tensor], boxes: Tensor, levels: Tensor, *, aligned: bool) -> Tensor:
    """The same by one call of torchvision's operator for each box."""
    pooled = [
        torchvision.ops.roi_align(
            features[level][image : image + 1],
            [boxes[image, region][None]],
            7,
            1 / STRIDES[level],
            sampling_ratio=-1,
            aligned=aligned,
        )
        for image, row in enumerate(levels.tolist())
        for region, level in enumerate(row)
    ]
    return torch.cat(pooled)


@pytest.mark.parametrize("aligned", [True, False])
def test_equals_torchvision_with_gradients(aligned: bool) -> None:
    boxes = some_boxes()
    levels = torch.randint(3, (2, 20), generator=torch.Generator().manual_seed(2))
    mine = [level.requires_grad_() for level in pyramid()]
    theirs = [level.requires_grad_() for level in pyramid()]

    actual = adaptive_roi_align(mine, boxes, levels, strides=STRIDES, size=7, aligned=aligned)
    expected = by_box(theirs, boxes, levels, aligned=aligned)
    weight = torch.randn(expected.shape, generator=torch.Generator().manual_seed(3)).double()
    (actual * weight).sum().backward()
    (expected * weight).sum().backward()

    torch.testing.assert_close(actual, expected, rtol=0, atol=1e-12)
    for left, right in zip(mine, theirs, strict=True):
        torch.testing.assert_close(left.grad, right.grad, rtol=0, atol=1e-12)


def test_cells_take_as_many_samples_as_their_size_asks_for() -> None:
    """Cells of 1.5 feature cells take two samples along each side, cells of 3.2 take four."""
    levels = torch.zeros(2, 2, dtype=torch.int64)
    sides = torch.tensor([[1.5, 3.2]] * 2, dtype=torch.float64) * 7 * STRIDES[0]
    boxes = torch.stack([torch.zeros_like(sides), torch.zeros_like(sides), sides, sides], -1)

    adaptive = adaptive_roi_align(pyramid(), boxes, levels, strides=STRIDES, size=7, aligned=True)

    for region, ratio in ((0, 2), (1, 4)):
        fixed = multilevel_roi_align(
            pyramid(), boxes, levels, strides=STRIDES, size=7, sampling_ratio=ratio, aligned=True
        )
        torch.testing.assert_close(adaptive[region::2], fixed[region::2], rtol=0, atol=1e-12)
        assert (adaptive[1 - region :: 2] - fixed[1 - region :: 2]).abs().max() > 0.01


def test_low_precision_maps_are_pooled_in_float32() -> None:
    boxes, levels = some_boxes(), torch.zeros(2, 20, dtype=torch.int64)
    kinds = {"strides": STRIDES, "size": 7, "aligned": True}

    pooled = adaptive_roi_align(pyramid(torch.bfloat16), boxes.float(), levels, **kinds)

    assert pooled.dtype == torch.float32
    assert (pooled - adaptive_roi_align(pyramid(), boxes, levels, **kinds)).abs().max() < 0.02
