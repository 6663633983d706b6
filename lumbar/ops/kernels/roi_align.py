"""RoIAlign of all pyramid levels in Triton; maps, pooled regions and gradients lie channels last in memory.

The kernels know no boxes. They are given the taps of each pooled cell, columns and rows of its map with a weight for
each, and walk over them. Maps are read in their own precision and summed in that of the pooled regions.

The gradient goes one of two ways. `scatter` walks over regions, as pooling does, and adds atomically: where regions
overlap, the last bits depend on who comes first. `gather` walks over tiles of a map and adds to each cell what its
regions give it, from the first region to the last: equal inputs give equal bits, and no map is kept in float32.
"""

from collections.abc import Sequence

import torch
import triton
from torch import Tensor
from triton import language as tl

_SIDE = tl.constexpr(8)
"""Cells along each side of a tile."""

_SEARCHED = tl.constexpr(256)
"""Regions that a tile looks at together, one for each of its threads."""


def pool(
    pooled: Tensor, features: Sequence[Tensor], levels: Tensor, lines: Tensor, weights: Tensor
) -> None:
    """Pools each region from its level, by one launch.

    Args:
        pooled: (B * R, C, size, size) float32 or float64, channels last in memory; filled here.
        features: One (B, C, H_l, W_l) map for each level.
        levels: (B, R) int64 index into `features`.
        lines: (B * R, 2, size, T) int64: columns; and rows by the cell they begin with, from the first image's on.
        weights: (B * R, 2, size, T) float32 or float64.
    """
    maps = [level.contiguous(memory_format=torch.channels_last) for level in features]
    _walk(pooled, maps, levels, lines, weights, backward=False)


def scatter(
    gradient: Tensor, features: Sequence[Tensor], levels: Tensor, lines: Tensor, weights: Tensor
) -> list[Tensor]:
    """The gradient of `pool` by atomic additions, in one launch; sums have the precision of the pooled regions.

    Args:
        gradient: (B * R, C, size, size) float32 or float64.
        features: One (B, C, H_l, W_l) map for each level, whose values do not matter.
        levels: (B, R) as for `pool`.
        lines: (B * R, 2, size, T) as for `pool`.
        weights: (B * R, 2, size, T) as for `pool`.

    Returns:
        Its like for each map.
    """
    gradient = gradient.contiguous(memory_format=torch.channels_last)
    sums = [
        torch.zeros_like(level, dtype=gradient.dtype, memory_format=torch.channels_last)
        for level in features
    ]
    _walk(gradient, sums, levels, lines, weights, backward=True)
    return [total.to(level.dtype) for total, level in zip(sums, features, strict=True)]


def gather(
    gradient: Tensor, features: Sequence[Tensor], levels: Tensor, lines: Tensor, weights: Tensor
) -> list[Tensor]:
    """The gradient of `pool`, the same bits whenever the inputs are the same, by one launch for each level.

    Args:
        gradient: (B * R, C, size, size) float32 or float64.
        features: One (B, C, H_l, W_l) map for each level, whose values do not matter.
        levels: (B, R) as for `pool`.
        lines: (B * R, 2, size, T) as for `pool`.
        weights: (B * R, 2, size, T) as for `pool`.

    Returns:
        Its like for each map.
    """
    gradient = gradient.contiguous(memory_format=torch.channels_last)
    levels, lines, weights = levels.contiguous(), lines.contiguous(), weights.contiguous()
    sums = [torch.empty_like(level, memory_format=torch.channels_last) for level in features]
    images, regions = levels.shape
    for level, total in enumerate(sums):
        channels, height, width = total.shape[1:]
        block = min(triton.next_power_of_2(channels), 128)
        tiles = triton.cdiv(height, _SIDE.value) * triton.cdiv(width, _SIDE.value)
        sizes = level, height, width, regions, channels, *lines.shape[2:], block
        _fill_tile[tiles, images, triton.cdiv(channels, block)](
            total, gradient, levels, lines, weights, *sizes, num_warps=8, enable_fp_fusion=True
        )
    return sums


def _walk(
    pooled: Tensor,
    maps: list[Tensor],
    levels: Tensor,
    lines: Tensor,
    weights: Tensor,
    *,
    backward: bool,
) -> None:
    """Launches a program for each row of cells of each region."""
    channels, size = pooled.shape[1:3]
    block = min(triton.next_power_of_2(channels), 256)
    taps = levels.contiguous(), lines.contiguous(), weights.contiguous()
    sizes = channels, *lines.shape[2:], triton.next_power_of_2(size), block
    _walk_row[levels.numel(), size, triton.cdiv(channels, block)](
        pooled, tuple(maps), *taps, *sizes, backward, enable_fp_fusion=True
    )


