"""Ranks evaluate with the statistics of the first one."""

from pathlib import Path

import torch
import torch.distributed as dist
from lightning.pytorch import LightningModule, Trainer
from torch import nn

from lumbar.training.statistics import SharedStatistics, running_statistics
from tests.processes import on_ranks


class Normed(LightningModule):
    """A batch norm, one without statistics, and a buffer that is none."""

    def __init__(self, value: float) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.BatchNorm2d(2), nn.BatchNorm2d(2, track_running_stats=False), nn.GroupNorm(1, 2)
        )
        self.register_buffer("other", torch.full((2,), value))
        for statistic in running_statistics(self):
            statistic.fill_(value)


def share(module: Normed) -> None:
    trainer = Trainer(accelerator="cpu", logger=False, enable_checkpointing=False)
    SharedStatistics().on_validation_epoch_start(trainer, module)
    SharedStatistics().on_test_epoch_start(trainer, module)


def _on_rank(rank: int, folder: Path) -> None:
    store = f"file://{folder / 'store'}"
    dist.init_process_group("gloo", init_method=store, rank=rank, world_size=2)
    module = Normed(3.0 + rank)
    share(module)
    torch.save(module.state_dict(), folder / f"{rank}.pt")
    dist.destroy_process_group()


def test_only_tracked_statistics_are_found() -> None:
    assert [statistic.tolist() for statistic in running_statistics(Normed(5.0))] == [[5, 5]] * 2


def test_alone_nothing_changes() -> None:
    module = Normed(5.0)
    share(module)

    assert {value.sum().item() for value in running_statistics(module)} == {10.0}


def test_the_second_rank_takes_those_of_the_first(tmp_path: Path) -> None:
    on_ranks(_on_rank, tmp_path)

    for rank in (0, 1):
        state = torch.load(tmp_path / f"{rank}.pt", weights_only=True)
        for name in ("running_mean", "running_var"):
            assert state[f"layers.0.{name}"].tolist() == [3.0, 3.0]
        assert state["other"].tolist() == [3.0 + rank] * 2
