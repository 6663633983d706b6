"""A whole segmenter that looks at single pixels: whatever cuts an image up must give what it gives at once."""

import torch
from torch import Tensor

from backbones.base import Backbone, FeatureSpec
from backbones.pixels import PixelNorm
from lumbar.ops.structures import Images
from segmentation.fcn import FCN
from segmentation.heads import Head
from segmentation.labels import TASKS
from segmentation.pixel_losses import CrossEntropy

NUM_CLASSES = 3


class Pixels(Backbone):
    """The normalised pixels themselves; keeps the shapes of what it saw."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.features = {"c2": FeatureSpec(channels, 1)}
        self.seen: list[tuple[int, ...]] = []

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        self.seen.append(tuple(x.shape))
        return {"c2": x}


class Mixture(Head):
    """Each class scores a mixture of the channels, added up in the same order for every pixel."""

    def __init__(self, backbone: Backbone, num_classes: int) -> None:
        super().__init__(backbone.features, ["c2"], num_classes=num_classes)
        generator = torch.Generator().manual_seed(3)
        shape = (num_classes, self.needs["c2"].channels)
        self.register_buffer("weights", torch.randn(shape, generator=generator))

    def forward(self, maps: dict[str, Tensor], seeds: Tensor | None = None) -> Tensor:  # type: ignore[override]
        logits = torch.zeros(())
        for channel, weights in zip(maps["c2"].unbind(1), self.weights.unbind(1), strict=True):
            logits = logits + channel[:, None] * weights[:, None, None]
        return logits


def pointwise_fcn(
    task: str = "multiclass", *, channels: int = 3, num_classes: int = NUM_CLASSES
) -> FCN:
    """A segmenter with fixed weights, whose `backbone.seen` lists the shapes of its inputs."""
    backbone = Pixels(channels)
    return FCN(
        pixels=PixelNorm([128.0] * channels, [64.0] * channels),
        backbone=backbone,
        head=Mixture(backbone, num_classes),
        task=TASKS[task],
        loss=CrossEntropy(TASKS[task]),
    ).eval()


def noise(batch: int, height: int, width: int) -> Images:
    """Random pixels (batch, 3, height, width) uint8 that fill their canvas."""
    generator = torch.Generator().manual_seed(height * 1000 + width)
    canvas = torch.randint(256, (batch, 3, height, width), generator=generator, dtype=torch.uint8)
    sizes = torch.tensor([[height, width]] * batch)
    return Images(canvas, sizes, sizes)
