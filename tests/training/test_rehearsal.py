"""A rehearsal leaves nothing behind: the run is the same to the last bit as without it."""

import logging
import os
import socket
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor, nn

from lumbar.training.rehearsal import Rehearsal
from lumbar.training.run import fit
from tests.processes import on_ranks
from tests.training.toy import TRAINER, ShuffledData, ToyModule, new_folder

Made = Mapping[tuple[int, int], Callable[[], Any]]


class Drawing(ToyModule):
    """Has all that a step may change: statistics, and draws from the global generator."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(12)
        self.dropout = nn.Dropout(0.3)
        self.shapes: list[tuple[int, ...]] = []

    def losses(self, batch: Any) -> dict[str, Tensor]:
        self.shapes.append(tuple(batch[0].shape))
        pixels = self.dropout(self.norm(batch[0].flatten(2).mean(2).repeat(1, 4)))
        return {"loss": nn.functional.cross_entropy(self.net(pixels), batch[1])}

    def training_step(self, batch: Any, batch_index: int) -> Tensor:
        loss = self.losses(batch)["loss"]
        self.log("train/loss", loss.detach())
        return loss


class States(Callback):
    """All that is kept in a checkpoint, and the gradients, after each batch."""

    def __init__(self) -> None:
        self.states: list[Any] = []

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        values = [*pl_module.state_dict().values(), torch.get_rng_state()]
        values += [p.grad for p in pl_module.parameters() if p.grad is not None]
        state = trainer.optimizers[0].state_dict()["state"]
        values += [slot["momentum_buffer"] for slot in state.values()]
        self.states.append([value.clone() for value in values])


def batch(edge: int) -> Any:
    return torch.rand(2, 3, edge, edge), torch.tensor([0, 1]), torch.tensor([0, 1])


MADE: Made = {(8, 8): partial(batch, 8), (4, 4): partial(batch, 4)}


def run(path: Path, made: Made, **changes: Any) -> tuple[Drawing, list[Any]]:
    module, states = Drawing(), States()
    config = TRAINER.model_copy(update=changes)
    rehearsal = Rehearsal(made, module.losses, runs=2)
    fit(module, ShuffledData(), config, folder=new_folder(path), callbacks=[rehearsal, states])
    return module, states.states


@pytest.mark.parametrize(
    "changes",
    [{}, {"accumulate": 2, "clip_norm": 0.5}, {"ema_decay": 0.5, "precision": "bf16"}],
    ids=str,
)
def test_a_rehearsed_run_is_the_same_run(tmp_path: Path, changes: dict[str, Any]) -> None:
    plain, expected = run(tmp_path / "plain", {}, **changes)
    module, states = run(tmp_path / "rehearsed", MADE, **changes)

    for one, other in zip(states, expected, strict=True):
        assert all(torch.equal(*pair) for pair in zip(one, other, strict=True))
    assert module.shapes[:4] == [(2, 3, 8, 8)] * 2 + [(2, 3, 4, 4)] * 2
    assert module.shapes[4:] == plain.shapes


def test_it_says_what_it_rehearsed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "lumbar.training.rehearsal"):
        run(tmp_path, MADE, max_epochs=1)

    lines = [record.getMessage().partition(" rehearsed in ")[0] for record in caplog.records]
    assert lines == ["canvas 1 of 2: 8 x 8", "canvas 2 of 2: 4 x 4"]


def _on_rank(rank: int, folder: Path, port: int) -> None:
    """Trains as a process that torchrun has started, with and without a rehearsal."""
    place = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": 2, "LOCAL_WORLD_SIZE": 2}
    meeting = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "TORCHELASTIC_RUN_ID": "test"}
    os.environ.update({name: str(value) for name, value in (place | meeting).items()})
    torch.set_num_threads(1)
    both = [run(folder / str(len(made)), made, max_epochs=1)[1] for made in ({}, MADE)]
    torch.save(both, folder / f"{rank}.pt")
    dist.destroy_process_group()


@pytest.mark.slow
def test_two_ranks_rehearse_together_and_exchange_nothing(tmp_path: Path) -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        port = server.getsockname()[1]
    on_ranks(_on_rank, tmp_path, port)

    for rank in (0, 1):
        plain, rehearsed = torch.load(tmp_path / f"{rank}.pt", weights_only=True)
        assert len(plain) == 3
        for one, other in zip(plain, rehearsed, strict=True):
            assert all(torch.equal(*pair) for pair in zip(one, other, strict=True))