@triton.jit
def _walk_row(  # noqa: PLR0913, PLR0917 - a kernel is given each tensor and each size
    pooled: tl.tensor,
    maps: tl.tuple,
    levels: tl.tensor,
    lines: tl.tensor,
    weights: tl.tensor,
    channels: int,
    size: tl.constexpr,
    taps: tl.constexpr,
    columns: tl.constexpr,
    block: tl.constexpr,
    backward: tl.constexpr,
) -> None:
    """Pools a row of cells of a region, or adds its gradient to the map; `columns` is a power of two from `size` on."""
    region, row = tl.program_id(0).to(tl.int64), tl.program_id(1)
    level = tl.load(levels + region)
    chosen = maps[0]
    for other in tl.static_range(1, len(maps)):
        chosen = tl.where(level == other, maps[other], chosen)
    column = tl.arange(0, columns)
    channel = tl.program_id(2) * block + tl.arange(0, block)
    mask = (column < size)[:, None] & (channel < channels)[None, :]
    cells = pooled + ((region * size + row) * size + column)[:, None] * channels + channel[None, :]
    nothing = tl.zeros((columns, block), pooled.dtype.element_ty)
    value = tl.load(cells, mask, 0.0) if backward else nothing
    across, down = (region * 2 * size + column) * taps, ((region * 2 + 1) * size + row) * taps
    for i in range(taps):
        y, weight_y = tl.load(lines + down + i), tl.load(weights + down + i)
        for j in tl.static_range(taps):
            x = tl.load(lines + across + j, column < size, 0)
            weight_x = tl.load(weights + across + j, column < size, 0.0)
            weight = (weight_y * weight_x).to(value.dtype)[:, None]
            place = chosen + (y + x)[:, None] * channels + channel[None, :]
            if backward:
                tl.atomic_add(place, weight * value, mask, sem="relaxed")
            else:
                value += weight * tl.load(place, mask, 0.0).to(value.dtype)
    if not backward:
        tl.store(cells, value, mask)


@triton.jit(do_not_specialize=["level", "height", "width", "regions"])
def _fill_tile(  # noqa: PLR0913, PLR0917 - a kernel is given each tensor and each size
    total: tl.tensor,
    gradient: tl.tensor,
    levels: tl.tensor,
    lines: tl.tensor,
    weights: tl.tensor,
    level: int,
    height: int,
    width: int,
    regions: int,
    channels: int,
    size: tl.constexpr,
    taps: tl.constexpr,
    block: tl.constexpr,
) -> None:
    """Sums in a tile of a map what the regions of its image and level give it."""
    tiles = tl.cdiv(width, _SIDE)
    top, left = tl.program_id(0) // tiles * _SIDE, tl.program_id(0) % tiles * _SIDE
    cell = tl.arange(0, _SIDE * _SIDE)
    y, x = top + cell // _SIDE, left + cell % _SIDE
    channel = tl.program_id(2) * block + tl.arange(0, block)
    image = tl.program_id(1).to(tl.int64)
    rows, first_row = (image * height + y) * width, (image * height + top) * width
    end = (image + 1) * regions
    value = tl.zeros((_SIDE * _SIDE, block), gradient.dtype.element_ty)
    for start in range(0, regions, _SEARCHED):
        number = image * regions + start + tl.arange(0, _SEARCHED)
        known = tl.minimum(number, end - 1)
        side = lines + known * 2 * size * taps
        meets = (tl.load(levels + known) == level) & _meets(side, size * taps, left, 1)
        meets &= _meets(side + size * taps, size * taps, first_row, width)
        region = tl.min(tl.where(meets, number, end), 0)
        while region < end:
            for row in range(size):
                down = ((region * 2 + 1) * size + row) * taps
                if _meets(lines + down, taps, first_row, width):
                    weight_y = _reach(lines + down, weights + down, taps, rows).to(value.dtype)
                    for column in range(size):
                        across = (region * 2 * size + column) * taps
                        if _meets(lines + across, taps, left, 1):
                            weight_x = _reach(lines + across, weights + across, taps, x)
                            source = ((region * size + row) * size + column) * channels + channel
                            given = tl.load(gradient + source, channel < channels, 0.0)
                            weight = weight_y * weight_x.to(value.dtype)
                            value += weight[:, None] * given[None, :]
            region = tl.min(tl.where(meets & (number > region), number, end), 0)
    mask = ((y < height) & (x < width))[:, None] & (channel < channels)[None, :]
    place = (rows + x)[:, None] * channels + channel[None, :]
    tl.store(total + place, value.to(total.dtype.element_ty), mask)


@triton.jit
def _meets(lines: tl.tensor, count: tl.constexpr, start: tl.tensor, step: tl.tensor) -> tl.tensor:
    """Whether `count` taps along an axis may meet the tile that begins with line `start`, lines being `step` apart.

    Samples follow each other up or down the axis with their two taps side by side: no tap lies farther out than one
    line beside the first or the last.
    """
    first, last = tl.load(lines), tl.load(lines + count - 1)
    low, high = tl.minimum(first, last) - step, tl.maximum(first, last) + step
    return (low < start + _SIDE * step) & (high >= start)


@triton.jit
def _reach(lines: tl.tensor, weights: tl.tensor, taps: tl.constexpr, line: tl.tensor) -> tl.tensor:
    """The weights of a pooled cell on lines, from its `taps` along the axis."""
    weight = 0.0
    for tap in tl.static_range(taps):
        weight += tl.where(tl.load(lines + tap) == line, tl.load(weights + tap), 0.0)
    return weight
