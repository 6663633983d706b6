"""The demo beside torchvision: a Faster R-CNN R18-FPN from scratch on blood cells, given the same minutes.

Ours is the demo's recipe, as `make demo` runs it. torchvision's detector gets images of the same size, batches of 4,
AdamW with a one-cycle schedule that peaks at 8e-4, both flips and bf16, for the minutes that ours took. Both are
scored by CocoAP on the same test split. usage:

    python benchmarks/bccd.py [--seeds 0 1 2] [--peer-seeds 0]
"""

import argparse
import logging
import math
import statistics
import sys
import tempfile
import time
from itertools import chain, repeat
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch
from torch import Tensor
from torchvision.models.detection import FasterRCNN
from torchvision.models.detection.backbone_utils import resnet_fpn_backbone

from benchmarks.results import table, write
from detection.coco_eval import CocoAP
from detection.config import DetectionConfig
from detection.data import make_datamodule
from detection.presets import PRESETS
from detection.train import train
from lumbar.ops.structures import Batch, Detections
from lumbar.tasks.settings import load_settings

RECIPE = "faster_rcnn_r18_bccd"
PEER_BATCH = 4
PEER_LR = 8e-4
SIZE = 240


def recipe(seed: int, overrides: list[str]) -> DetectionConfig:
    """The demo's settings with another seed."""
    return load_settings(DetectionConfig, RECIPE, [f"seed={seed}", *overrides], presets=PRESETS)


def train_ours(seed: int, overrides: list[str]) -> dict[str, float]:
    """Trains and scores our detector.

    Returns:
        `AP`, `AP50` on the test split, and `minutes` of training.
    """
    with tempfile.TemporaryDirectory() as folder:
        run = train(recipe(seed, overrides), name=RECIPE, output=Path(folder, "run"))
    assert run.scores is not None
    summary = run.scores.summary
    return {"AP": summary["AP"], "AP50": summary["AP50"], "minutes": run.minutes}


def train_peer(seed: int, minutes: float) -> dict[str, float]:
    """Trains and scores torchvision's detector for as many minutes.

    Args:
        seed: Of weights and order.
        minutes: Of training; the learning rate follows the clock, so that its cycle ends with them.

    Returns:
        `AP`, `AP50` on the test split, `minutes` and `steps` of training.
    """
    torch.manual_seed(seed)
    data = make_datamodule(recipe(seed, [f"data.batch_size_per_device={PEER_BATCH}"]))
    model = _peer(len(data.categories), SIZE)
    optimizer = torch.optim.AdamW(model.parameters(), PEER_LR, weight_decay=0.05)
    loader = data.train_dataloader()
    start = time.perf_counter()
    steps = 0
    for batch in chain.from_iterable(repeat(loader)):
        progress = (time.perf_counter() - start) / (minutes * 60)
        if progress >= 1:
            break
        for group in optimizer.param_groups:
            group["lr"] = _one_cycle(progress)
        _peer_step(model, batch, optimizer)
        steps += 1
    elapsed = (time.perf_counter() - start) / 60
    score = CocoAP(data.records("test"))
    for batch in data.test_dataloader():
        score.update(_peer_detections(model, batch), batch.images, batch.image_ids)
    summary = score.compute().summary
    return {"AP": summary["AP"], "AP50": summary["AP50"], "minutes": elapsed, "steps": steps}


def _one_cycle(progress: float) -> float:
    """torch's OneCycleLR over the run: up from a 25th of the peak in 30 % of it, then down to nearly nothing."""
    low, part = (1 / 25, progress / 0.3) if progress < 0.3 else (0.0, (1 - progress) / 0.7)
    return PEER_LR * (low + (1 - low) * (1 - math.cos(math.pi * part)) / 2)


def _peer(num_classes: int, size: int) -> FasterRCNN:
    backbone = resnet_fpn_backbone(
        backbone_name="resnet18",
        weights=None,
        norm_layer=torch.nn.BatchNorm2d,
        trainable_layers=5,
    )
    return FasterRCNN(backbone, num_classes + 1, min_size=size, max_size=4 * size)


def _pictures(batch: Batch) -> list[Tensor]:
    rows = zip(batch.images.canvas, batch.images.sizes.tolist(), strict=True)
    return [canvas[:, :height, :width] / 255 for canvas, (height, width) in rows]


def _peer_step(model: FasterRCNN, batch: Batch, optimizer: torch.optim.Optimizer) -> None:
    rows = zip(batch.targets.boxes, batch.targets.labels, batch.targets.valid, strict=True)
    truths = [{"boxes": boxes[keep], "labels": labels[keep] + 1} for boxes, labels, keep in rows]
    with torch.autocast("cpu", torch.bfloat16):
        losses = model.train()(_pictures(batch), truths)
        total = torch.stack(list(losses.values())).sum()
    optimizer.zero_grad()
    total.backward()
    optimizer.step()


@torch.no_grad()
def _peer_detections(model: FasterRCNN, batch: Batch) -> Detections:
    """Detections of (B) images in our noun, padded to the longest."""
    with torch.autocast("cpu", torch.bfloat16):
        found = model.eval()(_pictures(batch))
    longest = max(len(image["scores"]) for image in found)

    def padded(values: Tensor) -> Tensor:
        """Fills (n, *) up to (longest, *) with zeros."""
        filling = (0, 0) * (values.ndim - 1) + (0, longest - len(values))
        return torch.nn.functional.pad(values, filling)

    return Detections(
        torch.stack([padded(image["boxes"].float()) for image in found]),
        torch.stack([padded(image["scores"].float()) for image in found]),
        torch.stack([padded(image["labels"] - 1) for image in found]),
        torch.stack([padded(torch.ones_like(image["labels"]).bool()) for image in found]),
    )


def _row(name: str, runs: list[dict[str, float]]) -> list[str]:
    medians = {key: statistics.median(run[key] for run in runs) for key in runs[0]}
    every = ", ".join(f"{run['AP']:.3f}" for run in runs)
    return [
        name,
        f"{medians['AP']:.3f}",
        f"{medians['AP50']:.3f}",
        f"{medians['minutes']:.1f}",
        every,
    ]


def main() -> None:
    """Trains all, prints the table, writes the results."""
    logging.basicConfig(level=logging.WARNING)
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="of ours")
    parser.add_argument("--peer-seeds", type=int, nargs="*", default=[0], help="of torchvision")
    parser.add_argument("overrides", nargs="*", metavar="key.sub=value")
    options = parser.parse_args()
    ours = [train_ours(seed, options.overrides) for seed in options.seeds]
    minutes = statistics.median(run["minutes"] for run in ours)
    peers = [train_peer(seed, minutes) for seed in options.peer_seeds]
    rows = [_row("lumbar", ours)] + ([_row("torchvision", peers)] if peers else [])
    print(table(["detector", "AP", "AP50", "minutes", "AP of each seed"], rows))
    values: dict[str, Any] = {"lumbar": ours, "torchvision": peers}
    print(write("bccd", values))


if __name__ == "__main__":
    main()
