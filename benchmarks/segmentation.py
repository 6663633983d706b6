"""FCN R50 beside torchvision's: a training step and a prediction, in one run, alternating; and what other heads cost.

Both FCNs have the same weights, an output stride of 8, an auxiliary head, images and labels. The semantic FPN and the
D6 network (an output stride of 16) have random weights. usage:

    python benchmarks/segmentation.py [--rounds 5] [--size 256] [--batch 2] [--quick]
"""

import argparse
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn
from torchvision.models.segmentation import fcn_resnet50

from benchmarks.results import table, write
from benchmarks.timing import Job, alternate, peak, pick_device
from lumbar.data.pixel_classes import IGNORE
from lumbar.ops.structures import Images
from segmentation.build import make_segmenter
from segmentation.fcn import FCN
from segmentation.labels import TASKS
from segmentation.model_config import ModelConfig
from segmentation.pixel_losses import CrossEntropy

NUM_CLASSES = 21
AUX_WEIGHT = 0.5
PHOTOS = Path(__file__).resolve().parents[1] / "examples" / "coco" / "images"
_BATCH_NORMS = {"backbone": {"weights": "none", "norm": "batch", "freeze": ()}}
MODELS = {
    "lumbar": {
        "backbone": _BATCH_NORMS["backbone"] | {"output_stride": 8},
        "head": {"name": "fcn", "norm": "batch"},
        "aux": {"weight": AUX_WEIGHT},
    },
    "lumbar D6": {
        "backbone": _BATCH_NORMS["backbone"] | {"output_stride": 16},
        "head": {"name": "concat", "norm": "batch", "dilation": 6},
        "aux": {"weight": AUX_WEIGHT, "dilation": 6},
    },
    "lumbar semantic FPN": _BATCH_NORMS,
}
NAMES = ("torchvision", *MODELS)


class Batch(NamedTuple):
    """One batch on one device."""

    images: Images
    pixels: Tensor
    """(B, 3, H, W) float32, normalised as torchvision's networks want it."""
    labels: Tensor
    """(B, H, W) int64."""


