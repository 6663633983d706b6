"""Overlap of boxes with ground truth that is never written down: two launches, each a walk over the truth.

The first finds each box's best truth and each truth's peak, its highest overlap with any box. The second meets the
peaks again, overlap by overlap, to find the boxes that reach them. A maximum is the same in whatever order it is
taken, so atomic ones are deterministic. What is launched depends on shapes alone.

Overlaps are compared by rank, which is their bits as an integer: for numbers that are not negative it grows with them,
and it has an atomic maximum on any device.
"""

import torch
import triton
from torch import Tensor
from triton import language as tl

from lumbar.ops.kernels.boxes import iou, load

_BLOCK = tl.constexpr(256)
_RANKS = {torch.float32: torch.int32, torch.float64: torch.int64}


def match(
    boxes: Tensor, truth: Tensor, valid: Tensor, least: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Does what `lumbar.ops.matching.best_overlap` says, in one rank of memory for each ground truth.

    Args:
        boxes: (B, N, 4), or (1, N, 4) for all images alike, float32 or float64 xyxy.
        truth: (B, G, 4) xyxy of the same dtype.
        valid: (B, G) bool.
        least: Overlap from which on a highest one counts as such; a kernel is compiled for each value.

    Returns:
        best (B, N) float, index (B, N) int64, claimant (B, N) int64.
    """
    (images, truths), count = valid.shape, boxes.shape[1]
    boxes, truth = boxes.contiguous(), truth.contiguous()
    best = boxes.new_empty(images, count)
    index = torch.empty_like(best, dtype=torch.int64)
    claimant = torch.empty_like(index)
    peaks = torch.zeros(images, truths, dtype=_RANKS[boxes.dtype], device=boxes.device)
    sizes = count, truths, count * (boxes.shape[0] > 1)
    grid = triton.cdiv(count, _BLOCK.value), images
    _find[grid](
        boxes, truth, valid.contiguous(), best, index, peaks, *sizes, enable_fp_fusion=False
    )
    _claim[grid](boxes, truth, best, peaks, claimant, *sizes, least, enable_fp_fusion=False)
    return best, index, claimant


@triton.jit(do_not_specialize=["count", "truths", "stride"])
def _find(  # noqa: PLR0913, PLR0917 - a kernel is given each tensor and each size
    boxes: tl.tensor,
    truth: tl.tensor,
    valid: tl.tensor,
    best: tl.tensor,
    index: tl.tensor,
    peaks: tl.tensor,
    count: int,
    truths: int,
    stride: int,
) -> None:
    """Fills `best` and `index` for a block of boxes, and raises `peaks` (B, G) to the ranks seen; they begin at 0.

    `stride` is the number of boxes from one image to the next.
    """
    image = tl.program_id(1).to(tl.int64)
    place = tl.program_id(0) * _BLOCK + tl.arange(0, _BLOCK)
    box = load(boxes, image * stride + tl.minimum(place, count - 1))
    highest = tl.full((_BLOCK,), -1, best.dtype.element_ty).to(peaks.dtype.element_ty, bitcast=True)
    first = tl.full((_BLOCK,), 0, tl.int64)
    for number in range(truths):
        one = image * truths + number
        if tl.load(valid + one):
            rank = _rank(iou(box, load(truth, one)), peaks)
            first = tl.where(rank > highest, number, first)
            highest = tl.maximum(highest, rank)
            peak = tl.max(rank, 0)
            tl.atomic_max(peaks + one, peak, mask=peak > 0, sem="relaxed")
    place_out = image * count + place
    tl.store(best + place_out, highest.to(best.dtype.element_ty, bitcast=True), mask=place < count)
    tl.store(index + place_out, first, mask=place < count)


@triton.jit(do_not_specialize=["count", "truths", "stride"])
def _claim(  # noqa: PLR0913, PLR0917 - a kernel is given each tensor and each size
    boxes: tl.tensor,
    truth: tl.tensor,
    best: tl.tensor,
    peaks: tl.tensor,
    claimant: tl.tensor,
    count: int,
    truths: int,
    stride: int,
    least: tl.constexpr,
) -> None:
    """Fills `claimant` for a block of boxes; a truth whose peak is above all their best overlaps is passed by."""
    image = tl.program_id(1).to(tl.int64)
    place = tl.program_id(0) * _BLOCK + tl.arange(0, _BLOCK)
    inside = tl.minimum(place, count - 1)
    box = load(boxes, image * stride + inside)
    best_here = tl.load(best + image * count + inside)
    reach = tl.max(best_here.to(peaks.dtype.element_ty, bitcast=True), 0)
    last = tl.full((_BLOCK,), -1, tl.int64)
    for number in range(truths):
        one = image * truths + number
        peak = tl.load(peaks + one)
        counts = peak.to(best.dtype.element_ty, bitcast=True) >= least
        if (peak > 0) & (peak <= reach) & counts:
            rank = _rank(iou(box, load(truth, one)), peaks)
            last = tl.where(rank == peak, number, last)
    tl.store(claimant + image * count + place, last, mask=place < count)


@triton.jit
def _rank(overlap: tl.tensor, peaks: tl.tensor) -> tl.tensor:
    """Bits of overlaps as integers of the type of `peaks`; NaN is above all numbers, as torch's maximum has it."""
    same = tl.where(overlap >= 0, overlap, float("nan"))
    return same.to(peaks.dtype.element_ty, bitcast=True)
