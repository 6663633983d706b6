"""One training step of a tiny detector, by one process and by several that share the batch."""

from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from detection.faster_rcnn import FasterRCNN
from lumbar.ops.structures import Images, Targets
from tests.detection.parts import make_images, make_targets, tiny_detector

OBJECTS = ((3, 5), (6, 0))
"""Boxes of the two images of a batch: on both ranks, and on one."""
NORMS = ("frozen", "group", "sync")


class Losses(nn.Module):
    """What Lightning hands to DDP: the forward pass is the sum of the losses, a scalar."""

    def __init__(self, model: FasterRCNN) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: Images, targets: Targets) -> Tensor:
        """Adds up the losses of B images."""
        return torch.stack(list(self.model.losses(images, targets).values())).sum()


def gradients(norm: str, objects: tuple[int, int], rows: slice, dtype: torch.dtype) -> list[Tensor]:
    """Gradients of all parameters after a step on some rows of the batch, averaged over the ranks there are."""
    model: nn.Module = Losses(tiny_detector(backbone={"norm": norm}).to(dtype))
    if dist.is_initialized():
        model = DistributedDataParallel(model)
    images, targets = make_images(), make_targets(*objects)
    images = Images(*(field[rows] for field in images))
    model(images, Targets(*(field[rows] for field in targets))).backward()
    return [weight.grad for weight in model.parameters() if weight.grad is not None]


def step_as_rank(rank: int, folder: Path, dtype: torch.dtype) -> None:
    """Takes one of two images for each of `NORMS` and `OBJECTS`, and writes the gradients as this rank has them."""
    torch.set_num_threads(1)
    store = f"file://{folder / 'store'}"
    dist.init_process_group("gloo", init_method=store, rank=rank, world_size=2)
    row = slice(rank, rank + 1)
    results = {
        f"{norm} {objects}": gradients(norm, objects, row, dtype)
        for norm in NORMS
        for objects in OBJECTS
    }
    torch.save(results, folder / f"{rank}.pt")
    dist.destroy_process_group()
