"""A step that is not finite changes nothing, is counted, and names its images."""

import logging
import math
import os
import socket
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
import torch.distributed as dist
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor, nn
from torch.utils.data import DataLoader

from benchmarks.waits import count_syncs
from lumbar.training.config import OptimConfig
from lumbar.training.finite import FiniteSteps
from lumbar.training.optim import build_optimizer
from lumbar.training.run import fit
from lumbar.training.run_folder import RunFolder
from tests.processes import on_ranks
from tests.training.toy import TRAINER, ToyData, ToyModule, new_folder

NAN, INF = math.nan, math.inf
Spoil = Callable[[Tensor, Tensor], Tensor]
"""(loss, weight) to what the loss is instead."""
SPOILS: dict[str, Spoil] = {
    "nan": lambda loss, weight: loss * NAN,
    "infinite, with a finite gradient": lambda loss, weight: loss + INF,
    "finite, with an infinite gradient": lambda loss, weight: loss + weight[0].abs().pow(0.5) * 0,
    "without a gradient": lambda loss, weight: loss.detach() * NAN + 0 * weight.sum(),
}


SHARED = list(SPOILS)[:3]
"""What leaves every parameter a gradient, as DDP wants it."""


class NamedBatch(NamedTuple):
    """Images with their ids."""

    pixels: Tensor
    labels: Tensor
    image_ids: Tensor


class NamedData(ToyData):
    """The toy's images, with numbers."""

    def __init__(self, first_id: int = 0) -> None:
        super().__init__()
        self.first_id = first_id

    def train_dataloader(self) -> DataLoader[Any]:
        ids = torch.arange(2) + self.first_id
        batches = [
            NamedBatch(pixels, labels, ids + 2 * number) for number, (pixels, labels) in self._all()
        ]
        return DataLoader(batches, batch_size=None)

    def _all(self) -> list[tuple[int, Any]]:
        return list(enumerate(super().train_dataloader()))


class Spoiled(ToyModule):
    """Has bad losses at some batches."""

    def __init__(self, bad: set[int], spoil: Spoil = SPOILS["nan"], name: str = "sgd") -> None:
        super().__init__()
        self.bad = bad
        self.spoil = spoil
        self.norm = nn.BatchNorm1d(12)
        self.zero = nn.Parameter(torch.zeros(1))
        self.optim = OptimConfig.model_validate({"name": name, "weight_decay": 0.1})
        self.batches = 0

    def training_step(self, batch: Any, batch_index: int) -> Tensor:
        bad, self.batches = self.batches in self.bad, self.batches + 1
        pixels = batch[0].flatten(1) * (NAN if bad else 1)
        loss = nn.functional.cross_entropy(self.net(self.norm(pixels).nan_to_num()), batch[1])
        loss = loss + 0 * self.zero.sum()
        loss = self.spoil(loss, self.zero) if bad else loss
        self.log_dict({"train/part/box": loss.detach() / 2, "train/loss": loss.detach()})
        return loss

    def configure_optimizers(self) -> Any:
        return build_optimizer(self, self.optim, lr=0.05)


class States(Callback):
    """All that a step may change, after each step."""

    def __init__(self) -> None:
        self.states: list[list[Tensor]] = []

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: object) -> None:
        assert isinstance(pl_module, Spoiled)
        norm = pl_module.norm
        slots = trainer.optimizers[0].state_dict()["state"].values()
        state = [*pl_module.parameters(), norm.running_mean, norm.running_var]
        state += [value for slot in slots for value in slot.values()]
        self.states.append([value.detach().clone() for value in state])


def run(
    module: Spoiled, path: Path, data: ToyData | None = None, **changes: Any
) -> tuple[Trainer, list[list[Tensor]]]:
    states = States()
    config = TRAINER.model_copy(update={"max_epochs": 1, "log_every_steps": 3} | changes)
    trainer = fit(module, data or NamedData(), config, folder=new_folder(path), callbacks=[states])
    return trainer, states.states


