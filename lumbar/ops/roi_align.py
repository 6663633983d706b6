"""RoIAlign over all pyramid levels at once: fixed shapes, no loop over levels or images, no synchronisation.

On a CPU, and wherever Triton is missing, it is one sparse product. A pooled cell is a weighted sum of at most
4 * sampling_ratio**2 feature vectors; with the levels laid end to end as rows of C channels, pooling every region from
its own level is one `embedding_bag`, about ten times faster there, forward and backward, than a kernel call for each
level. On CUDA it is an operator over kernels, which read the maps where they lie and in the precision they have.
"""

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from lumbar.ops.precision import at_least_float32

_HAS_TRITON = find_spec("triton") is not None


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

    Gradients flow to the features, not to the boxes. With `torch.use_deterministic_algorithms` they are the same bits
    at each call, on CUDA too.

    Args:
        features: One (B, C, H_l, W_l) map for each level; channels last in memory spares a copy.
        boxes: (B, R, 4) float32 or float64 xyxy in pixels of the canvas, without a gradient.
        levels: (B, R) int64 index into `features`.
        strides: Pixels of the canvas for each cell of a level.
        size: Cells along each side of the result.
        sampling_ratio: Sampling points along each side of a cell.
        aligned: True: pixel centres lie at half-integers; False: the first version of the operator, which is
            shifted by half a cell and widens boxes to at least one cell.

    Returns:
        (B * R, C, size, size) in float32, or float64 where the features are; channels last in memory.
    """
    assert not boxes.requires_grad, "no gradient reaches boxes: detach them"
    points = size * sampling_ratio
    positions = _positions(boxes, levels, strides, points=points, aligned=aligned)
    lines, weights = _lines(features, levels, positions)
    cells = (levels.numel(), 2, size, sampling_ratio * 2)
    taps = lines.reshape(cells), weights.reshape(cells) / sampling_ratio
    by_kernels = features[0].is_cuda and _HAS_TRITON
    pooled: Tensor = (_pool if by_kernels else pool_by_product)(features, levels, *taps)
    return pooled


def _positions(
    boxes: Tensor, levels: Tensor, strides: list[int], *, points: int, aligned: bool
) -> Tensor:
    """Where the `points` samples of each box along x and y lie, in cells of its level: (B, R, 2, points)."""
    scales = _of_level(levels, [1 / stride for stride in strides], boxes)
    corners = boxes * scales[..., None] - (0.5 if aligned else 0.0)
    low, extent = corners[..., :2], corners[..., 2:] - corners[..., :2]
    if not aligned:
        extent = extent.clamp(min=1)
    fractions = (torch.arange(points, device=boxes.device, dtype=boxes.dtype) + 0.5) / points
    return low[..., None] + extent[..., None] * fractions


def _lines(features: Sequence[Tensor], levels: Tensor, positions: Tensor) -> tuple[Tensor, Tensor]:
    """Columns and rows of its level beside each position, two and two, and their weights: (B, R, 2, 2 * points) each.

    A row is given by the cell that it begins with, counted from the first image's first.
    """
    heights = _of_level(levels, [level.shape[2] for level in features], levels)[..., None]
    widths = _of_level(levels, [level.shape[3] for level in features], levels)[..., None]
    lines, weights = _neighbours(positions, torch.stack([widths, heights], 2))
    columns, rows = lines.unbind(2)
    image = torch.arange(levels.shape[0], device=levels.device)[:, None, None]
    return torch.stack([columns, (image * heights + rows) * widths], 2), weights


def _of_level(levels: Tensor, values: Sequence[float], like: Tensor) -> Tensor:
    """Each box's value by its level, (B, R) of the type of `like`; built by fills, which need no copy from the host."""
    return torch.stack([like.new_full((), value) for value in values])[levels]


