"""Second stage: what is in each proposal, and exactly where.

B images, R proposals, G ground-truth boxes, S samples, K classes; the background is class K.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from detection.box_coder import BoxCoder
from detection.box_head import BoxPredictor
from detection.matcher import Matcher
from detection.postprocess import Postprocess
from detection.roi_pool import RoIPool
from detection.sampler import BalancedSampler
from lumbar.ops.boxes import take
from lumbar.ops.losses import WeightedLoss, cross_entropy, smooth_l1
from lumbar.ops.precision import at_least_float32
from lumbar.ops.reduce import count_per_rank
from lumbar.ops.structures import Detections, Images, Proposals, Targets


class RoISamples(NamedTuple):
    """S regions of each image that the loss is computed on."""

    boxes: Tensor
    """(B, S, 4) float xyxy."""
    labels: Tensor
    """(B, S) int64 in 0..K; K is background."""
    truth: Tensor
    """(B, S, 4) float xyxy; meaningful where positive."""
    positive: Tensor
    """(B, S) bool."""
    valid: Tensor
    """(B, S) bool."""


class RoIOutput(NamedTuple):
    """Predictions for R or S regions of each image."""

    logits: Tensor
    """(B, R, K + 1) float."""
    deltas: Tensor
    """(B, R, K, 4) float: offsets from the region, one box for each class."""


class RoIHeads(nn.Module):
    """The second stage; `sample` and `losses` teach it, `detect` uses it."""

    coder = BoxCoder(position=10.0, size=5.0)

    def __init__(
        self,
        *,
        pool: RoIPool,
        box_head: nn.Module,
        box_predictor: BoxPredictor,
        matcher: Matcher,
        sampler: BalancedSampler,
        postprocess: Postprocess,
        class_loss: WeightedLoss = cross_entropy,
        box_loss: WeightedLoss = smooth_l1,
    ) -> None:
        """Joins the parts.

        `class_loss` compares logits (M, K + 1) with labels (M,), `box_loss` deltas (B, S, 4), under a weight.
        """
        super().__init__()
        self.pool = pool
        self.box_head = box_head
        self.box_predictor = box_predictor
        self.matcher = matcher
        self.sampler = sampler
        self.postprocess = postprocess
        self.class_loss = class_loss
        self.box_loss = box_loss

    def forward(self, features: dict[str, Tensor], boxes: Tensor) -> RoIOutput:
        """Predicts for each region.

        Args:
            features: (B, C, H_l, W_l) for each level.
            boxes: (B, R, 4) float xyxy in pixels of the canvas.

        Returns:
            Logits and deltas of (B, R).
        """
        hidden = self.box_head(self.pool(features, boxes))
        logits, deltas = self.box_predictor(hidden)
        regions = boxes.shape[:2]
        return RoIOutput(logits.unflatten(0, regions), deltas.unflatten(0, regions))

    @torch.no_grad()
    def sample(self, proposals: Proposals, targets: Targets) -> RoISamples:
        """Chooses S regions for the loss among the proposals and the ground truth itself.

        Args:
            proposals: (B, R).
            targets: B images.

        Returns:
            Samples of (B, S).
        """
        truth = targets.boxes.to(proposals.boxes.dtype)
        boxes = torch.cat([proposals.boxes, truth], 1)
        offered = torch.cat([proposals.valid, targets.valid], 1)
        matches = self.matcher(boxes, targets)
        samples = self.sampler(
            matches.positive & offered, matches.negative & offered, targets.seeds
        )
        matched = matches.indices.gather(1, samples.indices)
        background = self.box_predictor.num_classes
        labels = torch.where(samples.positive, targets.labels.gather(1, matched), background)
        return RoISamples(
            take(boxes, samples.indices),
            labels,
            take(truth, matched),
            samples.positive,
            samples.valid,
        )

    def losses(self, output: RoIOutput, samples: RoISamples) -> dict[str, Tensor]:
        """Class and box loss, each divided by the number of sampled regions.

        Args:
            output: Of `forward` for the samples, (B, S).
            samples: (B, S).

        Returns:
            `roi/class` and `roi/box`, scalars.
        """
        count = count_per_rank(samples.valid.sum())
        own_class = samples.labels.clamp(max=output.deltas.shape[2] - 1)
        deltas = output.deltas.gather(2, own_class[..., None, None].expand(-1, -1, 1, 4))[:, :, 0]
        wanted = self.coder.encode(samples.truth, samples.boxes)
        wanted = torch.where(samples.positive[..., None], wanted, 0.0)
        box = self.box_loss(deltas, wanted, samples.positive)
        classes = self.class_loss(
            output.logits.flatten(0, 1), samples.labels.flatten(), samples.valid.flatten()
        )
        return {"roi/class": classes / count, "roi/box": box / count}

    def detect(self, output: RoIOutput, proposals: Proposals, images: Images) -> Detections:
        """Detections in pixels of the canvas.

        Args:
            output: Of `forward` for the proposals, (B, R).
            proposals: (B, R).
            images: B images.

        Returns:
            (B, D) detections.
        """
        scores = at_least_float32(output.logits).softmax(-1)[..., :-1]
        return self.postprocess(scores, output.deltas, proposals, images.sizes, self.coder)
