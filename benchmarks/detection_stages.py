"""Where a training step of our detector spends its time, stage by stage."""

import statistics
from itertools import pairwise
from typing import Any, Protocol

import torch

from benchmarks.timing import autocast, now
from detection.faster_rcnn import FasterRCNN
from detection.roi_head import RoIOutput
from lumbar.ops.structures import Images, Targets


class Batch(Protocol):
    """Images and their ground truth."""

    @property
    def images(self) -> Images:
        """B of them."""

    @property
    def targets(self) -> Targets:
        """Of the same images."""


def stages(
    model: FasterRCNN, batch: Batch, device: torch.device, precision: str, rounds: int
) -> dict[str, float]:
    """Does training steps in pieces, waiting for the device after each.

    Args:
        model: On a feature pyramid.
        batch: On the device.
        device: Of the model.
        precision: `fp32` or `bf16`.
        rounds: Timed rounds, after one that is not.

    Returns:
        Median seconds of each stage, in the order of a step.
    """
    parameters = [part for part in model.parameters() if part.requires_grad]
    optimizer = torch.optim.SGD(parameters, lr=0.0, momentum=0.9)
    times: dict[str, list[float]] = {}
    for number in range(rounds + 1):
        marks = _Marks(device)
        optimizer.zero_grad()
        with autocast(device, precision):
            loss = _losses(model, batch, marks)
        loss.backward()
        marks.done("backward")
        optimizer.step()
        marks.done("optimiser")
        if number:
            for (_, before), (name, after) in pairwise(marks.times):
                times.setdefault(name, []).append(after - before)
    return {name: statistics.median(every) for name, every in times.items()}


class _Marks:
    """When each stage was done."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.times = [("", now(device))]

    def done(self, name: str) -> None:
        self.times.append((name, now(self.device)))


def _losses(model: FasterRCNN, batch: Batch, marks: _Marks) -> torch.Tensor:
    """What `FasterRCNN.losses` does, in its order, summed up."""
    images, targets = batch.images, batch.targets
    pixels = model.pixels(images)
    marks.done("pixels")
    pyramid: Any = model.backbone
    maps = pyramid.body(pixels)
    marks.done("backbone")
    features = pyramid.fpn(maps)
    marks.done("feature pyramid")
    height, width = images.canvas.shape[-2:]
    output = model.rpn(features, (height, width))
    marks.done("proposal head and anchors")
    proposals = model.rpn.propose_for_training(output, images)
    marks.done("proposals and their NMS")
    first = model.rpn.losses(output, targets)
    marks.done("matching and losses of anchors")
    samples = model.roi_heads.sample(proposals, targets)
    marks.done("sampling of regions")
    pooled = model.roi_heads.pool(features, samples.boxes)
    marks.done("pooling")
    predicted = model.roi_heads.box_predictor(model.roi_heads.box_head(pooled))
    regions = RoIOutput(*(part.unflatten(0, samples.valid.shape) for part in predicted))
    marks.done("box head")
    second = model.roi_heads.losses(regions, samples)
    total = torch.stack(list((first | second).values())).sum()
    marks.done("losses of regions")
    return total