def _neighbours(positions: Tensor, length: Tensor) -> tuple[Tensor, Tensor]:
    """The two grid lines beside each (*, P) position on an axis of (*, 1) `length`, and their linear weights.

    Positions up to one cell outside are moved to the border; farther ones weigh nothing. Lines lie on the axis always,
    so that nothing is read elsewhere when a position is NaN; its weights are.
    """
    last = length - 1
    inside = (positions >= -1) & (positions <= length)
    positions = torch.minimum(positions.clamp(min=0), last.to(positions.dtype))
    lower = positions.floor()
    share = positions - lower
    line = lower.long().clamp(min=0)
    lines = torch.stack([line, torch.minimum(line + 1, last)], -1)
    weights = torch.stack([(1 - share) * inside, share * inside], -1)
    return lines.flatten(-2), weights.flatten(-2)


def pool_by_product(
    features: Sequence[Tensor], levels: Tensor, lines: Tensor, weights: Tensor
) -> Tensor:
    """Pools by one sparse product; what the kernels do, in plain torch.

    Args:
        features: One (B, C, H_l, W_l) map for each level.
        levels: (B, R) int64 index into `features`.
        lines: (B * R, 2, size, T) int64: columns; and rows by the cell they begin with, from the first image's on.
        weights: (B * R, 2, size, T) float32 or float64.

    Returns:
        (B * R, C, size, size) as `multilevel_roi_align` returns it.
    """
    rows = torch.cat([level.permute(0, 2, 3, 1).flatten(0, 2) for level in features])
    rows = at_least_float32(rows)
    cells = [level.shape[0] * level.shape[2] * level.shape[3] for level in features]
    starts = _of_level(levels, [sum(cells[:number]) for number in range(len(cells))], levels)
    row = starts.view(-1, 1, 1) + lines[:, 1]
    index = row[:, :, None, :, None] + lines[:, 0, None, :, None]
    weight = weights[:, 1, :, None, :, None] * weights[:, 0, None, :, None]
    pooled = F.embedding_bag(
        index.flatten(0, 2).flatten(1),
        rows,
        mode="sum",
        per_sample_weights=weight.flatten(0, 2).flatten(1).to(rows.dtype),
    )
    size = lines.shape[2]
    return pooled.view(levels.numel(), size, size, -1).permute(0, 3, 1, 2)


@torch.library.custom_op("lumbar::roi_align", mutates_args=())
def _pool(features: Sequence[Tensor], levels: Tensor, lines: Tensor, weights: Tensor) -> Tensor:
    """`pool_by_product` by kernels; an operator, so that the graph around it has fixed shapes and sees none of them."""
    from lumbar.ops.kernels.roi_align import pool

    pooled: Tensor = _like_regions(features, levels, lines, weights)
    with torch.cuda.device_of(pooled):  # Triton launches on the current device
        pool(pooled, features, levels, lines, weights)
    return pooled


@_pool.register_fake
def _like_regions(
    features: Sequence[Tensor], levels: Tensor, lines: Tensor, weights: Tensor
) -> Tensor:
    size, channels = lines.shape[2], features[0].shape[1]
    dtype = torch.promote_types(features[0].dtype, torch.float32)
    pooled = features[0].new_empty((levels.numel(), size, size, channels), dtype=dtype)
    return pooled.permute(0, 3, 1, 2)


@torch.library.custom_op("lumbar::roi_align_backward", mutates_args=())
def _pool_backward(
    gradient: Tensor, features: Sequence[Tensor], levels: Tensor, lines: Tensor, weights: Tensor
) -> list[Tensor]:
    from lumbar.ops.kernels.roi_align import gather, scatter

    way = gather if torch.are_deterministic_algorithms_enabled() else scatter
    with torch.cuda.device_of(gradient):
        return way(gradient, features, levels, lines, weights)


@_pool_backward.register_fake
def _like_features(
    gradient: Tensor, features: Sequence[Tensor], levels: Tensor, lines: Tensor, weights: Tensor
) -> list[Tensor]:
    return [torch.empty_like(level, memory_format=torch.channels_last) for level in features]


def _save(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    features, *taps = inputs
    ctx.save_for_backward(*taps, *features)


def _backward(ctx: Any, gradient: Tensor) -> tuple[list[Tensor] | None, ...]:
    levels, lines, weights, *features = ctx.saved_tensors
    return _pool_backward(gradient, features, levels, lines, weights), None, None, None


_pool.register_autograd(_backward, setup_context=_save)
