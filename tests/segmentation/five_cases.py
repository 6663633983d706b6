"""Five images of 64 x 64 pixels whose scores differ from toolkit to toolkit, and made-up masks for the metrics."""

import torch
from torch import Tensor

from lumbar.data.pixel_classes import IGNORE
from segmentation.labels import TASKS
from segmentation.metrics import SegmentationMetric

NAMES = ("background", "lesion", "vessel")


def five_cases() -> tuple[Tensor, Tensor]:
    """Predicted and true labels, (5, 64, 64) uint8.

    A large lesion is found well, a small one a pixel aside, and one is missed; of two healthy images one has an alarm.
    """
    predicted, labels = torch.zeros(2, 5, 64, 64, dtype=torch.uint8)
    labels[0, 8:56, 8:56] = 1
    predicted[0, 8:54, 8:56] = 1
    labels[1, 20:24, 20:24] = 1
    predicted[1, 21:25, 21:25] = 1
    labels[2, 30:38, 30:38] = 1
    predicted[4, 40:43, 40:43] = 1
    return predicted, labels


def score(task: str, predicted: Tensor, labels: Tensor) -> SegmentationMetric:
    """The five cases in one batch."""
    names = NAMES[:2] if task == "multiclass" else NAMES[1:2]
    metric = SegmentationMetric(TASKS[task], class_names=names)
    metric.update(predicted, labels, torch.arange(5))
    return metric


def make_pair(task: str, image_id: int) -> tuple[Tensor, Tensor]:
    """A prediction and the labels of an image, (1, 20, 24) or (1, 3, 20, 24): half of it right, a part ignored."""
    generator = torch.Generator().manual_seed(image_id)
    shape = (1, 20, 24) if task == "multiclass" else (1, 3, 20, 24)
    values = 3 if task == "multiclass" else 2
    coarse = torch.randint(values, (*shape[:-2], 5, 4), generator=generator, dtype=torch.uint8)
    labels = coarse.repeat_interleave(4, -2).repeat_interleave(6, -1)
    noise = torch.randint(values, shape, generator=generator, dtype=torch.uint8)
    predicted = torch.where(torch.rand(shape, generator=generator) < 0.5, noise, labels)
    if image_id % 3 == 0:
        predicted, labels = predicted.clamp(max=1), labels.clamp(max=1)
    return predicted, labels.masked_fill(torch.rand(shape, generator=generator) < 0.1, IGNORE)


def collect(task: str, image_ids: list[int], *, batch_size: int = 1) -> SegmentationMetric:
    """What was predicted for these images, in batches."""
    metric = SegmentationMetric(TASKS[task], class_names=NAMES, rim_share=0.05)
    for start in range(0, len(image_ids), batch_size):
        batch = image_ids[start : start + batch_size]
        pairs = (make_pair(task, image_id) for image_id in batch)
        predicted, labels = map(torch.cat, zip(*pairs, strict=True))
        metric.update(predicted, labels, torch.tensor(batch))
    return metric
