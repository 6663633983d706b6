"""From the settings to a way of looking at images, and from its probabilities to the pixels of the files."""

from collections.abc import Iterator

import torch
from torch import Tensor

from lumbar.ops.structures import Images
from segmentation.heads import resize
from segmentation.inference_config import InferenceConfig
from segmentation.labels import Task
from segmentation.sliding_window import SlidingWindow, gaussian
from segmentation.views import Flips, Inference, Scales, whole

_AXES = {"vertical": (2,), "horizontal": (3,), "both": (2, 3)}


def build_inference(config: InferenceConfig) -> Inference:
    """Builds what the mode says.

    Args:
        config: The settings.

    Returns:
        A function from a model and images (B, C, H, W) to probabilities (B, K, H, W).
    """
    return build_views(config) if config.mode == "whole" else build_sliding_window(config)


def build_sliding_window(config: InferenceConfig) -> SlidingWindow:
    """Builds windows, whatever the mode; each of them is mirrored and resized on its own, so that none is larger."""
    height, width = (max(1, round(edge * (1 - config.overlap))) for edge in config.window)
    return SlidingWindow(
        inner=build_views(config),
        weight=gaussian(config.window) if config.blend == "gaussian" else torch.ones(config.window),
        stride=(height, width),
        windows_per_batch=config.windows_per_batch,
    )


def build_views(config: InferenceConfig) -> Inference:
    """Builds the views of an image or a window: each flip of each scale."""
    views: Inference = whole
    if config.scales != (1.0,):
        views = Scales(views, config.scales)
    if config.flips:
        views = Flips(views, tuple(_AXES[flip] for flip in config.flips))
    return views


def to_original(probabilities: Tensor, images: Images) -> Iterator[Tensor]:
    """Resizes probabilities to the size of the image files, one image at a time.

    Args:
        probabilities: (B, K, H, W) of the canvas.
        images: Of the same canvas.

    Yields:
        (1, K, h, w) for each image.
    """
    sizes, originals = images.sizes.tolist(), images.original_sizes.tolist()
    for row, (height, width), original in zip(
        probabilities.split(1), sizes, originals, strict=True
    ):
        yield resize(row[..., :height, :width], original)


def decide(task: Task, probabilities: Tensor) -> Tensor:
    """Labels pixels by their probabilities, as the task does by its logits.

    Args:
        task: What labels mean.
        probabilities: (B, K, H, W).

    Returns:
        uint8 (B, H, W) or (B, K, H, W).
    """
    # Log-odds have the order of probabilities, and are positive where a class is likelier than not.
    return task.decide(probabilities.logit())
