"""Overlap of boxes in registers: bit for bit that of `lumbar.ops.boxes.iou`.

Each step rounds once, in the order of the reference, which two habits of the compiler would break. Triton's `/` is only
nearly right in float32, so division is `div_rn`; and a product followed by a sum becomes one fused step, which rounds
once instead of twice, unless the kernel is launched with `enable_fp_fusion=False`.
"""

import torch
import triton
from triton import language as tl

_TINY = tl.constexpr(torch.finfo(torch.float32).tiny)
_TINY_DOUBLE = tl.constexpr(torch.finfo(torch.float64).tiny)


@triton.jit
def load(boxes: tl.tensor, index: tl.tensor) -> tl.tuple:
    """The corners x1, y1, x2 and y2 and the area, each in the shape of `index`, of boxes that lie side by side."""
    corner = boxes + index * 4
    x1, y1, x2, y2 = tl.load(corner), tl.load(corner + 1), tl.load(corner + 2), tl.load(corner + 3)
    return x1, y1, x2, y2, _side(x1, x2) * _side(y1, y2)


@triton.jit
def iou(box: tl.tuple, other: tl.tuple) -> tl.tensor:
    """Intersection over union of what `load` returns, in broadcastable shapes; never negative, not even -0."""
    width = _side(tl.maximum(box[0], other[0]), tl.minimum(box[2], other[2]))
    shared = width * _side(tl.maximum(box[1], other[1]), tl.minimum(box[3], other[3]))
    union = box[4] + other[4] - shared
    if union.dtype == tl.float64:
        return shared / tl.where(union < _TINY_DOUBLE, _TINY_DOUBLE, union)
    else:  # noqa: RET505 - a branch of the compiler: the other one is never built
        return tl.div_rn(shared, tl.where(union < _TINY, _TINY, union))


@triton.jit
def _side(low: tl.tensor, high: tl.tensor) -> tl.tensor:
    """The distance, 0 where it is negative; a comparison lets NaN through, which `tl.maximum` need not."""
    length = high - low
    return tl.where(length <= 0, 0.0, length)
