"""ResNet-50 beside torchvision's: a training step and an inference, in either memory format, as a part of a roofline.

Both have the same weights, images and a linear classifier. usage:

    python benchmarks/backbones.py [--quick] [--rounds 5] [--output FOLDER]
"""

import sys
from functools import partial
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch
import torch.nn.functional as F
import torchvision
from torch import Tensor, nn

from backbones.network import make_network
from backbones.norm import make_norm
from backbones.torchvision_layout import torchvision_state
from benchmarks.race import Goals, race
from benchmarks.report import Report, Table, parse, publish
from benchmarks.timing import DTYPES, Job, pick_device

NAME = "resnet50"
CLASSES = 1000
PEERS = ("torchvision",)
OURS = "lumbar"
FOLDED = "lumbar, folded"
"""Has its norms in its convolutions: what a detector computes."""
LAYOUTS = {"channels last": torch.channels_last, "contiguous": torch.contiguous_format}
GOALS: Goals = {
    precision: {
        f"{job}, {layout}": 0.95 for job in ("train step", "inference") for layout in LAYOUTS
    }
    for precision in DTYPES
}
"""The same operators in the same order: what differs is noise."""


class Plan(NamedTuple):
    """What is run on a kind of device."""

    size: int
    """Pixels of the images' edges."""
    batch: int
    rounds: int


PLANS = {
    "cpu": Plan(size=224, batch=4, rounds=5),
    "cuda": Plan(size=224, batch=256, rounds=30),
    "quick": Plan(size=64, batch=2, rounds=1),
}


class Ours(nn.Module):
    """Our body under a classifier."""

    def __init__(self, norm: str) -> None:
        super().__init__()
        self.body = make_network(NAME, norm=make_norm(norm))
        *_, last = self.body.features.values()
        self.fc = nn.Linear(last.channels, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        """Maps (B, 3, H, W) to logits (B, 1000)."""
        *_, last = self.body(x).values()
        logits: Tensor = self.fc(F.adaptive_avg_pool2d(last, 1).flatten(1))
        return logits


def make_networks() -> dict[str, nn.Module]:
    """All with the same weights."""
    torch.manual_seed(0)
    ours, folded = Ours("batch"), Ours("frozen")
    state = ours.state_dict()
    folded.load_state_dict(state)
    theirs = torchvision.models.get_model(NAME)
    theirs.load_state_dict(torchvision_state(state, NAME))
    return {PEERS[0]: theirs, OURS: ours, FOLDED: folded}


def step(network: nn.Module, images: Tensor, labels: Tensor) -> None:
    """Forward and backward of images (B, 3, H, W) with labels (B,)."""
    network.train().zero_grad()
    F.cross_entropy(network(images), labels).backward()


@torch.no_grad()
def infer(network: nn.Module, images: Tensor) -> Tensor:
    """Logits (B, 1000) of images (B, 3, H, W)."""
    logits: Tensor = network.eval()(images)
    return logits


def make_jobs(plan: Plan, device: torch.device) -> dict[tuple[str, str], Job]:
    """What is timed, by (what, whose)."""
    torch.manual_seed(0)
    images = torch.randn(plan.batch, 3, plan.size, plan.size, device=device)
    labels = torch.randint(CLASSES, (plan.batch,), device=device)
    jobs: dict[tuple[str, str], Job] = {}
    for layout, memory_format in LAYOUTS.items():
        own = images.contiguous(memory_format=memory_format)
        for whose, made in make_networks().items():
            network = made.to(device, memory_format=memory_format)  # type: ignore[call-overload]
            jobs[f"inference, {layout}", whose] = partial(infer, network, own)
            if whose != FOLDED:
                jobs[f"train step, {layout}", whose] = partial(step, network, own, labels)
    return jobs


def are_twins(size: int) -> bool:
    """Whether both networks give the same bits in evaluation."""
    images = torch.randn(1, 3, size, size)
    networks = make_networks()
    return torch.equal(infer(networks[PEERS[0]], images), infer(networks[OURS], images))


def measure(*, quick: bool, rounds: int | None) -> Report:
    """Times the networks, and compares their bits."""
    device = pick_device()
    plan = PLANS["quick" if quick else device.type]
    found = race(make_jobs(plan, device), device, rounds or plan.rounds)
    speeds = [
        [precision, what, whose, f"{plan.batch / times.median:.1f}"]
        for precision, by_job in found.times.items()
        for what, rivals in by_job.items()
        for whose, times in rivals.items()
    ]
    tables = found.tables(PEERS)
    tables["images a second"] = Table(["precision", "job", "network", "images/s"], speeds)
    values = {"plan": plan, **found._asdict(), "same_bits": are_twins(plan.size)}
    return Report(values, tables, found.ratios("ResNet-50", OURS, PEERS, GOALS))


def main() -> None:
    """Measures, prints, writes."""
    options = parse(__doc__)
    publish("backbones", measure(quick=options.quick, rounds=options.rounds), options)


if __name__ == "__main__":
    main()
