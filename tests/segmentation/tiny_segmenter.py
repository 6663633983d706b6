"""Segmenters that answer at once, in memory and as files."""

from pathlib import Path
from typing import Any

import torch

from lumbar.data.pixel_classes import PixelClasses
from lumbar.training.load import config_from_dict
from segmentation.build import make_segmenter
from segmentation.config import SegmentationConfig
from segmentation.labels import TASKS
from segmentation.pixel_losses import CrossEntropy
from segmentation.segmenter import Segmenter
from segmentation.weights import SegmenterWeights, save_segmenter
from tests.segmentation.pointwise import pointwise_fcn

CLASSES = PixelClasses.parse({"background": 0, "cell": 200, "wall": 90}, void=[255])
_MODEL = {
    "backbone": {"name": "resnet18", "width": 16, "weights": "none", "norm": "group", "freeze": []},
    "fpn": {"channels": 16},
    "head": {"channels": 16},
}


def settings(**changes: Any) -> SegmentationConfig:
    """Of a small network; `changes` are whole sections."""
    return config_from_dict(SegmentationConfig, {"model": _MODEL, **changes})


def pointwise_segmenter(*, channels: int = 3, **changes: Any) -> Segmenter:
    """A segmenter that looks at single pixels."""
    config = settings(**changes)
    model = pointwise_fcn(config.task, channels=channels, num_classes=len(CLASSES))
    return Segmenter(model, classes=CLASSES, config=config)


def save_tiny(path: Path, **changes: Any) -> Path:
    """Writes the weights of a small network, random but always the same, which finds every class."""
    config = settings(**changes)
    task = TASKS[config.task]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = make_segmenter(config.model, len(CLASSES), task=task, loss=CrossEntropy(task))
        torch.nn.init.normal_(model.classifier.conv_seg.weight)
    save_segmenter(path, SegmenterWeights(model.state_dict(), config, CLASSES))
    return path
