"""Greedy suppression in two launches: all overlaps at once as bits, then one sweep for each row of boxes.

The first kernel compares boxes in tiles of 64 x 64 and keeps a bit of each comparison. The second walks down a row tile
by tile: the words of the boxes that are already kept say what is left of the next 64, and among these greedy
suppression is a fix-point, found in as many rounds as the longest chain inside the tile has links. Nothing waits for
the host, and what is launched depends on shapes alone.
"""

import torch
import triton
from torch import Tensor
from triton import language as tl

from lumbar.ops.kernels.boxes import iou, load

_WORD = tl.constexpr(64)


def suppress(boxes: Tensor, labels: Tensor, valid: Tensor, threshold: float) -> Tensor:
    """Does what `lumbar.ops.nms.nms_keep` says, in K * ceil(K / 64) * 8 bytes of memory for each row.

    Args:
        boxes: (*, K, 4) float32 or float64 xyxy, best first; K of some thousands: the sweep holds a row in registers.
        labels: (*, K) int64.
        valid: (*, K) bool.
        threshold: Overlap above which the later box is dropped, in the precision of the boxes; a kernel is compiled for
            each value.

    Returns:
        (*, K) bool: the boxes that stay.
    """
    keep = torch.empty(valid.shape, dtype=torch.bool, device=valid.device)
    if not keep.numel():
        return keep
    count = valid.shape[-1]
    rows, tiles = valid.numel() // count, triton.cdiv(count, _WORD.value)
    words = torch.empty(rows, tiles, count, dtype=torch.int64, device=valid.device)
    boxes, labels, valid = boxes.contiguous(), labels.contiguous(), valid.contiguous()
    _compare[rows, tiles, tiles](
        boxes, labels, words, count, threshold, num_warps=8, enable_fp_fusion=False
    )
    width = max(triton.next_power_of_2(count), _WORD.value)
    _sweep[rows,](words, valid, keep, count, width, enable_fp_fusion=False)
    return keep


@triton.jit(do_not_specialize=["count"])
def _compare(
    boxes: tl.tensor, labels: tl.tensor, words: tl.tensor, count: int, threshold: tl.constexpr
) -> None:
    """Fills `words` (rows, tiles, K): bit b of word (t, k) is set where box k would suppress the later box 64 t + b.

    Words of boxes behind the tile are neither written nor read.
    """
    row, tile = tl.program_id(0).to(tl.int64), tl.program_id(2)
    if tl.program_id(1) <= tile:
        lanes = tl.arange(0, _WORD)
        earlier, later = tl.program_id(1) * _WORD + lanes, tile * _WORD + lanes
        # Lanes behind the last box take that one again: nobody reads their bits.
        index = row * count + tl.minimum(earlier, count - 1)[:, None]
        other = row * count + tl.minimum(later, count - 1)[None, :]
        suppresses = iou(load(boxes, index), load(boxes, other)) > threshold
        suppresses &= tl.load(labels + index) == tl.load(labels + other)
        suppresses &= earlier[:, None] < later[None, :]
        word = tl.sum(suppresses.to(tl.int64) << lanes[None, :], 1)
        column = words + (row * tl.cdiv(count, _WORD) + tile) * count
        tl.store(column + earlier, word, mask=earlier < count)


@triton.jit(do_not_specialize=["count"])
def _sweep(
    words: tl.tensor, valid: tl.tensor, keep: tl.tensor, count: int, width: tl.constexpr
) -> None:
    """Sweeps one row; `width` is a power of two not below the number of its boxes."""
    row = tl.program_id(0).to(tl.int64)
    lanes, index = tl.arange(0, _WORD), tl.arange(0, width)
    tiles = tl.cdiv(count, _WORD)
    kept = index < 0
    for tile in range(tiles):
        column = words + (row * tiles + tile) * count
        here = tile * _WORD + lanes
        bits = tl.load(valid + row * count + here, mask=here < count, other=0).to(tl.int64)
        removed = tl.reduce_or(tl.load(column + index, mask=kept, other=0), 0)
        waiting = tl.sum(bits << lanes, 0) & ~removed
        own = tl.load(column + here, mask=here < count, other=0)
        alive, before = waiting, ~waiting
        while alive != before:
            before = alive
            alive = waiting & ~tl.reduce_or(tl.where(_has(alive, lanes), own, 0), 0)
        kept |= (index // _WORD == tile) & _has(alive, index % _WORD)
    tl.store(keep + row * count + index, kept, mask=index < count)


@triton.jit
def _has(word: tl.tensor, bit: tl.tensor) -> tl.tensor:
    return (word >> bit) & 1 != 0
