"""RoIAlign over all pyramid levels in one sparse product.

A pooled cell is a weighted sum of at most 4 * sampling_ratio**2 feature vectors. With the levels laid end to end as
rows of C channels, pooling every region from its own level is one `embedding_bag`: fixed shapes, no loop over levels
or images, no synchronisation. On a CPU it is about ten times faster, forward and backward, than a kernel call for
each level.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from lumbar.ops.precision import at_least_float32


def multilevel_roi_align(
    features: list[Tensor],
    boxes: Tensor,
    levels: Tensor,
    *,
    strides: list[int],
    size: int,
    sampling_ratio: int,
    aligned: bool,
) -> Tensor:
    """Pools each box from its pyramid level, He et al. 2017 (arXiv:1703.06870), section 3.

    Args:
        features: One (B, C, H_l, W_l) map for each level.
        boxes: (B, R, 4) float32 or float64 xyxy in pixels of the canvas.
        levels: (B, R) int64 index into `features`.
        strides: Pixels of the canvas for each cell of a level.
        size: Cells along each side of the result.
        sampling_ratio: Sampling points along each side of a cell.
        aligned: True: pixel centres lie at half-integers; False: the first version of the operator, which is
            shifted by half a cell and widens boxes to at least one cell.

    Returns:
        (B * R, C, size, size) in float32, or float64 where the features are; channels last in memory.
    """
    images, regions = levels.shape
    rows = torch.cat([level.permute(0, 2, 3, 1).flatten(0, 2) for level in features])
    rows = at_least_float32(rows)
    indices, weights = _sampling_table(
        features, boxes, levels, strides, points=size * sampling_ratio, aligned=aligned
    )
    bins = (images * regions, size, sampling_ratio * 2)
    row, column = (index.view(bins) for index in indices)
    row_weight, column_weight = (weight.view(bins) / sampling_ratio for weight in weights)
    index = row[:, :, None, :, None] + column[:, None, :, None, :]
    weight = row_weight[:, :, None, :, None] * column_weight[:, None, :, None, :]
    pooled = F.embedding_bag(
        index.flatten(0, 2).flatten(1),
        rows,
        mode="sum",
        per_sample_weights=weight.flatten(0, 2).flatten(1).to(rows.dtype),
    )
    return pooled.view(images * regions, size, size, -1).permute(0, 3, 1, 2)


def _sampling_table(
    features: list[Tensor],
    boxes: Tensor,
    levels: Tensor,
    strides: list[int],
    *,
    points: int,
    aligned: bool,
) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """Feature rows and weights of `points` samples along y and x: two neighbours a sample, (B * R, 2 * points) each."""
    heights, widths, starts, scales = _level_geometry(features, boxes, levels, strides)
    corners = boxes * scales[..., None] - (0.5 if aligned else 0.0)
    low, extent = corners[..., :2], corners[..., 2:] - corners[..., :2]
    if not aligned:
        extent = extent.clamp(min=1)
    fractions = (torch.arange(points, device=boxes.device, dtype=boxes.dtype) + 0.5) / points
    positions = low[..., None] + extent[..., None] * fractions
    y, y_weight = _neighbours(positions[..., 1, :], heights)
    x, x_weight = _neighbours(positions[..., 0, :], widths)
    image = torch.arange(levels.shape[0], device=levels.device)[:, None]
    first = starts + image * heights * widths
    y = first[..., None] + y * widths[..., None]
    return (y.flatten(0, 1), x.flatten(0, 1)), (y_weight.flatten(0, 1), x_weight.flatten(0, 1))


def _level_geometry(
    features: list[Tensor], boxes: Tensor, levels: Tensor, strides: list[int]
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Height, width, first row and scale of each box's level, all (B, R); built by fills, which need no host copy."""
    sizes = [level.shape[-2:] for level in features]
    rows = [features[0].shape[0] * height * width for height, width in sizes]
    columns = (
        [height for height, _ in sizes],
        [width for _, width in sizes],
        [sum(rows[:level]) for level in range(len(rows))],
    )
    tables = (torch.stack([levels.new_full((), value) for value in column]) for column in columns)
    heights, widths, starts = (table[levels] for table in tables)
    scales = torch.stack([boxes.new_full((), 1 / stride) for stride in strides])
    return heights, widths, starts, scales[levels]


def _neighbours(positions: Tensor, length: Tensor) -> tuple[Tensor, Tensor]:
    """The two grid points beside each (B, R, P) position on an axis of (B, R) `length`, and their linear weights.

    Positions up to one cell outside are moved to the border; farther ones weigh nothing.
    """
    last = (length - 1)[..., None]
    inside = (positions >= -1) & (positions <= length[..., None])
    positions = torch.minimum(positions.clamp(min=0), last.to(positions.dtype))
    lower = positions.floor()
    share = positions - lower
    index = torch.stack([lower.long(), torch.minimum(lower.long() + 1, last)], -1)
    weight = torch.stack([(1 - share) * inside, share * inside], -1)
    return index.flatten(-2), weight.flatten(-2)