def same(left: list[Tensor], right: list[Tensor]) -> bool:
    return all(torch.equal(one, two) for one, two in zip(left, right, strict=True))


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
@pytest.mark.parametrize("spoil", SPOILS)
def test_a_bad_step_changes_nothing(tmp_path: Path, spoil: str, optimizer: str) -> None:
    module = Spoiled({1, 4}, SPOILS[spoil], optimizer)
    trainer, states = run(module, tmp_path)

    changed = [not same(*pair) for pair in pairwise(states)]
    assert changed == [False, True, True, False, True]
    assert trainer.global_step == 6
    assert all(bool(value.isfinite().all()) for value in states[-1])


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_a_bad_first_step_is_as_if_it_had_not_been(tmp_path: Path, optimizer: str) -> None:
    """Optimisers make their slots in it."""

    class Later(NamedData):
        def _all(self) -> list[tuple[int, Any]]:
            first, *others = super()._all()
            return [first, first, *others]

    whole = run(Spoiled(set(), name=optimizer), tmp_path / "a")[1]
    late = run(Spoiled({0}, name=optimizer), tmp_path / "b", Later())[1]

    assert [same(*pair) for pair in zip(whole, late[1:], strict=True)] == [True] * 6


def test_good_steps_are_what_they_were_without_the_guard(tmp_path: Path) -> None:
    guarded, plain = Spoiled(set()), Spoiled(set())
    run(guarded, tmp_path, clip_norm=0.5)
    optimizer = plain.configure_optimizers()
    for pixels, labels, _ in NamedData().train_dataloader():
        loss = nn.functional.cross_entropy(plain.net(plain.norm(pixels.flatten(1))), labels)
        (loss + 0 * plain.zero.sum()).backward()
        parameters = (p for group in optimizer.param_groups for p in group["params"])
        nn.utils.clip_grad_norm_(parameters, 0.5)
        optimizer.step()
        optimizer.zero_grad()

    assert same(list(guarded.parameters()), list(plain.parameters()))


def test_a_bad_batch_spoils_the_whole_accumulated_step_and_no_other(tmp_path: Path) -> None:
    _, states = run(Spoiled({2}), tmp_path, accumulate=2, clip_norm=1.0)

    assert same(states[1][:-4], states[3][:-4])
    assert not same(states[3], states[5])
    assert all(bool(value.isfinite().all()) for value in states[-1])


def test_the_average_stays_finite(tmp_path: Path) -> None:
    module = Spoiled({1, 2})
    run(module, tmp_path, ema_decay=0.5)

    assert all(bool(value.isfinite().all()) for value in module.state_dict().values())


def test_skipped_steps_are_counted_logged_and_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "lumbar"):
        run(Spoiled({1, 4}), tmp_path, loggers=("csv",))

    first, second = (record.getMessage() for record in caplog.records)
    assert first == (
        "step 3: steps skipped so far: 1, as the loss or the gradient was not finite (images 2, 3)"
    )
    assert second.startswith("step 6: steps skipped so far: 2,")
    assert second.endswith("(images 8, 9)")
    rows = RunFolder(tmp_path).metrics.read_text().splitlines()
    column = rows[0].split(",").index("train/skipped_steps")
    assert [row.split(",")[column] for row in rows[1:]] == ["1", "2"]


def test_images_of_another_step_are_not_blamed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "lumbar"):
        run(Spoiled({1, 5}, SPOILS["finite, with an infinite gradient"]), tmp_path)

    first, second = (record.getMessage() for record in caplog.records)
    assert first.endswith("was not finite")
    assert second.endswith("was not finite (images 10, 11)")


def test_steps_between_looks_are_looked_at_in_the_end(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "lumbar"):
        run(Spoiled({5}), tmp_path, log_every_steps=4)

    assert [record.getMessage()[:7] for record in caplog.records] == ["step 6:"]


def stops_at(tmp_path: Path, bad: set[int], **changes: Any) -> int | None:
    module = Spoiled(bad)
    try:
        run(module, tmp_path, max_epochs=3, **changes)
    except ValueError:
        return module.batches
    return None


def test_only_a_streak_ends_a_run(tmp_path: Path) -> None:
    each = {"log_every_steps": 1, "max_skipped_steps": 3}

    assert stops_at(tmp_path / "a", {1, 2, 4, 5, 7}, **each) is None
    assert stops_at(tmp_path / "b", {1, 2, 4, 5, 6, 7}, **each) == 8, "a batch later"
    assert stops_at(tmp_path / "c", set(range(18)), max_skipped_steps=3, log_every_steps=4) == 5


def test_the_error_names_losses_images_and_remedies(tmp_path: Path) -> None:
    with pytest.raises(
        ValueError,
        match=r"^step 6: the last 5 steps were skipped.* \(part/box nan; loss nan; images 10, 11\); "
        r"lower optim\.lr, lengthen schedule\.warmup_steps, or set trainer\.clip_norm$",
    ):
        run(Spoiled(set(range(1, 6))), tmp_path, max_skipped_steps=4)


