"""ResNet-50 beside torchvision's: a training step and an inference, in one run, alternating, as a part of a roofline.

Both have the same weights, images and a linear classifier. The roofline is measured in the same run: the larger of two
times, that of the multiplications at the speed of a large product of matrices, and that of the traffic of convolution
outputs at the speed of a copy. usage:

    python benchmarks/backbones.py [--rounds 5] [--size 224] [--batch 8] [--name resnet50] [--quick]
"""

import argparse
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch
import torch.nn.functional as F
import torchvision
from torch import Tensor, nn

from backbones.cost import cost
from backbones.network import make_network
from backbones.norm import make_norm
from backbones.torchvision_layout import torchvision_state
from benchmarks.results import table, write
from benchmarks.timing import DTYPES, Job, alternate, now, pick_device

CLASSES = 1000
NAMES = ("torchvision", "lumbar", "lumbar folded")
"""`folded` has its norms in its convolutions: what a deployed network computes."""
_PASSES = {"train step": 3, "inference": 1}
"""Products of a job, in those of one forward pass."""
_TOUCHES = {"train step": 16, "inference": 2.5}
"""How often each convolution output is read or written where all that is elementwise is fused: nobody does better."""


class Roof(NamedTuple):
    """What the device can do."""

    products: float
    """Multiply-adds a second."""
    traffic: float
    """Bytes a second, read or written."""


class Ours(nn.Module):
    """Our body under a classifier."""

    def __init__(self, name: str, norm: str = "batch") -> None:
        super().__init__()
        self.body = make_network(name, norm=make_norm(norm))
        *_, last = self.body.features.values()
        self.fc = nn.Linear(last.channels, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        """Maps (B, 3, H, W) to logits (B, 1000)."""
        *_, last = self.body(x).values()
        logits: Tensor = self.fc(F.adaptive_avg_pool2d(last, 1).flatten(1))
        return logits


def make_networks(name: str, device: torch.device) -> dict[str, nn.Module]:
    """All of `NAMES` with the same weights, channels last."""
    torch.manual_seed(0)
    ours, folded = Ours(name), Ours(name, "frozen")
    state = ours.state_dict()
    folded.load_state_dict(state)
    theirs = torchvision.models.get_model(name)
    theirs.load_state_dict(torchvision_state(state, name))
    networks = dict(zip(NAMES, (theirs, ours, folded), strict=True))
    return {
        whose: net.to(device, memory_format=torch.channels_last) for whose, net in networks.items()
    }


def make_jobs(
    networks: dict[str, nn.Module], images: Tensor, labels: Tensor
) -> dict[tuple[str, str], Job]:
    """What is timed, by (what, whose).

    Args:
        networks: By whose they are.
        images: (B, 3, H, W).
        labels: (B,) int64.
    """

    def step(net: nn.Module) -> None:
        net.train().zero_grad(set_to_none=True)
        F.cross_entropy(net(images), labels).backward()

    @torch.no_grad()
    def infer(net: nn.Module) -> None:
        net.eval()(images)

    jobs: dict[tuple[str, str], Job] = {}
    for whose, net in networks.items():
        jobs["inference", whose] = lambda net=net: infer(net)  # type: ignore[misc]
        if "folded" not in whose:
            jobs["train step", whose] = lambda net=net: step(net)  # type: ignore[misc]
    return jobs


def measure_roof(device: torch.device, precision: str, rounds: int = 5) -> Roof:
    """The best of some rounds of a product of matrices and of a copy."""
    size = 8192 if device.type == "cuda" else 1024
    matrix = torch.randn(size, size, device=device, dtype=DTYPES[precision])
    source = torch.empty(2**28 if device.type == "cuda" else 2**25, device=device)
    target = torch.empty_like(source)
    product = min(_seconds(lambda: matrix @ matrix, device) for _ in range(rounds))
    copy = min(_seconds(lambda: target.copy_(source), device) for _ in range(rounds))
    return Roof(size**3 / product, 2 * source.numel() * source.element_size() / copy)


def _seconds(job: Any, device: torch.device) -> float:
    start = now(device)
    job()
    return now(device) - start


def best_seconds(name: str, what: str, images: Tensor, roof: Roof, precision: str) -> float:
    """The time below which no network can do a job.

    Args:
        name: Of the network.
        what: The job.
        images: (B, 3, H, W).
        roof: Of the device in this precision.
        precision: Of activations.
    """
    batch, _, size, _ = images.shape
    with torch.device("meta"):
        body = make_network(name)
    outputs: list[int] = []
    hooks = [
        part.register_forward_hook(lambda _m, _i, y: outputs.append(y.numel()))
        for part in body.modules()
        if isinstance(part, nn.Conv2d)
    ]
    products = cost(body, size).multiply_adds * batch * _PASSES[what]
    for hook in hooks:
        hook.remove()
    traffic = sum(outputs) * batch * _TOUCHES[what] * DTYPES[precision].itemsize
    return max(products / roof.products, traffic / roof.traffic)


@torch.no_grad()
def check_twins(networks: dict[str, nn.Module], images: Tensor) -> bool:
    """Whether both networks give the same bits in evaluation.

    Args:
        networks: By whose they are.
        images: (B, 3, H, W).
    """
    theirs, ours, _ = (net.eval()(images) for net in networks.values())
    return torch.equal(theirs, ours)


def main() -> None:
    """Measures, prints, writes."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--name", default="resnet50")
    parser.add_argument("--quick", action="store_true", help="3 rounds, nothing written")
    options = parser.parse_args()
    device = pick_device()
    torch.manual_seed(0)
    images = torch.randn(options.batch, 3, options.size, options.size, device=device)
    images = images.contiguous(memory_format=torch.channels_last)
    labels = torch.randint(CLASSES, (options.batch,), device=device)
    networks = make_networks(options.name, device)
    same = check_twins(networks, images)
    roofs = {precision: measure_roof(device, precision) for precision in DTYPES}
    start = time.perf_counter()
    times = alternate(
        make_jobs(networks, images, labels), device, 3 if options.quick else options.rounds
    )
    rows = []
    for precision, by_job in times.items():
        for what, by_name in by_job.items():
            best = best_seconds(options.name, what, images, roofs[precision], precision)
            for whose, found in by_name.items():
                median = found["median"]
                found["part_of_roof"] = best / median
                cells = (f"{median:.4f}", f"{options.batch / median:.1f}", f"{best / median:.0%}")
                ratio = f"{by_name['torchvision']['median'] / median:.2f}"
                rows.append([precision, what, whose, *cells, ratio])
    heads = ["precision", "job", "network", "seconds", "images/s", "of roof", "torchvision's / its"]
    print(table(heads, rows))
    for precision, (products, traffic) in roofs.items():
        print(f"roof in {precision}: {products / 1e9:.0f} GMAC/s, {traffic / 1e9:.1f} GB/s")
    print(f"both networks give {'the same bits' if same else 'OTHER BITS'} in evaluation")
    print(f"measured for {time.perf_counter() - start:.0f} s")
    if not options.quick:
        values = {"name": options.name, "size": options.size, "batch": options.batch}
        roof_values = {precision: roof._asdict() for precision, roof in roofs.items()}
        print(write("backbones", values | {"times": times, "roofs": roof_values, "same": same}))


if __name__ == "__main__":
    main()
