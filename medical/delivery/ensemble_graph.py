"""The networks of all folds as one graph, whose answer is the mean of theirs.

It takes `images`, (B, C, H, W) float32 of 0 to 255, and `sizes`, (B, 2) int64 heights and widths, outside which there
is nothing but padding; B, H and W are free. It returns `probabilities` (B, K, H, W) that add up to 1 over the classes.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from lumbar.ops.structures import Images
from lumbar.tasks.export_graph import CanvasRule, Exportable, Inputs
from segmentation.fcn import FCN
from segmentation.segmenter import Segmenter


class Ensemble(nn.Module):
    """The mean of the probabilities of several segmenters."""

    def __init__(self, models: Sequence[FCN]) -> None:
        super().__init__()
        self.models = nn.ModuleList(models)

    def forward(self, images: Tensor, sizes: Tensor) -> tuple[Tensor]:
        """Probabilities (B, K, H, W) of a canvas (B, C, H, W) with sizes (B, 2)."""
        total = torch.zeros(())
        for model in self.models:
            assert isinstance(model, FCN)
            logits = model.logits(Images(images, sizes, sizes))
            total = total + model.task.probabilities(logits)
        return (total / len(self.models),)


def make_ensemble(
    weights: Sequence[Path], settings: Mapping[str, Any], *, multiple: int
) -> Exportable:
    """Loads the folds for one file.

    Args:
        weights: `model.safetensors` of each fold.
        settings: What readers of the file have to know.
        multiple: Heights and widths of canvases are multiples of this, and more than one of them where the networks
            need it.

    Raises:
        ValueError: A file is missing or is no segmenter.
    """
    segmenters = [Segmenter.load(path) for path in weights]
    models = [segmenter.model for segmenter in segmenters]
    rule = CanvasRule.of(models[0].backbone.features, pad_multiple=multiple)
    inputs = Inputs(segmenters[0].channels, torch.float32, rule)
    return Exportable(Ensemble(models).eval(), inputs, ("probabilities",), settings)
