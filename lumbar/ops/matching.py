"""For each box the ground truth it overlaps most, without keeping the overlap matrix.

A custom operator: the number of padded ground-truth boxes varies from batch to batch, and the operator walks over
them in chunks, so that memory grows with the boxes and not with boxes times ground truth. On CUDA, where there is
Triton, kernels walk over them one by one.
"""

from importlib.util import find_spec

import torch
from torch import Tensor

from lumbar.ops.boxes import pairwise_iou

_CHUNK = 16


def best_overlap_reference(
    boxes: Tensor, truth: Tensor, valid: Tensor, least: float = 0.0
) -> tuple[Tensor, Tensor, Tensor]:
    """The same as `best_overlap`, from the whole overlap matrix at once.

    Args:
        boxes: (B, N, 4) or (1, N, 4) float xyxy.
        truth: (B, G, 4) float xyxy, G at least 1.
        valid: (B, G) bool.
        least: As for `best_overlap`.

    Returns:
        Best IoU (B, N), its index (B, N), and the index of the ground truth whose best the box is, -1 if none (B, N).
    """
    overlap = pairwise_iou(boxes, truth).masked_fill(~valid[:, None], -1)
    best, index = overlap.max(-1)
    highest = overlap.amax(1, keepdim=True)
    claims = (overlap == highest) & (highest > 0) & (highest >= least)
    numbers = torch.arange(truth.shape[1], device=truth.device)
    return best, index, torch.where(claims, numbers, -1).amax(-1)


@torch.library.custom_op("lumbar::best_overlap", mutates_args=())
def best_overlap(
    boxes: Tensor, truth: Tensor, valid: Tensor, least: float = 0.0
) -> tuple[Tensor, Tensor, Tensor]:
    """Finds for each box the ground truth that it overlaps most.

    Args:
        boxes: (B, N, 4), or (1, N, 4) for all images alike, float32 or float64 xyxy.
        truth: (B, G, 4) float xyxy, G at least 1.
        valid: (B, G) bool.
        least: Overlap from which on a highest one counts as such.

    Returns:
        best: (B, N) float: IoU with the best ground truth, -1 where an image has none.
        index: (B, N) int64: that ground truth, the first of equals.
        claimant: (B, N) int64: the ground truth that no box overlaps more than this one, which overlaps it at all, and
            by `least` or more; the last of several, -1 where there is none.
    """
    shape = (truth.shape[0], boxes.shape[1])
    best = boxes.new_full(shape, -1)
    index = torch.zeros(shape, dtype=torch.int64, device=boxes.device)
    claimant = torch.full_like(index, -1)
    for start in range(0, truth.shape[1], _CHUNK):
        part = slice(start, start + _CHUNK)
        chunk_best, chunk_index, chunk_claimant = best_overlap_reference(
            boxes, truth[:, part], valid[:, part], least
        )
        stays = (chunk_best <= best) | best.isnan()  # NaN is above all, here as in a maximum
        index = torch.where(stays, index, chunk_index + start)
        best = torch.maximum(best, chunk_best)
        claimant = torch.where(chunk_claimant >= 0, chunk_claimant + start, claimant)
    return best, index, claimant


if find_spec("triton"):

    @best_overlap.register_kernel("cuda")
    def _best_overlap_cuda(
        boxes: Tensor, truth: Tensor, valid: Tensor, least: float = 0.0
    ) -> tuple[Tensor, Tensor, Tensor]:
        from lumbar.ops.kernels.matching import match

        with torch.cuda.device_of(boxes):  # Triton launches on the current device
            return match(boxes, truth, valid, least)


@best_overlap.register_fake
def _best_overlap_fake(
    boxes: Tensor, truth: Tensor, valid: Tensor, least: float = 0.0
) -> tuple[Tensor, Tensor, Tensor]:
    best = boxes.new_empty(truth.shape[0], boxes.shape[1])
    return best, best.to(torch.int64), best.to(torch.int64)
