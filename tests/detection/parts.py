"""Tiny detectors and made-up batches for the tests of this room."""

from collections.abc import Mapping, Sequence
from math import ceil

import torch
from torch import Tensor

from detection.build import make_detector
from detection.config import ModelConfig
from detection.faster_rcnn import FasterRCNN
from detection.presets import PRESETS
from lumbar.ops.structures import Images, Proposals, Targets
from tests.ops.strategies import random_boxes

NUM_CLASSES = 3
CHANNELS = 16
CANVAS = (64, 96)
SIZES = ((64, 96), (50, 70))
STRIDES = {"p2": 4, "p3": 8, "p4": 16, "p5": 32, "p6": 64}

_IN_GROUPS: Mapping[str, Mapping[str, object]] = {"backbone": {"norm": "group"}}
_TINY: Mapping[str, Mapping[str, object]] = {
    "backbone": {"name": "resnet18", "width": 16, "weights": "none", "freeze": ()},
    "fpn": {"channels": CHANNELS},
    "anchors": {"sizes": (8.0, 16.0, 32.0, 64.0, 128.0)},
    "rpn": {
        "batch": 32,
        "train_pre_nms": 40,
        "test_pre_nms": 30,
        "train_post_nms": 48,
        "test_post_nms": 40,
    },
    "roi": {"head_dim": 32, "batch": 16, "candidates": 60, "detections": 20},
}


def tiny_config(preset: str = "lumbar", **changes: Mapping[str, object]) -> ModelConfig:
    """A narrow ResNet-18 in groups under a narrow pyramid, with few boxes; `changes` go over its sections."""
    layers = (_IN_GROUPS, PRESETS[preset].get("model", {}), _TINY, changes)
    sections: dict[str, dict[str, object]] = {}
    for name, settings in (section for layer in layers for section in layer.items()):
        sections.setdefault(name, {}).update(settings)
    return ModelConfig.model_validate(sections)


def tiny_detector(preset: str = "lumbar", **changes: Mapping[str, object]) -> FasterRCNN:
    """A detector with random weights, always the same, whose scores and boxes spread as those of a trained one."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return spread(make_detector(tiny_config(preset, **changes), NUM_CLASSES))


@torch.no_grad()
def spread(model: FasterRCNN) -> FasterRCNN:
    """Enlarges the predictors of a detector that has not learnt anything."""
    model.rpn.head.cls_logits.weight.mul_(30)
    model.rpn.head.bbox_pred.weight.mul_(20)
    model.roi_heads.box_predictor.cls_score.weight.mul_(30)
    model.roi_heads.box_predictor.bbox_pred.weight.mul_(300)
    return model


def make_images(
    sizes: Sequence[tuple[int, int]] = SIZES, *, canvas: tuple[int, int] = CANVAS
) -> Images:
    """Noise of whole numbers on a canvas (B, 3, *canvas) float32; the files were twice the size."""
    generator = torch.Generator().manual_seed(1)
    pixels = torch.zeros(len(sizes), 3, *canvas)
    for row, (height, width) in zip(pixels, sizes, strict=True):
        row[:, :height, :width] = torch.randint(256, (3, height, width), generator=generator)
    return Images(pixels, torch.tensor(sizes), torch.tensor(sizes) * 2)


def make_targets(*counts: int, padded: int = 8, dtype: torch.dtype = torch.float32) -> Targets:
    """So many boxes of 1 to 45 pixels for each image, padded to (B, `padded`)."""
    boxes = random_boxes(len(counts), padded, seed=2, size=44).to(dtype)
    labels = torch.arange(padded).remainder(NUM_CLASSES).expand(len(counts), -1)
    valid = torch.arange(padded) < torch.tensor(counts)[:, None]
    seeds = torch.arange(len(counts)) + 7
    return Targets(boxes * valid[..., None], labels * valid, valid, seeds)


def make_pyramid(images: int = 2, *, canvas: tuple[int, int] = CANVAS) -> dict[str, Tensor]:
    """Normal noise (images, CHANNELS, H, W) float64 for each of p2..p6."""
    generator = torch.Generator().manual_seed(3)
    return {
        name: torch.randn(
            images, CHANNELS, *grid_of(canvas, stride), generator=generator, dtype=torch.float64
        )
        for name, stride in STRIDES.items()
    }


def make_proposals(images: int, count: int, *, invalid: int = 0) -> Proposals:
    """Random float64 boxes of (images, count), the last `invalid` of them padding."""
    boxes = random_boxes(images, count, seed=4, size=48)
    valid = (torch.arange(count) < count - invalid).expand(images, -1)
    scores = torch.linspace(3, -3, count, dtype=torch.float64).expand(images, -1)
    return Proposals(boxes * valid[..., None], scores.masked_fill(~valid, -torch.inf), valid)


def grid_of(canvas: tuple[int, int], stride: int) -> tuple[int, int]:
    """Rows and columns of a level."""
    return ceil(canvas[0] / stride), ceil(canvas[1] / stride)
