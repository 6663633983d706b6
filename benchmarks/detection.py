"""Faster R-CNN R50-FPN beside torchvision's: a training step and a prediction, in one run, alternating.

Both have the same weights, trainable layers, images and boxes; frozen norms carry the statistics of the images, so that
both pool 512 regions of each image in training and 1000 in prediction, as trained networks do. usage:

    python benchmarks/detection.py [--rounds 5] [--size 512] [--batch 2] [--quick]
"""

import argparse
import statistics
import sys
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from benchmarks.results import table, write
from benchmarks.timing import Job, alternate, now, peak, pick_device
from benchmarks.twins import Twins, make_twins
from detection.roi_head import RoIOutput
from lumbar.ops.structures import Images, Targets

NUM_CLASSES = 80
OBJECTS = 8
FROZEN = ("stem", "layer1")
PHOTOS = Path(__file__).resolve().parents[1] / "examples" / "coco" / "images"


class Scene(NamedTuple):
    """Both detectors and one batch, in both formats, on one device."""

    twins: Twins
    pictures: list[Tensor]
    truths: list[dict[str, Tensor]]
    images: Images
    targets: Targets


def make_scene(size: int, batch: int, device: torch.device) -> Scene:
    """Photographs of size x size pixels with made-up boxes.

    Args:
        size: Edge of the square images in pixels.
        batch: B, the number of images.
        device: Where everything lies.

    Returns:
        The scene.
    """
    torch.manual_seed(0)
    files = sorted(PHOTOS.glob("*.jpg"))[:batch]
    photos = [np.array(Image.open(file).convert("RGB").resize((size, size))) for file in files]
    canvas = torch.stack([torch.from_numpy(photo).permute(2, 0, 1) for photo in photos])
    pixels = canvas / 255
    twins = make_twins((pixels - 0.45) / 0.225, num_classes=NUM_CLASSES, frozen=FROZEN)
    twins.ours.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    twins.theirs.to(device)
    corners = torch.rand(batch, OBJECTS, 2) * size * 0.6
    boxes = torch.cat([corners, corners + 10 + torch.rand(batch, OBJECTS, 2) * size * 0.35], -1)
    labels = torch.randint(NUM_CLASSES, (batch, OBJECTS))
    sizes = torch.tensor([[size, size]] * batch)
    images = Images(canvas, sizes, sizes)
    targets = Targets(boxes, labels, torch.ones_like(labels, dtype=torch.bool), torch.arange(batch))
    pairs = zip(boxes.to(device), labels.to(device), strict=True)
    return Scene(
        twins,
        list(pixels.to(device)),
        [{"boxes": box, "labels": label + 1} for box, label in pairs],
        Images(*(part.to(device) for part in images)),
        Targets(*(part.to(device) for part in targets)),
    )


def jobs(scene: Scene) -> dict[tuple[str, str], Job]:
    """What is timed, by (what, whose).

    Args:
        scene: With B images.

    Returns:
        Functions that do it once.
    """
    theirs, ours = scene.twins

    def step(losses: Callable[[], dict[str, Tensor]], model: torch.nn.Module) -> None:
        """Forward and backward of some losses, each a scalar."""
        model.zero_grad(set_to_none=True)
        torch.stack(list(losses().values())).sum().backward()

    def their_prediction() -> None:
        with torch.no_grad():
            theirs.eval()(scene.pictures)

    def our_prediction() -> None:
        ours.predict(scene.images)

    return {
        ("train step", "torchvision"): lambda: step(
            lambda: theirs.train()(scene.pictures, scene.truths), theirs
        ),
        ("train step", "lumbar"): lambda: step(
            lambda: ours.losses(scene.images, scene.targets), ours
        ),
        ("predict", "torchvision"): their_prediction,
        ("predict", "lumbar"): our_prediction,
    }


def stages(scene: Scene, device: torch.device, rounds: int) -> dict[str, float]:
    """Where a training step of ours spends its time, in fp32.

    Args:
        scene: With B images.
        device: Of the scene.
        rounds: Timed rounds.

    Returns:
        Median seconds of each stage.
    """
    times: dict[str, list[float]] = {}
    for number in range(rounds + 1):
        model, images, targets = scene.twins.ours, scene.images, scene.targets
        marks = [("", now(device))]

        def done(name: str, marks: list[tuple[str, float]] = marks) -> None:
            marks.append((name, now(device)))

        pixels = model.pixels(images)
        done("pixels")
        features = model.backbone(pixels)
        done("backbone and pyramid")
        height, width = images.canvas.shape[-2:]
        output = model.rpn(features, (height, width))
        done("rpn head and anchors")
        proposals = model.rpn.propose_for_training(output, images)
        done("proposals")
        samples = model.roi_heads.sample(proposals, targets)
        done("sampling of regions")
        pooled = model.roi_heads.pool(features, samples.boxes)
        done("roi pooling")
        predicted = model.roi_heads.box_predictor(model.roi_heads.box_head(pooled))
        regions = RoIOutput(*(part.unflatten(0, samples.valid.shape) for part in predicted))
        done("box head")
        losses = model.rpn.losses(output, targets) | model.roi_heads.losses(regions, samples)
        done("losses")
        torch.stack(list(losses.values())).sum().backward()
        done("backward")
        if number:
            for (_, before), (name, after) in pairwise(marks):
                times.setdefault(name, []).append(after - before)
    return {name: statistics.median(every) for name, every in times.items()}


def training_step(whose: str, size: int, batch: int, device: torch.device) -> Job:
    """The training step of one of both detectors, `torchvision` or `lumbar`."""
    return jobs(make_scene(size, batch, device))["train step", whose]


def report(times: dict[str, Any], memory: dict[str, float], breakdown: dict[str, float]) -> str:
    """The numbers as tables to read."""
    rows = [
        [
            precision,
            what,
            f"{whose['torchvision']['median']:.3f}",
            f"{whose['lumbar']['median']:.3f}",
            f"{whose['torchvision']['median'] / whose['lumbar']['median']:.2f}",
        ]
        for precision, by_job in times.items()
        for what, whose in by_job.items()
    ]
    total = sum(breakdown.values())
    shares = [[name, f"{t * 1e3:.0f}", f"{t / total:.0%}"] for name, t in breakdown.items()]
    mixed = times["fp32"]["train step"]["torchvision"]["median"]
    mixed /= times["bf16"]["train step"]["lumbar"]["median"]
    return "\n".join(
        [
            table(["precision", "job", "torchvision s", "lumbar s", "ratio"], rows),
            f"\nlumbar's bf16 training step against torchvision's fp32: {mixed:.2f}x",
            "memory of a training step: "
            + ", ".join(f"{whose} {peak:.0f} MiB" for whose, peak in memory.items()),
            "",
            table(["stage (fp32)", "ms", "share"], shares),
        ]
    )


def main() -> None:
    """Measures, prints, writes."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--quick", action="store_true", help="3 rounds, nothing written")
    options = parser.parse_args()
    rounds = 3 if options.quick else options.rounds
    device = pick_device()
    memory = {
        whose: peak(partial(training_step, whose, options.size, options.batch))
        for whose in ("torchvision", "lumbar")
    }
    scene = make_scene(options.size, options.batch, device)
    times = alternate(jobs(scene), device, rounds)
    breakdown = stages(scene, device, rounds)
    print(report(times, memory, breakdown))
    if not options.quick:
        values = {"size": options.size, "batch": options.batch, "times": times}
        print(write("detection", values | {"memory_mib": memory, "stages": breakdown}))


if __name__ == "__main__":
    main()
