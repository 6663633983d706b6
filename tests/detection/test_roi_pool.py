"""Each region comes from the level that torchvision takes, pooled as torchvision does."""

from functools import partial

import pytest
import torch
from torch import Tensor
from torchvision.ops import MultiScaleRoIAlign
from torchvision.ops.poolers import LevelMapper

from backbones.base import FeatureSpec
from detection.roi_pool import Align, RoIPool
from lumbar.ops.adaptive_roi_align import adaptive_roi_align
from lumbar.ops.roi_align import multilevel_roi_align
from tests.detection.parts import CHANNELS, STRIDES, make_pyramid
from tests.ops.strategies import random_boxes

LARGE = (512, 640)
TWO = partial(multilevel_roi_align, sampling_ratio=2, aligned=False)
ADAPTIVE = partial(adaptive_roi_align, aligned=False)
each_align = pytest.mark.parametrize("align", [TWO, ADAPTIVE], ids=["two", "adaptive"])


def pool_of(*names: str, align: Align = TWO) -> RoIPool:
    """A pool over these levels; the last is left to the proposals."""
    features = {name: FeatureSpec(CHANNELS, STRIDES[name]) for name in names}
    return RoIPool(features, size=7, align=align)


def squares(*sides: float) -> Tensor:
    """Boxes (1, N, 4) float64 with these sides."""
    boxes = [(3.0, 5.0, 3.0 + side, 5.0 + side) for side in sides]
    return torch.tensor([boxes], dtype=torch.float64)


@pytest.mark.parametrize("names", [("p2", "p3", "p4", "p5", "p6"), ("p3", "p4", "p5", "p6")])
def test_levels_equal_torchvision(names: tuple[str, ...]) -> None:
    finest, coarsest = int(names[0][1:]), int(names[-2][1:])
    boxes = random_boxes(1, 500, seed=0, size=1200)
    boxes = torch.cat(
        [boxes, squares(0.0, 0.5, 111.9, 112.0, 223.99, 223.9999, 224.0, 448.0, 2000.0)], 1
    )

    levels = pool_of(*names).levels(boxes)

    expected = LevelMapper(finest, coarsest)([boxes[0]])
    assert torch.equal(levels[0], expected)
    assert levels.unique().tolist() == list(range(len(names) - 1))


def test_a_box_of_224_pixels_takes_p4_and_half_of_it_the_finer_one() -> None:
    pool = pool_of(*STRIDES)

    levels = pool.levels(squares(28.0, 56.0, 112.0, 224.0, 448.0, 896.0))

    assert [pool.names[level] for level in levels[0]] == ["p2", "p2", "p3", "p4", "p5", "p5"]


@pytest.mark.parametrize(("align", "ratio"), [(TWO, 2), (ADAPTIVE, 0)])
def test_pooling_equals_torchvision_over_all_levels(align: Align, ratio: int) -> None:
    features, boxes = make_pyramid(canvas=LARGE), random_boxes(2, 40, seed=1, size=510)
    boxes[:, 0] = torch.tensor([0.0, 0.0, 640.0, 512.0])
    pool = pool_of(*STRIDES, align=align)
    theirs = MultiScaleRoIAlign(pool.names, output_size=7, sampling_ratio=ratio)

    pooled = pool(features, boxes)

    assert pool.levels(boxes).unique().tolist() == [0, 1, 2, 3]
    assert pooled.shape == (2 * 40, CHANNELS, 7, 7)
    expected = theirs(features, list(boxes), [LARGE, LARGE])
    torch.testing.assert_close(pooled, expected, rtol=0, atol=1e-10)


@each_align
def test_regions_come_from_their_own_image_and_level(align: Align) -> None:
    of_image = torch.tensor([0.0, 100.0])[:, None, None, None]
    features = {
        name: torch.full_like(level, number) + of_image
        for number, (name, level) in enumerate(make_pyramid(canvas=LARGE).items())
    }
    boxes = squares(40.0, 150.0, 230.0, 500.0).expand(2, -1, -1)

    pooled = pool_of(*STRIDES, align=partial(align, aligned=True))(features, boxes)

    expected = torch.tensor([0.0, 1, 2, 3, 100, 101, 102, 103], dtype=torch.float64)
    torch.testing.assert_close(pooled, expected[:, None, None, None].expand_as(pooled))


@each_align
@pytest.mark.parametrize("aligned", [True, False])
def test_padding_boxes_pool_finite_numbers(align: Align, aligned: bool) -> None:
    pool = pool_of(*STRIDES, align=partial(align, aligned=aligned))

    assert pool(make_pyramid(), torch.zeros(2, 3, 4).double()).isfinite().all()


def test_the_pool_reads_strides_and_channels_from_the_pyramid() -> None:
    pool = pool_of("p3", "p4", "p5", "p6")

    assert pool.names == ["p3", "p4", "p5"]
    assert pool.strides == [8, 16, 32]
    assert pool.channels == CHANNELS
    assert pool(make_pyramid(), squares(20.0).expand(2, -1, -1)).shape[0] == 2
