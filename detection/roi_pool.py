"""Pooling of each region from the pyramid level that fits its size (Lin et al. 2017, arXiv:1612.03144, equation 1)."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from backbones.base import FeatureSpec
from lumbar.ops.boxes import area

Align = Callable[..., Tensor]
"""`multilevel_roi_align` or `adaptive_roi_align`, with what `RoIPool` does not give."""

_CANONICAL_SIZE, _CANONICAL_LEVEL = 224, 4


class RoIPool:
    """RoIAlign from p2..p5; a 224 pixel box takes p4, half that size one level finer."""

    def __init__(self, features: Mapping[str, FeatureSpec], *, size: int, align: Align) -> None:
        """Reads strides and channels from the pyramid.

        Args:
            features: What the backbone yields; the coarsest level is for proposals only.
            size: Cells along each side of a pooled region.
            align: Pools boxes from levels.
        """
        self.names = list(features)[:-1]
        self.strides = [features[name].stride for name in self.names]
        self.channels = features[self.names[0]].channels
        self.size = size
        self.align = align

    def levels(self, boxes: Tensor) -> Tensor:
        """The level of each box.

        Args:
            boxes: (B, R, 4) float xyxy.

        Returns:
            (B, R) int64, 0 for p2 and where a corner is NaN: what is read by it must exist.
        """
        scale = area(boxes).sqrt() / _CANONICAL_SIZE
        level = (_CANONICAL_LEVEL + scale.log2() + 1e-6).floor()
        finest = self.strides[0].bit_length() - 1
        level = level.clamp(finest, finest + len(self.names) - 1) - finest
        return level.nan_to_num(0).to(torch.int64)

    def __call__(self, features: Mapping[str, Tensor], boxes: Tensor) -> Tensor:
        """Pools.

        Args:
            features: (B, C, H_l, W_l) for each level.
            boxes: (B, R, 4) float xyxy in pixels of the canvas.

        Returns:
            (B * R, C, size, size) in at least float32.
        """
        levels = [features[name] for name in self.names]
        return self.align(levels, boxes, self.levels(boxes), strides=self.strides, size=self.size)
