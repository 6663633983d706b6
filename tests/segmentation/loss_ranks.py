"""Losses of a batch that two processes share, and their gradients."""

from collections.abc import Mapping
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor

from segmentation.boundary_loss import Boundary
from segmentation.labels import TASKS
from segmentation.losses import Loss
from segmentation.overlap_losses import Dice, Tversky, each_image
from segmentation.pixel_losses import CrossEntropy, Focal, OhemCrossEntropy
from tests.segmentation.loss_contract import make_labels, make_logits, with_gradient

_TASK = TASKS["multiclass"]
LOSSES: Mapping[str, Loss] = {
    "cross_entropy": CrossEntropy(_TASK, class_weights=[1, 0.5, 2]),
    "focal": Focal(_TASK),
    "ohem": OhemCrossEntropy(_TASK, min_kept=7, confidence=0.2),
    "tversky": Tversky(_TASK),
    "dice": Dice(_TASK, class_weights=[0, 1, 1]),
    "dice of each image": Dice(_TASK, pool=each_image),
    "boundary": Boundary(_TASK, reach=4),
}
"""Those that a rank's share of the batch does not change."""


def gradients(rows: slice) -> dict[str, Tensor]:
    """The gradient of each loss for the logits of these images; one of the two has few labels."""
    logits, labels = make_logits(), make_labels("multiclass")
    labels[1, 2:] = 255
    return {
        name: with_gradient(loss, logits[rows].clone().requires_grad_(), labels[rows])[1]
        for name, loss in LOSSES.items()
    }


def step_as_rank(rank: int, folder: Path) -> None:
    """Takes one image, and writes the gradients as this rank has them; then evaluates alone."""
    torch.set_num_threads(1)
    store = f"file://{folder / 'store'}"
    dist.init_process_group("gloo", init_method=store, rank=rank, world_size=2)
    torch.save(gradients(slice(rank, rank + 1)), folder / f"{rank}.pt")
    if rank == 0:
        with torch.no_grad():
            for loss in LOSSES.values():
                loss(make_logits(), make_labels("multiclass"))
    dist.destroy_process_group()
