"""FCN R50 beside torchvision's: a training step and a prediction, in one run, alternating; and what other heads cost.

Both FCNs have the same weights, an output stride of 8, an auxiliary head, images and labels. The semantic FPN and the
D6 network (an output stride of 16) have random weights. usage:

    python benchmarks/segmentation.py [--quick] [--rounds 5] [--output FOLDER]
"""

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.models.segmentation import fcn_resnet50

from benchmarks.photos import load_photos
from benchmarks.race import Goals, race
from benchmarks.report import Ratio, Report, Table, parse, publish
from benchmarks.timing import Job, peak, pick_device
from lumbar.data.pixel_classes import IGNORE
from lumbar.ops.structures import Images
from segmentation.build import make_segmenter
from segmentation.fcn import FCN
from segmentation.labels import TASKS
from segmentation.model_config import ModelConfig
from segmentation.pixel_losses import CrossEntropy

NUM_CLASSES = 21
AUX_WEIGHT = 0.5
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
PEERS = ("torchvision", "torchvision, channels last")
OURS = "lumbar"
NAMES = (*PEERS, *MODELS)
_TRAINED, _PREDICTED = "train step", "predict"
GOALS: Goals = {precision: {_TRAINED: 1.0, _PREDICTED: 1.0} for precision in ("fp32", "bf16")}


class Plan(NamedTuple):
    """What is run on a kind of device."""

    size: int
    """Pixels of the images' edges."""
    batch: int
    rounds: int


PLANS = {
    "cpu": Plan(size=256, batch=2, rounds=5),
    "cuda": Plan(size=512, batch=16, rounds=20),
    "quick": Plan(size=64, batch=2, rounds=1),
}


class Batch(NamedTuple):
    """One batch on one device."""

    images: Images
    pixels: Tensor
    """(B, 3, H, W) float32, normalised as torchvision's networks want it."""
    labels: Tensor
    """(B, H, W) int64."""


def make_batch(plan: Plan, device: torch.device) -> Batch:
    """Photographs with made-up labels."""
    torch.manual_seed(0)
    batch, size = plan.batch, plan.size
    canvas = load_photos(batch, size, size)
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
    if name == OURS:
        model.load_state_dict(make_theirs().state_dict(), strict=False)
    return model.to(memory_format=torch.channels_last)


def make_jobs(name: str, batch: Batch, device: torch.device) -> dict[tuple[str, str], Job]:
    """What is timed of one network, by (what, whose).

    Args:
        name: One of `NAMES`.
        batch: B images.
        device: Of the batch.
    """
    if name in PEERS:
        layout = torch.channels_last if name == PEERS[1] else torch.contiguous_format
        theirs = make_theirs().to(device, memory_format=layout)  # type: ignore[call-overload]
        return _jobs(
            name,
            theirs,
            lambda: _their_losses(theirs.train(), batch),
            lambda: theirs.eval()(batch.pixels)["out"].argmax(1),
        )
    ours = make_ours(name).to(device)
    seeds = torch.arange(len(batch.labels), device=device)
    return _jobs(
        name,
        ours,
        lambda: ours.train().losses(batch.images, batch.labels, seeds),
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

    return {(_TRAINED, name): step, (_PREDICTED, name): prediction}


def _their_losses(model: nn.Module, batch: Batch) -> dict[str, Tensor]:
    """As torchvision's training script adds them up, scalars."""
    outputs = model(batch.pixels)
    losses = {
        name: F.cross_entropy(logits, batch.labels, ignore_index=IGNORE)
        for name, logits in outputs.items()
    }
    return {"out": losses["out"], "aux": AUX_WEIGHT * losses["aux"]}


def training_step(name: str, plan: Plan, device: torch.device) -> Job:
    """The training step of one of `NAMES`."""
    return make_jobs(name, make_batch(plan, device), device)[_TRAINED, name]


@torch.no_grad()
def check_twins(batch: Batch) -> float:
    """The largest difference between the losses of both FCNs, which must be rounding."""
    theirs = _their_losses(make_theirs().to(batch.pixels.device).eval(), batch)
    seeds = torch.arange(len(batch.labels), device=batch.labels.device)
    model = make_ours(OURS).to(batch.pixels.device).eval()
    ours = model.losses(batch.images, batch.labels, seeds)
    pairs = zip(theirs.values(), ours.values(), strict=True)
    return max(abs(float(one) - float(other)) for one, other in pairs)


def measure(*, quick: bool, rounds: int | None) -> Report:
    """Times and weighs the networks, and compares their losses."""
    device = pick_device()
    plan = PLANS["quick" if quick else device.type]
    # Before this process holds memory of the device.
    memory = {} if quick else {name: peak(partial(training_step, name, plan)) for name in NAMES}
    batch = make_batch(plan, device)
    jobs = {key: job for name in NAMES for key, job in make_jobs(name, batch, device).items()}
    found = race(jobs, device, rounds or plan.rounds)
    tables = found.tables(PEERS)
    ratios = found.ratios("FCN-R50", OURS, PEERS, GOALS)
    if memory:
        rows = [[name, f"{mib:.0f}"] for name, mib in memory.items()]
        tables["memory"] = Table(["network", "MiB of a train step in fp32"], rows)
        saved = memory[PEERS[1]] / memory[OURS]
        ratios.append(Ratio("FCN-R50 memory of a train step, fp32", saved, saved, saved, 1.0))
    values = {"plan": plan, **found._asdict(), "memory_mib": memory}
    return Report(values | {"difference": check_twins(batch)}, tables, ratios)


def main() -> None:
    """Measures, prints, writes."""
    options = parse(__doc__)
    publish("segmentation", measure(quick=options.quick, rounds=options.rounds), options)


if __name__ == "__main__":
    main()
