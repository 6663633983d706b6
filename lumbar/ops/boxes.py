"""Geometry of xyxy boxes and the family of overlap measures.

All functions compute in the dtype they are given; callers keep boxes in float32 or float64, because bfloat16
corners are off by up to four pixels at 1333.
"""

import math

import torch
from torch import Tensor


def take(boxes: Tensor, indices: Tensor) -> Tensor:
    """Picks boxes, or their deltas, image by image.

    Args:
        boxes: (B, N, 4).
        indices: (B, S) int64 in 0..N-1.

    Returns:
        (B, S, 4).
    """
    return boxes.gather(1, indices[..., None].expand(-1, -1, 4))


def area(boxes: Tensor) -> Tensor:
    """Area of each box.

    Args:
        boxes: (*, 4) float xyxy.

    Returns:
        (*,) float, pixels squared; 0 where a side is negative.
    """
    return (boxes[..., 2:] - boxes[..., :2]).clamp(min=0).prod(-1)


def clip(boxes: Tensor, sizes: Tensor) -> Tensor:
    """Moves corners into the image.

    Args:
        boxes: (B, N, 4) float xyxy.
        sizes: (B, 2) height and width of each image in pixels.

    Returns:
        (B, N, 4) float with 0 <= x <= width and 0 <= y <= height.
    """
    limit = sizes.to(boxes.dtype).flip(-1).repeat(1, 2)[:, None]
    return torch.minimum(boxes.clamp(min=0), limit)


def large_enough(boxes: Tensor, min_size: float) -> Tensor:
    """Tells which boxes have both sides longer than `min_size`; for 0, those that have an area.

    Args:
        boxes: (*, 4) float xyxy.
        min_size: pixels.

    Returns:
        (*,) bool.
    """
    return (boxes[..., 2:] - boxes[..., :2] > min_size).all(-1)


def xywh_to_xyxy(boxes: Tensor) -> Tensor:
    """Turns corner, width, height into two corners.

    Args:
        boxes: (*, 4) float: left, top, width, height.

    Returns:
        (*, 4) float xyxy.
    """
    return torch.cat([boxes[..., :2], boxes[..., :2] + boxes[..., 2:]], -1)


def xyxy_to_xywh(boxes: Tensor) -> Tensor:
    """Turns two corners into corner, width, height.

    Args:
        boxes: (*, 4) float xyxy.

    Returns:
        (*, 4) float: left, top, width, height.
    """
    return torch.cat([boxes[..., :2], boxes[..., 2:] - boxes[..., :2]], -1)


def intersection(boxes: Tensor, others: Tensor) -> Tensor:
    """Area shared by boxes of broadcastable shapes.

    Args:
        boxes: (*, 4) float xyxy.
        others: (*, 4) float xyxy.

    Returns:
        (*,) float, pixels squared.
    """
    top_left = torch.maximum(boxes[..., :2], others[..., :2])
    bottom_right = torch.minimum(boxes[..., 2:], others[..., 2:])
    return (bottom_right - top_left).clamp(min=0).prod(-1)


def iou(boxes: Tensor, others: Tensor) -> Tensor:
    """Intersection over union, box by box.

    Args:
        boxes: (*, 4) float xyxy.
        others: (*, 4) float xyxy, broadcastable with `boxes`.

    Returns:
        (*,) float in [0, 1]; 0 where both are empty.
    """
    shared = intersection(boxes, others)
    union = area(boxes) + area(others) - shared
    return shared / union.clamp(min=torch.finfo(union.dtype).tiny)


def pairwise_iou(boxes: Tensor, others: Tensor) -> Tensor:
    """Intersection over union of every box with every other box.

    Args:
        boxes: (*, N, 4) float xyxy.
        others: (*, M, 4) float xyxy in the same frame.

    Returns:
        (*, N, M) float in [0, 1].
    """
    return iou(boxes[..., :, None, :], others[..., None, :, :])


def hull(boxes: Tensor, others: Tensor) -> Tensor:
    """Smallest box around two boxes.

    Args:
        boxes: (*, 4) float xyxy.
        others: (*, 4) float xyxy, broadcastable with `boxes`.

    Returns:
        (*, 4) float xyxy.
    """
    top_left = torch.minimum(boxes[..., :2], others[..., :2])
    return torch.cat([top_left, torch.maximum(boxes[..., 2:], others[..., 2:])], -1)


def giou(boxes: Tensor, others: Tensor) -> Tensor:
    """Generalised IoU, Rezatofighi et al. 2019 (arXiv:1902.09630), algorithm 1.

    Args:
        boxes: (*, 4) float xyxy.
        others: (*, 4) float xyxy, broadcastable with `boxes`.

    Returns:
        (*,) float in [-1, 1].
    """
    shared = intersection(boxes, others)
    union = area(boxes) + area(others) - shared
    around = area(hull(boxes, others))
    tiny = torch.finfo(union.dtype).tiny
    return shared / union.clamp(min=tiny) - (around - union) / around.clamp(min=tiny)


def diou(boxes: Tensor, others: Tensor) -> Tensor:
    """Distance IoU, Zheng et al. 2020 (arXiv:1911.08287), equation 5.

    Args:
        boxes: (*, 4) float xyxy.
        others: (*, 4) float xyxy, broadcastable with `boxes`.

    Returns:
        (*,) float in [-1, 1]: IoU less the squared distance of the centres over the squared diagonal of the hull.
    """
    frame = hull(boxes, others)
    diagonal = (frame[..., 2:] - frame[..., :2]).square().sum(-1)
    centres = (boxes[..., :2] + boxes[..., 2:] - others[..., :2] - others[..., 2:]) / 2
    distance = centres.square().sum(-1)
    return iou(boxes, others) - distance / diagonal.clamp(min=torch.finfo(diagonal.dtype).tiny)


def ciou(boxes: Tensor, others: Tensor) -> Tensor:
    """Complete IoU, Zheng et al. 2020 (arXiv:1911.08287), equations 8 to 11.

    The weight of the aspect term takes no gradient, as in the paper.

    Args:
        boxes: (*, 4) float xyxy.
        others: (*, 4) float xyxy, broadcastable with `boxes`.

    Returns:
        (*,) float: distance IoU less the difference of the aspect ratios.
    """
    size, other_size = boxes[..., 2:] - boxes[..., :2], others[..., 2:] - others[..., :2]
    angle = torch.atan2(size[..., 0], size[..., 1])
    other_angle = torch.atan2(other_size[..., 0], other_size[..., 1])
    aspect = (2 / math.pi * (angle - other_angle)).square()
    with torch.no_grad():
        weight = aspect / (1 - iou(boxes, others) + aspect + torch.finfo(aspect.dtype).eps)
    return diou(boxes, others) - weight * aspect
