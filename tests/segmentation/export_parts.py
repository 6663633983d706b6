"""A small segmenter to be exported."""

from lumbar.data.pixel_classes import PixelClasses
from lumbar.training.load import config_from_dict
from segmentation.config import SegmentationConfig
from segmentation.labels import TASKS
from segmentation.segmenter import Segmenter
from tests.segmentation.small_fcn import small_fcn

CLASSES = PixelClasses.parse({"sky": 0, "tree": 7, "road": 9})


def small_segmenter(
    kind: str = "plain", *, task: str = "multiclass", multiple: int = 32
) -> Segmenter:
    """Random weights, always the same; makes images at most 96 pixels high or wide, whichever is less."""
    settings = {
        "task": task,
        "data": {"resize": {"test_short": 96, "long": 160}, "pad_multiple": multiple},
    }
    model = small_fcn(kind)
    model.task = TASKS[task]
    config = config_from_dict(SegmentationConfig, settings)
    return Segmenter(model, classes=CLASSES, config=config)
