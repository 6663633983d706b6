"""Fully convolutional networks: pixels, backbone, head (Long et al. 2015, arXiv:1411.4038)."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from backbones.base import Backbone
from backbones.pixels import PixelNorm
from lumbar.ops.precision import at_least_float32
from lumbar.ops.structures import Images
from segmentation.heads import Head, Resize, resize
from segmentation.labels import Task


class DenseOutput(NamedTuple):
    """What is computed before anything has the size of the canvas."""

    features: dict[str, Tensor]
    """(B, C, h, w) for each map of the backbone."""
    logits: Tensor
    """(B, K, h, w) for cells of the head's stride."""


class Segmentation(NamedTuple):
    """What every pixel shows."""

    labels: Tensor
    """uint8: (B, H, W) class in 0..K-1 where each pixel has one, (B, K, H, W) 0 or 1 where it may have several."""


class FCN(nn.Module):
    """A segmenter with two verbs: `losses` and `predict`.

    Parameter names are `backbone`, `classifier` and `aux_classifier`, as torchvision's: its weights load as they are.

    Args:
        pixels: The normalisation that the backbone expects.
        backbone: Images to maps.
        head: Maps to logits.
        task: What logits and labels mean.
        loss: Compares logits (B, K, H, W) with labels; a scalar.
        aux_head: A second head, which only helps the backbone to learn.
        aux_weight: Weight of its loss.
        resize: Enlarges logits to the size of the canvas.
    """

    fixed_parts = ("dense", "losses_of")
    """Compiled for each canvas."""
    free_parts = ()
    """Compiled once for any."""

    def __init__(
        self,
        *,
        pixels: PixelNorm,
        backbone: Backbone,
        head: Head,
        task: Task,
        loss: Callable[[Tensor, Tensor], Tensor],
        aux_head: Head | None = None,
        aux_weight: float = 0.4,
        resize: Resize = resize,
    ) -> None:
        super().__init__()
        self.pixels = pixels
        self.backbone = backbone
        self.classifier = head
        self.aux_classifier = aux_head
        self.task = task
        self.loss = loss
        self.aux_weight = aux_weight
        self.resize = resize

    def dense(self, images: Images, seeds: Tensor | None = None) -> DenseOutput:
        """Maps and logits before they are enlarged.

        Args:
            images: (B, C, H, W) canvas.
            seeds: (B,) of the images, by which the network drops in training; None drops nothing.
        """
        features = self.backbone.maps(self.pixels(images), seeds)
        return DenseOutput(features, self.classifier(features, seeds))

    def losses_of(
        self, dense: DenseOutput, labels: Tensor, seeds: Tensor | None = None
    ) -> dict[str, Tensor]:
        """The losses from the dense output on.

        Args:
            dense: Of (B, C, H, W) images.
            labels: Their ground truth, (B, H, W) or (B, K, H, W).
            seeds: (B,) as for `dense`.

        Returns:
            The dictionary of `losses`, scalars.
        """
        losses = {"loss/main": self._loss(dense.logits, labels)}
        if self.aux_classifier is not None:
            logits = self.aux_classifier(dense.features, seeds)
            losses["loss/aux"] = self.aux_weight * self._loss(logits, labels)
        return losses

    def prediction_of(self, dense: DenseOutput, images: Images) -> Segmentation:
        """The labels from the dense output on.

        Args:
            dense: Of the same (B, C, H, W) images.
            images: The images.

        Returns:
            Labels of (B, H, W) or (B, K, H, W).
        """
        return Segmentation(self.task.decide(self._enlarge(dense.logits, images.canvas.shape[-2:])))

    def losses(
        self, images: Images, labels: Tensor, seeds: Tensor | None = None
    ) -> dict[str, Tensor]:
        """All losses of a batch.

        Args:
            images: (B, C, H, W) canvas.
            labels: (B, H, W) or (B, K, H, W), on the same canvas.
            seeds: (B,) of the images, by which the network drops in training; None drops nothing.

        Returns:
            `loss/main`, and `loss/aux` where there is an auxiliary head: scalars whose sum is minimised.
        """
        return self.losses_of(self.dense(images, seeds), labels, seeds)

    @torch.no_grad()
    def predict(self, images: Images) -> Segmentation:
        """Labels every pixel of the canvas; outside the images labels mean nothing.

        Args:
            images: (B, C, H, W) canvas.

        Returns:
            Labels of (B, H, W) or (B, K, H, W).
        """
        return self.prediction_of(self.dense(images), images)

    @torch.no_grad()
    def logits(self, images: Images) -> Tensor:
        """Scores every pixel of the canvas for every class, for those who join windows or flips before they decide.

        Args:
            images: (B, C, H, W) canvas.

        Returns:
            (B, K, H, W), at least float32.
        """
        return self._enlarge(self.dense(images).logits, images.canvas.shape[-2:])

    def forward(self, images: Images) -> Segmentation:
        """The same as `predict`, in any mode."""
        return self.predict(images)

    def _loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        return self.loss(self._enlarge(logits, labels.shape[-2:]), labels)

    def _enlarge(self, logits: Tensor, size: torch.Size) -> Tensor:
        # Widened while they are small: what lies between two cells would be rounded to the few numbers of bfloat16.
        return self.resize(at_least_float32(logits), size)
