"""Region proposal network: where is there an object of any class (Ren et al. 2015, arXiv:1506.01497).

B images, A anchors for each cell, N_l anchors of a level, N of all levels.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from detection.anchors import Anchors
from detection.box_coder import BoxCoder
from detection.matcher import Matcher
from detection.proposals import ProposalSelector
from detection.sampler import BalancedSampler, Samples, count_valid
from lumbar.ops.boxes import take
from lumbar.ops.losses import WeightedLoss, binary_cross_entropy, smooth_l1
from lumbar.ops.reduce import count_per_rank
from lumbar.ops.structures import Images, Proposals, Targets


class RPNOutput(NamedTuple):
    """Predictions for every anchor, level by level."""

    logits: list[Tensor]
    """(B, N_l) float: objectness."""
    deltas: list[Tensor]
    """(B, N_l, 4) float: offsets from the anchor."""
    anchors: list[Tensor]
    """(N_l, 4) float xyxy."""


class RPNHead(nn.Module):
    """3x3 convolutions shared by all levels, then 1x1 predictions."""

    def __init__(self, channels: int, *, per_cell: int, convs: int = 1) -> None:
        """Initialises all weights from N(0, 0.01), biases with 0, as the paper does.

        Args:
            channels: Channels of every pyramid level.
            per_cell: Anchors for each cell.
            convs: Number of 3x3 convolutions.
        """
        super().__init__()
        self.conv = nn.Sequential(
            *(
                nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1), nn.ReLU(inplace=True))
                for _ in range(convs)
            )
        )
        self.cls_logits = nn.Conv2d(channels, per_cell, 1)
        self.bbox_pred = nn.Conv2d(channels, per_cell * 4, 1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.normal_(module.weight, std=0.01)
                assert module.bias is not None
                nn.init.zeros_(module.bias)

    def forward(self, feature: Tensor) -> tuple[Tensor, Tensor]:
        """Predicts for one level.

        Args:
            feature: (B, C, H, W).

        Returns:
            Logits (B, H * W * A) and deltas (B, H * W * A, 4).
        """
        hidden = self.conv(feature)
        logits = self.cls_logits(hidden).permute(0, 2, 3, 1).flatten(1)
        deltas = self.bbox_pred(hidden).permute(0, 2, 3, 1).flatten(1).unflatten(1, (-1, 4))
        return logits, deltas


class RPN(nn.Module):
    """The first stage; `losses` teaches it, `propose` uses it."""

    coder = BoxCoder(position=1.0, size=1.0)

    def __init__(
        self,
        *,
        head: RPNHead,
        anchors: Anchors,
        matcher: Matcher,
        sampler: BalancedSampler,
        train_selector: ProposalSelector,
        test_selector: ProposalSelector,
        box_loss: WeightedLoss = smooth_l1,
        divisor: Callable[[Samples], Tensor] = count_valid,
    ) -> None:
        """Joins the parts.

        `box_loss` compares deltas (B, S, 4) under a weight (B, S); both losses are divided by `divisor`, a count.
        """
        super().__init__()
        self.head = head
        self.anchors = anchors
        self.matcher = matcher
        self.sampler = sampler
        self.train_selector = train_selector
        self.test_selector = test_selector
        self.box_loss = box_loss
        self.divisor = divisor

    def forward(self, features: dict[str, Tensor], canvas: tuple[int, int]) -> RPNOutput:
        """Predicts for every anchor.

        Args:
            features: (B, C, H_l, W_l) for each of p2..p6.
            canvas: Height and width of the network's input in pixels.

        Returns:
            Logits, deltas and anchors of each level.
        """
        levels = list(features.values())
        logits, deltas = zip(*(self.head(level) for level in levels), strict=True)
        grids = [(level.shape[-2], level.shape[-1]) for level in levels]
        return RPNOutput(list(logits), list(deltas), self.anchors(grids, canvas))

    def losses(self, output: RPNOutput, targets: Targets) -> dict[str, Tensor]:
        """Objectness and box loss over the sampled anchors, each divided by a count of them.

        Args:
            output: Of `forward`, for (B, ...) images.
            targets: B images.

        Returns:
            `rpn/objectness` and `rpn/box`, scalars.
        """
        anchors = torch.cat(output.anchors)
        matches = self.matcher(anchors[None], targets)
        samples = self.sampler(matches.positive, matches.negative, targets.seeds)
        logits = torch.cat(output.logits, 1).gather(1, samples.indices)
        deltas = take(torch.cat(output.deltas, 1), samples.indices)
        truth = take(targets.boxes.to(anchors.dtype), matches.indices.gather(1, samples.indices))
        wanted = self.coder.encode(truth, anchors[samples.indices])
        wanted = torch.where(samples.positive[..., None], wanted, 0.0)
        count = count_per_rank(self.divisor(samples))
        return {
            "rpn/objectness": binary_cross_entropy(
                logits, samples.positive.to(anchors.dtype), samples.valid
            )
            / count,
            "rpn/box": self.box_loss(deltas, wanted, samples.positive) / count,
        }

    def propose(self, output: RPNOutput, images: Images) -> Proposals:
        """Proposals for prediction.

        Args:
            output: Of `forward`, for (B, ...) images.
            images: The same B images.

        Returns:
            (B, R) proposals.
        """
        return self.test_selector(*output, sizes=images.sizes, coder=self.coder)

    def propose_for_training(self, output: RPNOutput, images: Images) -> Proposals:
        """Proposals for training, without gradients.

        Args:
            output: Of `forward`, for (B, ...) images.
            images: The same B images.

        Returns:
            (B, R) proposals.
        """
        return self.train_selector(*output, sizes=images.sizes, coder=self.coder)