def make_batch(size: int, batch: int, device: torch.device) -> Batch:
    """Photographs of size x size pixels with made-up labels.

    Args:
        size: Edge of the square images in pixels.
        batch: B, the number of images.
        device: Where everything lies.

    Returns:
        The batch.
    """
    torch.manual_seed(0)
    files = sorted(PHOTOS.glob("*.jpg"))[:batch]
    photos = [np.array(Image.open(file).convert("RGB").resize((size, size))) for file in files]
    canvas = torch.stack([torch.from_numpy(photo).permute(2, 0, 1) for photo in photos])
    mean, std = (
        torch.tensor(v)[:, None, None] for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    )
    coarse = torch.randint(NUM_CLASSES, (batch, 1, size // 32, size // 32)).float()
    labels = F.interpolate(coarse, size=(size, size))[:, 0].long()
    labels[:, : size // 8] = IGNORE
    sizes = torch.tensor([[size, size]] * batch)
    return Batch(
        Images(*(part.to(device) for part in (canvas, sizes, sizes))),
        ((canvas / 255 - mean) / std).to(device),
        labels.to(device),
    )


def make_theirs() -> nn.Module:
    """torchvision's FCN, always the same."""
    torch.manual_seed(0)
    model: nn.Module = fcn_resnet50(
        weights=None, weights_backbone=None, num_classes=NUM_CLASSES, aux_loss=True
    )
    return model


def make_ours(name: str) -> FCN:
    """One of `MODELS`; the FCN has the weights of torchvision's."""
    config = ModelConfig.model_validate(MODELS[name])
    task = TASKS["multiclass"]
    model = make_segmenter(config, NUM_CLASSES, task=task, loss=CrossEntropy(task))
    if name == "lumbar":
        model.load_state_dict(make_theirs().state_dict(), strict=False)
    return model.to(memory_format=torch.channels_last)


def make_jobs(name: str, batch: Batch, device: torch.device) -> dict[tuple[str, str], Job]:
    """What is timed of one network, by (what, whose).

    Args:
        name: One of `NAMES`.
        batch: B images.
        device: Of the batch.
    """
    if name == "torchvision":
        theirs = make_theirs().to(device)
        return _jobs(
            name,
            theirs,
            lambda: _their_losses(theirs.train(), batch),
            lambda: theirs.eval()(batch.pixels)["out"].argmax(1),
        )
    ours = make_ours(name).to(device)
    return _jobs(
        name,
        ours,
        lambda: ours.train().losses(batch.images, batch.labels),
        lambda: ours.eval().predict(batch.images),
    )


def _jobs(
    name: str,
    model: nn.Module,
    losses: Callable[[], dict[str, Tensor]],
    predict: Callable[[], object],
) -> dict[tuple[str, str], Job]:
    def step() -> None:
        model.zero_grad(set_to_none=True)
        torch.stack(list(losses().values())).sum().backward()

    def prediction() -> None:
        with torch.no_grad():
            predict()

    return {("train step", name): step, ("predict", name): prediction}


def _their_losses(model: nn.Module, batch: Batch) -> dict[str, Tensor]:
    """As torchvision's training script adds them up, scalars."""
    outputs = model(batch.pixels)
    losses = {
        name: F.cross_entropy(logits, batch.labels, ignore_index=IGNORE)
        for name, logits in outputs.items()
    }
    return {"out": losses["out"], "aux": AUX_WEIGHT * losses["aux"]}


def training_step(name: str, size: int, batch: int, device: torch.device) -> Job:
    """The training step of one of `NAMES`."""
    return make_jobs(name, make_batch(size, batch, device), device)["train step", name]


@torch.no_grad()
def check_twins(batch: Batch) -> float:
    """The largest difference between the losses of both FCNs, which must be rounding."""
    theirs = _their_losses(make_theirs().to(batch.pixels.device).eval(), batch)
    ours = make_ours("lumbar").to(batch.pixels.device).eval().losses(batch.images, batch.labels)
    pairs = zip(theirs.values(), ours.values(), strict=True)
    return max(abs(float(one) - float(other)) for one, other in pairs)


def main() -> None:
    """Measures, prints, writes."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--quick", action="store_true", help="3 rounds, nothing written")
    options = parser.parse_args()
    device = pick_device()
    batch = make_batch(options.size, options.batch, device)
    difference = check_twins(batch)
    memory = {
        name: peak(partial(training_step, name, options.size, options.batch)) for name in NAMES
    }
    jobs = {key: job for name in NAMES for key, job in make_jobs(name, batch, device).items()}
    times = alternate(jobs, device, 3 if options.quick else options.rounds)
    rows = [
        [precision, what, name, f"{by_name[name]['median']:.3f}", _ratio(by_name, name)]
        for precision, by_job in times.items()
        for what, by_name in by_job.items()
        for name in NAMES
    ]
    print(table(["precision", "job", "network", "seconds", "torchvision's / its"], rows))
    mixed = ", ".join(
        f"{what} {whose['torchvision']['median'] / times['bf16'][what]['lumbar']['median']:.2f}x"
        for what, whose in times["fp32"].items()
    )
    print(f"lumbar's bf16 against torchvision's fp32: {mixed}")
    peaks = ", ".join(f"{name} {mib:.0f} MiB" for name, mib in memory.items())
    print(f"memory of a training step: {peaks}")
    print(f"losses of both FCNs differ by {difference:.1e}")
    if not options.quick:
        values = {"size": options.size, "batch": options.batch, "times": times}
        print(write("segmentation", values | {"memory_mib": memory, "difference": difference}))


def _ratio(by_name: dict[str, dict[str, float]], name: str) -> str:
    return f"{by_name['torchvision']['median'] / by_name[name]['median']:.2f}"


if __name__ == "__main__":
    main()
