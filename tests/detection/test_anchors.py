"""Anchors have the area, shape and place asked for, or exactly torchvision's."""

import pytest
import torch
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.image_list import ImageList

from detection.anchors import Anchors, TorchvisionAnchors, cell_anchors
from lumbar.ops.boxes import area
from tests.detection.parts import STRIDES, grid_of

STEPS = list(STRIDES.values())
SIZES = (10.0, 17.0, 32.0, 64.0, 150.0)
RATIOS = (0.5, 1.0, 2.0)


def grids_of(canvas: tuple[int, int]) -> list[tuple[int, int]]:
    """Rows and columns of p2..p6."""
    return [grid_of(canvas, stride) for stride in STEPS]


def test_cell_anchors_have_the_area_and_the_ratios_around_the_origin() -> None:
    ratios = torch.tensor([0.3, 1.0, 4.0], dtype=torch.float64)

    cells = cell_anchors(24, ratios.tolist())

    torch.testing.assert_close(area(cells), torch.full((3,), 24.0**2, dtype=torch.float64))
    width, height = (cells[:, 2:] - cells[:, :2]).unbind(1)
    torch.testing.assert_close(height / width, ratios)
    assert (cells[:, :2] + cells[:, 2:]).abs().max() == 0


def test_centres_lie_at_multiples_of_the_stride_by_row_column_and_anchor() -> None:
    canvas = (90, 200)
    anchors = Anchors(sizes=SIZES, ratios=RATIOS, strides=STEPS)

    levels = anchors(grids_of(canvas), canvas)

    for level, (rows, columns), stride, size in zip(
        levels, grids_of(canvas), STEPS, SIZES, strict=True
    ):
        grid = level.unflatten(0, (rows, columns, anchors.per_cell))
        centres = (grid[..., :2] + grid[..., 2:]) / 2
        x = (torch.arange(columns) * stride)[None, :, None].expand(rows, -1, 3)
        y = (torch.arange(rows) * stride)[:, None, None].expand(-1, columns, 3)
        torch.testing.assert_close(centres, torch.stack([x, y], -1).float(), rtol=0, atol=1e-4)
        torch.testing.assert_close(
            area(level), torch.full((len(level),), size**2), rtol=1e-5, atol=0
        )


@pytest.mark.parametrize("canvas", [(128, 192), (160, 224), (64, 416), (99, 131)])
def test_torchvision_rule_equals_torchvision(canvas: tuple[int, int]) -> None:
    grids = grids_of(canvas)
    theirs = AnchorGenerator(tuple((size,) for size in SIZES), (RATIOS,) * 5)
    images = ImageList(torch.zeros(1, 3, *canvas), [canvas])

    expected = theirs(images, [torch.zeros(1, 1, *grid) for grid in grids])[0]

    ours = TorchvisionAnchors(sizes=SIZES, ratios=RATIOS, strides=STEPS)
    assert torch.equal(torch.cat(ours(grids, canvas)), expected)


def test_rules_place_differently_only_where_the_grid_is_not_canvas_over_stride() -> None:
    exact = Anchors(sizes=SIZES, ratios=RATIOS, strides=STEPS)
    rounded = TorchvisionAnchors(sizes=SIZES, ratios=RATIOS, strides=STEPS)
    canvas = (160, 192)  # five rows of p5 make three of p6, 53 pixels apart in torchvision

    *fine, coarse = zip(
        exact(grids_of(canvas), canvas), rounded(grids_of(canvas), canvas), strict=True
    )

    assert all((one - other).abs().max() <= 0.5 for one, other in fine)
    assert (coarse[0] - coarse[1]).abs().max() > 20


def test_levels_and_sizes_must_be_as_many() -> None:
    with pytest.raises(ValueError, match=r"model\.anchors\.sizes has 4 entries.* 5 levels"):
        Anchors(sizes=SIZES[:4], ratios=RATIOS, strides=STEPS)


def test_another_dtype_starts_from_the_exact_numbers() -> None:
    anchors = Anchors(sizes=SIZES, ratios=RATIOS, strides=STEPS).bfloat16().double()

    levels = anchors(grids_of((64, 64)), (64, 64))

    assert torch.equal(levels[1][:3], cell_anchors(SIZES[1], RATIOS))
    assert {level.dtype for level in levels} == {torch.float64}
    assert not anchors.state_dict()
