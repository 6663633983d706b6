"""The trained segmenters of a study as one function of arrays, whose probabilities are averaged."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from lumbar.ops.structures import Images
from medical.scans.pipeline import Network
from segmentation.fcn import FCN
from segmentation.segmenter import Segmenter


def torch_network(weights: Sequence[Path], device: str | torch.device = "cpu") -> Network:
    """Loads the segmenters of some folds; those of more than one are asked together, and the mean counts.

    Args:
        weights: `model.safetensors` of each.
        device: Where they run.

    Returns:
        A function of inputs (B, C, h, w) float32 to probabilities (B, K, h, w) float32.

    Raises:
        ValueError: A file is missing or is no segmenter.
    """
    assert weights, "no weights"
    models = [Segmenter.load(path, device=device).model for path in weights]
    return network_of(models)


def network_of(models: Sequence[FCN]) -> Network:
    """Makes a function of arrays (B, C, h, w) of segmenters, in evaluation mode, on their device."""

    @torch.inference_mode()
    def network(canvas: NDArray[np.float32]) -> NDArray[np.float32]:
        pixels = torch.from_numpy(canvas).to(
            device=models[0].pixels.mean.device, memory_format=torch.channels_last
        )
        sizes = torch.tensor(canvas.shape[-2:], device=pixels.device).expand(len(canvas), 2)
        images = Images(pixels, sizes, sizes)
        mean = models[0].task.probabilities(models[0].logits(images))
        for count, model in enumerate(models[1:], start=2):
            mean = mean.lerp(model.task.probabilities(model.logits(images)), 1 / count)
        found: NDArray[np.float32] = mean.cpu().numpy()
        return found

    return network