def test_without_ids_it_ends_as_well(tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r"^step 3: the last 3 .*\(part/box nan; loss nan\); lower"
    ):
        run(Spoiled(set(range(9))), tmp_path, ToyData(), max_skipped_steps=2)


def test_counts_survive_a_checkpoint() -> None:
    first, second = (FiniteSteps(patience=3, every=1) for _ in range(2))
    first._skipped, first._streak = torch.tensor(5.0), torch.tensor(2.0)
    second.load_state_dict(first.state_dict())

    assert second.state_dict() == {"skipped": 5, "streak": 2}


def test_no_step_waits_for_the_device(tmp_path: Path) -> None:
    guard, module = FiniteSteps(patience=3, every=100), Spoiled(set())
    trainer = Trainer(accelerator="cpu", logger=False, enable_checkpointing=False)
    optimizer = module.configure_optimizers()
    batch = NamedBatch(torch.randn(2, 3, 2, 2), torch.tensor([0, 1]), torch.tensor([3, 4]))

    def step(scale: float) -> None:
        guard.on_train_batch_start(trainer, module, batch, 0)
        loss = module.net(module.norm(batch.pixels.flatten(1))).square().mean() * scale
        guard.on_before_backward(trainer, module, loss)
        loss.backward()
        guard.on_before_optimizer_step(trainer, module, optimizer)
        optimizer.step()
        optimizer.zero_grad()
        guard.on_train_batch_end(trainer, module, None, batch, 0)

    guard.on_train_start(trainer, module)
    for scale in (1.0, NAN, 1.0):
        assert count_syncs(partial(step, scale)) == {}
    assert guard.state_dict() == {"skipped": 1, "streak": 0}


class Scaler:
    """What the guard looks at in the scaler of fp16."""

    def __init__(self, scale: float) -> None:
        self._scale = torch.tensor(scale)


@pytest.mark.parametrize(("scale", "counted"), [(65536.0, 0), (2.0, 0), (1.0, 1), (0.5, 1)])
def test_a_scaler_that_seeks_its_scale_is_not_divergence(scale: float, counted: int) -> None:
    guard, module = FiniteSteps(patience=3, every=100), Spoiled(set())
    trainer = Trainer(accelerator="cpu", logger=False, enable_checkpointing=False)
    trainer.precision_plugin.scaler = Scaler(scale)  # type: ignore[attr-defined]
    optimizer = module.configure_optimizers()
    for parameter in module.parameters():
        parameter.grad = torch.full_like(parameter, INF)
    guard.on_train_start(trainer, module)
    guard.on_train_batch_start(trainer, module, None, 0)
    guard.on_before_optimizer_step(trainer, module, optimizer)

    assert guard.state_dict()["skipped"] == counted


def _on_rank(rank: int, folder: Path, port: int) -> None:
    """Trains as a process that torchrun has started; only the second one has bad batches."""
    place = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": 2, "LOCAL_WORLD_SIZE": 2}
    meeting = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "TORCHELASTIC_RUN_ID": "test"}
    os.environ.update({name: str(value) for name, value in (place | meeting).items()})
    torch.set_num_threads(1)
    weights, texts = [], []
    for name in SHARED:
        module = Spoiled({1} if rank else set(), SPOILS[name])
        _, states = run(module, folder / name, NamedData(first_id=100 * rank))
        weights.append([state[1] for state in states])
        bad = set(range(1, 6)) if rank else set[int]()
        try:
            run(Spoiled(bad, SPOILS[name]), folder / f"{name} again", max_skipped_steps=5)
        except ValueError as error:
            texts.append(str(error))
    torch.save((weights, texts), folder / f"{rank}.pt")
    dist.destroy_process_group()


def test_two_ranks_skip_the_same_steps_and_stop_together(tmp_path: Path) -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        port = server.getsockname()[1]
    on_ranks(_on_rank, tmp_path, port)

    (weights, texts), (others, same_texts) = (
        torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in (0, 1)
    )
    for one, two in zip(weights, others, strict=True):
        assert same(one, two)
        changed = [not torch.equal(*pair) for pair in pairwise(one)]
        assert changed == [False, True, True, True, True]
    assert texts == same_texts
    assert ["images 10, 11)" in text for text in texts] == [True, True, False]
    assert "images 10, 11, 10, 11)" in texts[2], "a gradient is everyone's"
