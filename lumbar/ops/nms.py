"""Non-maximum suppression with a fixed-shape answer: one mask for each padded row.

`nms_keep` is a custom operator, so that the graph around it keeps fixed shapes while each device runs what is
fastest there: the greedy kernel of torchvision row by row on the CPU, two kernels of ours on CUDA, and an exact sweep
over the sorted boxes elsewhere, or where Triton is missing.
"""

from importlib.util import find_spec

import torch
import torchvision
from torch import Tensor

from lumbar.ops.boxes import pairwise_iou
from lumbar.ops.precision import round_down


def nms_keep_reference(boxes: Tensor, labels: Tensor, valid: Tensor, iou: float) -> Tensor:
    """Greedy NMS by one sweep over the overlap matrix; plain torch, exact, no host synchronisation.

    Args:
        boxes: (*, K, 4) float xyxy, best first.
        labels: (*, K) int64; only boxes of one label suppress each other.
        valid: (*, K) bool; other boxes neither suppress nor stay.
        iou: Overlap above which the later box is dropped.

    Returns:
        (*, K) bool: the boxes that stay.
    """
    # The limit is not rounded to the nearest: torchvision's kernel compares with `iou` itself.
    overlap = pairwise_iou(boxes, boxes) > round_down(iou, boxes.dtype)
    suppresses = (overlap & (labels[..., :, None] == labels[..., None, :])).triu(1)
    keep = valid.clone()
    for k in range(boxes.shape[-2]):
        keep &= ~(suppresses[..., k, :] & keep[..., k : k + 1])
    return keep


@torch.library.custom_op("lumbar::nms_keep", mutates_args=())
def nms_keep(boxes: Tensor, labels: Tensor, valid: Tensor, iou: float) -> Tensor:
    """Greedy non-maximum suppression of sorted boxes.

    Args:
        boxes: (*, K, 4) float32 or float64 xyxy, best first.
        labels: (*, K) int64; only boxes of one label suppress each other.
        valid: (*, K) bool; other boxes neither suppress nor stay.
        iou: Overlap above which the later box is dropped.

    Returns:
        (*, K) bool: the boxes that stay.
    """
    return nms_keep_reference(boxes, labels, valid, iou)


@nms_keep.register_kernel("cpu")
def _nms_keep_cpu(boxes: Tensor, labels: Tensor, valid: Tensor, iou: float) -> Tensor:
    keep = torch.zeros(valid.shape, dtype=torch.bool)
    if not valid.numel():
        return keep
    count = boxes.shape[-2]
    ranks = torch.arange(count, 0, -1, dtype=boxes.dtype)
    rows = (boxes.reshape(-1, count, 4), labels.reshape(-1, count), valid.reshape(-1, count))
    for row, row_boxes, row_labels, row_valid in zip(keep.view(-1, count), *rows, strict=True):
        for label in row_labels[row_valid].unique():
            chosen = (row_valid & (row_labels == label)).nonzero()[:, 0]
            row[chosen[torchvision.ops.nms(row_boxes[chosen], ranks[chosen], iou)]] = True
    return keep


if find_spec("triton"):

    @nms_keep.register_kernel("cuda")
    def _nms_keep_cuda(boxes: Tensor, labels: Tensor, valid: Tensor, iou: float) -> Tensor:
        from lumbar.ops.kernels.nms import suppress

        with torch.cuda.device_of(boxes):  # Triton launches on the current device
            return suppress(boxes, labels, valid, round_down(iou, boxes.dtype))


@nms_keep.register_fake
def _nms_keep_fake(boxes: Tensor, labels: Tensor, valid: Tensor, iou: float) -> Tensor:
    return torch.empty(valid.shape, dtype=torch.bool, device=valid.device)
