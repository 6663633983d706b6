"""RoIAlign with as many samples in a cell as its size asks for."""

import torch
from torch import Tensor
from torchvision.ops import roi_align

from lumbar.ops.precision import at_least_float32

_OUTSIDE = -1e6


def adaptive_roi_align(
    features: list[Tensor],
    boxes: Tensor,
    levels: Tensor,
    *,
    strides: list[int],
    size: int,
    aligned: bool,
) -> Tensor:
    """Pools each box from its pyramid level; a cell takes a sample for each feature cell along its sides, rounded up.

    The number of samples depends on the box, which no table of fixed shape can hold: this is the kernel of torchvision.
    Every level pools all boxes, those of other levels where it finds nothing and returns zeros at once.

    Args:
        features: One (B, C, H_l, W_l) map for each level.
        boxes: (B, R, 4) float32 or float64 xyxy in pixels of the canvas.
        levels: (B, R) int64 index into `features`.
        strides: Pixels of the canvas for each cell of a level.
        size: Cells along each side of the result.
        aligned: As for `multilevel_roi_align`.

    Returns:
        (B * R, C, size, size) in float32, or float64 where the features are.
    """
    image = torch.arange(boxes.shape[0], device=boxes.device).to(boxes.dtype)
    image = image[:, None, None].expand(-1, boxes.shape[1], 1)
    pooled = boxes.new_zeros(())
    for level, (feature, stride) in enumerate(zip(features, strides, strict=True)):
        own = torch.where((levels == level)[..., None], boxes, _OUTSIDE)
        values, rows = at_least_float32(feature), torch.cat([image, own], -1).flatten(0, 1)
        pooled = pooled + roi_align(values, rows.to(values.dtype), size, 1 / stride, 0, aligned)
    return pooled
