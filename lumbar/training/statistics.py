"""The running statistics of batch norms, which every process gathers for itself."""

from collections.abc import Iterator

import torch.distributed as dist
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from lumbar.ops.reduce import num_ranks


def running_statistics(module: nn.Module) -> Iterator[Tensor]:
    """The means and variances (C,) of all batch norms in a module."""
    for part in module.modules():
        if isinstance(part, _BatchNorm) and part.running_mean is not None:
            assert part.running_var is not None
            yield from (part.running_mean, part.running_var)


class SharedStatistics(Callback):
    """Has all ranks evaluate with the statistics of the first one, which are those of the checkpoints."""

    def on_validation_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Takes them over, for the weights in the model at this moment."""
        if num_ranks() > 1:
            for statistic in running_statistics(pl_module):
                dist.broadcast(statistic, src=0)

    on_test_epoch_start = on_validation_epoch_start
