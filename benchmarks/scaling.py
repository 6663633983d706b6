"""More processes: one and two on this machine measured, up to 1024 GPUs as a model.

Measured are steps of our detector, an image and a thread for each process, gradients by gloo over the loopback. The
model is a model: a ring (Patarasuk and Yuan 2009, doi:10.1016/j.jpdc.2008.09.002) whose constants stand below, the sums
of gradients hidden behind the backward pass but for the last bucket; no stragglers, no slow loader. usage:

    python benchmarks/scaling.py [--quick] [--rounds 5] [--output FOLDER]
"""

import math
import sys
from functools import partial
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch

from benchmarks.growth import make_model
from benchmarks.ranks import time_steps
from benchmarks.report import Report, Table, parse, publish
from lumbar.tasks.curves import Curve, draw_curves

PROCESSES = (1, 2)
SIZE, ROUNDS = 256, 5
QUICK_SIZE, QUICK_ROUNDS = 64, 1
GPUS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)


class Cluster(NamedTuple):
    """What the model takes for granted."""

    images_per_second: float = 160.0
    """Of one GPU: the goal, until one is measured."""
    batch: int = 16
    """Images of one GPU."""
    backward_share: float = 0.6
    """Of a step, in which gradients can travel."""
    gpus_per_node: int = 8
    bytes_inside: float = 400e9
    """A second from GPU to GPU in a node, by NVLink of the fourth generation (450e9 on paper)."""
    bytes_outside: float = 45e9
    """A second from GPU to GPU of two nodes, by an adapter of 400 Gbit/s each (50e9 on paper)."""
    latency_inside: float = 4e-6
    """Seconds of a hop of the ring."""
    latency_outside: float = 12e-6
    bucket_bytes: float = 25 * 2**20
    """What is sent at once; the last one is not hidden."""

    def sum_seconds(self, gpus: int, size: float) -> float:
        """Summing up `size` bytes of each GPU: a ring in each node, and one of nodes for each GPU's part of the sum."""
        inside = min(gpus, self.gpus_per_node)
        nodes = gpus // inside
        first = _ring_seconds(inside, size, self.bytes_inside, self.latency_inside)
        return first + _ring_seconds(nodes, size / inside, self.bytes_outside, self.latency_outside)

    def efficiency(self, gpus: int, gradient_bytes: float) -> float:
        """Speed of so many GPUs, as a part of so many times that of one."""
        alone = self.batch / self.images_per_second
        buckets = math.ceil(gradient_bytes / self.bucket_bytes)
        last = self.sum_seconds(gpus, gradient_bytes / buckets)
        return alone / (alone + max(last, buckets * last - self.backward_share * alone))


def _ring_seconds(members: int, size: float, rate: float, latency: float) -> float:
    """Each member sends nearly twice the size, in 2 (n - 1) hops."""
    return 2 * (members - 1) * (size / members / rate + latency)


def gradient_bytes() -> int:
    """Of an R50-FPN detector, all of which learns."""
    model = make_model(torch.device("cpu"))
    return sum(part.numel() * part.element_size() for part in model.parameters())


def measure(*, quick: bool, rounds: int | None) -> Report:
    """Times processes, and computes the model."""
    size, rounds = (QUICK_SIZE, rounds or QUICK_ROUNDS) if quick else (SIZE, rounds or ROUNDS)
    measured = {processes: time_steps(processes, size, rounds) for processes in PROCESSES}
    cluster, sent = Cluster(), gradient_bytes()
    efficiencies = {gpus: cluster.efficiency(gpus, sent) for gpus in GPUS}
    rows = [
        [
            str(n),
            f"{found.median * 1e3:.0f}",
            f"{n / found.median:.2f}",
            f"{measured[1].median / found.median:.0%}",
        ]
        for n, found in measured.items()
    ]
    model = [
        [str(n), f"{n * cluster.images_per_second * part:.0f}", f"{part:.1%}"]
        for n, part in efficiencies.items()
    ]
    tables = {
        "measured": Table(["processes", "ms", "images/s", "efficiency"], rows),
        "model": Table(["GPUs", "images/s", "efficiency"], model),
    }
    curve = [(math.log2(gpus), part) for gpus, part in efficiencies.items()]
    plots = {
        "model": partial(
            draw_curves,
            curves=[Curve("R50-FPN,\n16 images a GPU", curve)],
            title="Efficiency of many GPUs: a model, not a measurement",
            axes=("doublings of GPUs", "efficiency"),
        )
    }
    values = {"measured": measured, "cluster": cluster, "gradient_bytes": sent}
    return Report(values | {"efficiencies": efficiencies}, tables, [], plots)


def main() -> None:
    """Measures, prints, writes."""
    options = parse(__doc__)
    publish("scaling", measure(quick=options.quick, rounds=options.rounds), options)


if __name__ == "__main__":
    main()
