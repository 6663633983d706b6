"""Training steps of our detector on several processes of this machine."""

import time
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from benchmarks.detection import Plan, make_batch, make_step
from benchmarks.forked import CONTEXT, start
from benchmarks.growth import PRECISION, make_model
from benchmarks.timing import Times, autocast
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


def time_steps(processes: int, size: int, rounds: int) -> Times:
    """Times the steps of some processes, with one image and one thread each.

    Args:
        processes: How many.
        size: Edge of the images in pixels.
        rounds: Timed steps.

    Raises:
        EOFError: One of them failed.
    """
    receiver, sender = CONTEXT.Pipe(duplex=False)
    with TemporaryDirectory() as folder:
        group = f"file://{Path(folder) / 'group'}"
        ranks = [
            start(_take_steps, group, rank, processes, size, rounds, sender)
            for rank in range(processes)
        ]
        sender.close()
        found: list[float] = receiver.recv()
        for rank in ranks:
            rank.join()
    return Times.of(found)


def _take_steps(
    group: str, rank: int, processes: int, size: int, rounds: int, connection: Connection
) -> None:
    """Waits for all processes before and after each step; the first one sends the seconds."""
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=group, rank=rank, world_size=processes)
    parallel = DistributedDataParallel(Losses(make_model(_CPU)))
    images, targets = make_batch(Plan(size, size, 1, (1, 1), rounds))
    step = make_step(parallel, lambda: parallel(images, targets))
    found = []
    for number in range(rounds + 1):
        dist.barrier()
        began = time.perf_counter()
        with autocast(_CPU, PRECISION):
            step()
        dist.barrier()
        if number:
            found.append(time.perf_counter() - began)
    if rank == 0:
        connection.send(found)
    dist.destroy_process_group()
