"""CamVid from scratch: our semantic FPN beside torchvision's FCN, both on a ResNet-18, given the same minutes.

They take turns of half a minute in one process, so that whatever else the machine does meets them alike. Both see the
same images in the same order, with the same augmentation, loss, optimiser and precision, and a learning rate that
follows their own clock; evaluations are not on the clock. The test split is scored at the end. usage:

    python benchmarks/camvid.py data.root=datasets/camvid [--minutes 20] [--seed 0]
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from itertools import chain, repeat
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch
from torch import Tensor, nn
from torchvision.models import resnet18
from torchvision.models._utils import IntermediateLayerGetter
from torchvision.models.segmentation import fcn

from backbones.pixels import PixelNorm
from benchmarks.results import table, write
from lumbar.ops.structures import Images, MaskBatch
from lumbar.tasks.curves import Curve, draw_curves
from lumbar.tasks.settings import from_current_folder, load_settings
from segmentation.build import make_segmenter
from segmentation.config import SegmentationConfig
from segmentation.data import MaskDataModule, make_datamodule
from segmentation.fcn import FCN
from segmentation.labels import TASKS
from segmentation.metrics import SegmentationMetric
from segmentation.pixel_losses import CrossEntropy
from segmentation.scores import SegmentationScores

RECIPE = "semantic_fpn_r50_camvid"
SETTINGS = [
    "model.backbone.name=resnet18",
    "model.backbone.weights=none",
    "model.fpn.channels=64",
    "model.head.channels=64",
    "losses=[{name: cross_entropy}]",
    "data.augment.crop=[256, 320]",
    "data.batch_size_per_device=4",
    "optim.lr=1e-3",
    "data.workers=0",
    "data.cache_images=true",
]
TURN_SECONDS = 30
WARMUP = 0.05
POWER = 0.9
TASK = TASKS["multiclass"]


class Peer(nn.Module):
    """torchvision's FCN on a ResNet-18, which has no dilated blocks and so an output stride of 32."""

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.pixels = PixelNorm.of_imagenet(3)
        body = IntermediateLayerGetter(resnet18(weights=None), {"layer4": "out"})
        self.network = fcn.FCN(body, fcn.FCNHead(512, num_classes))
        self.loss = CrossEntropy(TASK)

    def logits(self, images: Images) -> Tensor:
        """Logits (B, K, H, W) of the canvas."""
        logits: Tensor = self.network(self.pixels(images))["out"]
        return logits

    def losses(self, images: Images, labels: Tensor, seeds: Tensor) -> dict[str, Tensor]:
        """The loss, a scalar, of labels (B, H, W); it drops by no seeds (B,)."""
        return {"loss": self.loss(self.logits(images), labels)}


class Racer:
    """A network with its own clock."""

    def __init__(self, model: FCN | Peer, data: MaskDataModule, *, lr: float, decay: float) -> None:
        self.model = model
        self.optimizer = torch.optim.AdamW(model.parameters(), lr, weight_decay=decay)
        self.lr = lr
        self.batches = _batches(data)
        self.seconds = 0.0
        self.steps = 0
        self.curve: list[tuple[float, float]] = []

    def train_until(self, mark: float, total: float) -> None:
        """Takes steps until its clock has reached `mark` of `total` seconds."""
        self.model.train()
        while self.seconds < mark:
            start = time.perf_counter()
            self._step(next(self.batches), self.seconds / total)
            self.seconds += time.perf_counter() - start
            self.steps += 1

    def _step(self, batch: MaskBatch, progress: float) -> None:
        factor = min(1.0, progress / WARMUP) * max(0.0, 1 - progress) ** POWER
        for group in self.optimizer.param_groups:
            group["lr"] = self.lr * factor
        with torch.autocast("cpu", torch.bfloat16):
            losses = self.model.losses(batch.images, batch.labels, batch.seeds)
        self.optimizer.zero_grad()
        torch.stack(list(losses.values())).sum().backward()
        self.optimizer.step()

    @torch.no_grad()
    def score(self, data: MaskDataModule, loader: Any) -> SegmentationScores:
        """Scores the labels of whole images, whose files are as large as their canvases are filled."""
        metric = SegmentationMetric(TASK, class_names=data.classes.names)
        self.model.eval()
        for batch in loader:
            with torch.autocast("cpu", torch.bfloat16):
                logits = self.model.logits(batch.images)
            height, width = batch.labels.shape[-2:]
            metric.update(TASK.decide(logits[..., :height, :width]), batch.labels, batch.image_ids)
        return metric.compute()


