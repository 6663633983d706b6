"""Training steps of our detector on the processes that torchrun starts; the first prints seconds of each as JSON.

torchrun --standalone --nproc-per-node 2 benchmarks/ranks.py SIZE ROUNDS
"""

import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from benchmarks.detection import Plan, make_batch, make_step
from benchmarks.growth import PRECISION, make_model
from benchmarks.timing import autocast
from detection.faster_rcnn import FasterRCNN
from lumbar.ops.structures import Images, Targets

_CPU = torch.device("cpu")


class Losses(nn.Module):
    """Losses as the forward pass, which is what gradients are summed behind."""

    def __init__(self, model: FasterRCNN) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: Images, targets: Targets) -> dict[str, Tensor]:
        """The losses, scalars, of images (B, C, H, W)."""
        return self.model.losses(images, targets)


def main() -> None:
    """Takes steps with one image on each process, waiting for all before and after each."""
    size, rounds = map(int, sys.argv[1:])
    torch.set_num_threads(1)
    dist.init_process_group("gloo")
    parallel = DistributedDataParallel(Losses(make_model(_CPU)))
    images, targets = make_batch(Plan(size, size, 1, (1, 1), rounds))
    step = make_step(parallel, lambda: parallel(images, targets))
    found = []
    for number in range(rounds + 1):
        dist.barrier()
        start = time.perf_counter()
        with autocast(_CPU, PRECISION):
            step()
        dist.barrier()
        if number:
            found.append(time.perf_counter() - start)
    if dist.get_rank() == 0:
        print(json.dumps(found))
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
