"""Weights files of tiny models of both tasks, which have not learnt anything."""

from pathlib import Path

import torch

from detection.config import DetectionConfig
from detection.weights import DetectorWeights, save_detector
from lumbar.data.categories import Categories
from lumbar.data.pixel_classes import PixelClasses
from lumbar.training.load import config_from_dict
from segmentation.build import make_segmenter
from segmentation.config import SegmentationConfig
from segmentation.labels import TASKS
from segmentation.pixel_losses import CrossEntropy
from segmentation.weights import SegmenterWeights, save_segmenter
from tests.detection.parts import tiny_config, tiny_detector

NAMES = ("cat", "dog", "emu")


def write_detector(path: Path) -> Path:
    """Writes a detector for images of about 64 pixels."""
    settings = {
        "model": tiny_config().model_dump(mode="json"),
        "data": {"resize": {"short": [64], "test_short": 64, "long": 96}},
    }
    weights = tiny_detector().state_dict()
    config = config_from_dict(DetectionConfig, settings)
    save_detector(path, DetectorWeights(weights, config, Categories(NAMES, (1, 2, 3))))
    return path


def write_segmenter(path: Path) -> Path:
    """Writes a segmenter for images of any size."""
    model = {
        "backbone": {
            "name": "resnet18",
            "width": 16,
            "weights": "none",
            "norm": "group",
            "freeze": [],
        },
        "fpn": {"channels": 16},
        "head": {"channels": 32},
    }
    config, task = config_from_dict(SegmentationConfig, {"model": model}), TASKS["multiclass"]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        segmenter = make_segmenter(config.model, 3, task=task, loss=CrossEntropy(task))
    classes = PixelClasses.parse(dict(zip(NAMES, (0, 100, 200), strict=True)))
    save_segmenter(path, SegmenterWeights(segmenter.state_dict(), config, classes))
    return path