def _batches(data: MaskDataModule) -> Iterator[MaskBatch]:
    loader = data.train_dataloader()
    return chain.from_iterable(repeat(loader))


def race(config: SegmentationConfig, minutes: float) -> dict[str, Any]:
    """Trains both, turn by turn.

    Args:
        config: Data and optimisation of both, and our model.
        minutes: Of training, each.

    Returns:
        Curves of validation, test scores, and steps of both.
    """
    data = make_datamodule(config.data, in_channels=3, seed=config.seed)
    num_classes, optim = len(data.classes), config.optim
    makers: dict[str, Callable[[], FCN | Peer]] = {
        "lumbar": lambda: make_segmenter(
            config.model, num_classes, task=TASK, loss=CrossEntropy(TASK)
        ),
        "torchvision": lambda: Peer(num_classes),
    }
    racers = {}
    for name, make in makers.items():
        torch.manual_seed(config.seed)
        own = make_datamodule(config.data, in_channels=3, seed=config.seed)
        model = make().to(memory_format=torch.channels_last)
        racers[name] = Racer(model, own, lr=optim.lr, decay=optim.weight_decay)
    total = minutes * 60
    turns = round(total / TURN_SECONDS)
    for turn in range(1, turns + 1):
        for racer in racers.values():
            racer.train_until(total * turn / turns, total)
        if turn % max(1, turns // 10) == 0:
            _note(racers, data)
    scores = {name: racer.score(data, data.test_dataloader()) for name, racer in racers.items()}
    return {
        name: {
            "steps": racer.steps,
            "minutes": racer.seconds / 60,
            "parameters": sum(part.numel() for part in racer.model.parameters()),
            "val_mean_iou": racer.curve,
            "test": scores[name].summary,
        }
        for name, racer in racers.items()
    }


def _note(racers: dict[str, Racer], data: MaskDataModule) -> None:
    for name, racer in racers.items():
        iou = racer.score(data, data.val_dataloader()).summary["pooled/mean_iou"]
        assert iou is not None
        racer.curve.append((racer.seconds / 60, iou))
        print(
            f"{racer.seconds / 60:5.1f} min  {name:12} mIoU {iou:.3f}  {racer.steps} steps",
            flush=True,
        )


def main() -> None:
    """Races, prints the table, writes the numbers and the curves."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("overrides", nargs="*", metavar="key.sub=value")
    options = parser.parse_intermixed_args()
    overrides = [*SETTINGS, f"seed={options.seed}", *map(from_current_folder, options.overrides)]
    config = load_settings(SegmentationConfig, RECIPE, overrides)
    found = race(config, options.minutes)
    rows = [
        [name, str(run["steps"]), *(f"{run['test'][key]:.3f}" for key in KEYS)]
        for name, run in found.items()
    ]
    print(table(["network", "steps", *KEYS], rows))
    path = write("camvid", {"minutes": options.minutes, "seed": options.seed, **found})
    draw_curves(
        path.with_suffix(".svg"),
        [Curve(name, run["val_mean_iou"], colour=n) for n, (name, run) in enumerate(found.items())],
        title="CamVid from scratch, ResNet-18",
        axes=("minutes of training", "mIoU of validation"),
    )
    print(path, path.with_suffix(".svg"), sep="\n")


KEYS = ("pooled/mean_iou", "pooled/pixel_accuracy", "pooled/mean_boundary_iou")

if __name__ == "__main__":
    main()
