"""Faster R-CNN: pixels, backbone, proposals, regions (Ren et al. 2015, arXiv:1506.01497; Lin et al. 2017)."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from backbones.base import Backbone
from backbones.pixels import PixelNorm
from detection.roi_head import RoIHeads
from detection.rpn import RPN, RPNOutput
from lumbar.ops.structures import Detections, Images, Targets


class DenseOutput(NamedTuple):
    """What is computed for every cell of the canvas."""

    features: dict[str, Tensor]
    """(B, C, H_l, W_l) for each of p2..p6."""
    rpn: RPNOutput
    """Scores and offsets of every anchor."""


class FasterRCNN(nn.Module):
    """A two-stage detector with two verbs: `losses` and `predict`.

    Every shape inside depends only on the canvas, the number of padded targets and the settings, so that a step
    neither waits for the device nor breaks the graph. `dense` is everything before the proposals, the rest is sparse.
    """

    fixed_parts = ("dense",)
    """Compiled for each canvas."""
    free_parts = ("sparse_losses",)
    """Compiled once for any."""

    def __init__(
        self, *, pixels: PixelNorm, backbone: Backbone, rpn: RPN, roi_heads: RoIHeads
    ) -> None:
        """Joins the four parts."""
        super().__init__()
        self.pixels = pixels
        self.backbone = backbone
        self.rpn = rpn
        self.roi_heads = roi_heads

    def dense(self, images: Images, seeds: Tensor | None = None) -> DenseOutput:
        """Features and proposals' predictions for the whole canvas.

        Args:
            images: (B, C, H, W) canvas.
            seeds: (B,) of the images, for a backbone that draws in training; None draws nothing.

        Returns:
            Features and RPN output.
        """
        features = self.backbone.maps(self.pixels(images), seeds)
        height, width = images.canvas.shape[-2:]
        return DenseOutput(features, self.rpn(features, (height, width)))

    def sparse_losses(
        self, dense: DenseOutput, images: Images, targets: Targets
    ) -> dict[str, Tensor]:
        """The losses from the dense output on.

        Args:
            dense: Of the same (B, C, H, W) images.
            images: The images.
            targets: Their ground truth.

        Returns:
            The dictionary of `losses`, scalars.
        """
        proposals = self.rpn.propose_for_training(dense.rpn, images)
        samples = self.roi_heads.sample(proposals, targets)
        output = self.roi_heads(dense.features, samples.boxes)
        return self.rpn.losses(dense.rpn, targets) | self.roi_heads.losses(output, samples)

    def sparse_predict(self, dense: DenseOutput, images: Images) -> Detections:
        """The detections from the dense output on.

        Args:
            dense: Of the same (B, C, H, W) images.
            images: The images.

        Returns:
            (B, D) detections in pixels of the canvas.
        """
        proposals = self.rpn.propose(dense.rpn, images)
        output = self.roi_heads(dense.features, proposals.boxes)
        return self.roi_heads.detect(output, proposals, images)

    def losses(self, images: Images, targets: Targets) -> dict[str, Tensor]:
        """All losses of a batch; every key is always there, also without any object.

        Args:
            images: (B, C, H, W) canvas.
            targets: (B, G) boxes in pixels of the canvas.

        Returns:
            `rpn/objectness`, `rpn/box`, `roi/class`, `roi/box`: scalars whose sum is minimised.
        """
        return self.sparse_losses(self.dense(images, targets.seeds), images, targets)

    @torch.no_grad()
    def predict(self, images: Images) -> Detections:
        """Detects the objects of a batch.

        Args:
            images: (B, C, H, W) canvas.

        Returns:
            (B, D) detections in pixels of the canvas, best first.
        """
        return self.sparse_predict(self.dense(images), images)

    def forward(self, images: Images) -> Detections:
        """The same as `predict`, in any mode."""
        return self.predict(images)
