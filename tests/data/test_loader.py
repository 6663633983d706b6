"""Resuming: what follows after a restart is what would have followed without it."""

import os
import signal
import subprocess
from collections.abc import Callable
from functools import partial
from itertools import islice
from multiprocessing.process import BaseProcess

import numpy as np
import pytest
import torch
from torch.utils.data import Dataset

from lumbar.data.collate import collate
from lumbar.data.loader import ResumableLoader, start_worker, worker_count
from lumbar.data.sample import Sample, item_seed
from lumbar.data.samplers import TrainBatchSampler

Summary = list[tuple[list[int], list[int]]]
each_workers = pytest.mark.parametrize("workers", [0, 2])


class Numbered(Dataset[Sample]):
    """Images that are nothing but their number."""

    def __getitem__(self, key: tuple[int, int]) -> Sample:
        epoch, index = key
        empty = torch.zeros(0, 4), torch.zeros(0, dtype=torch.int64)
        seed = item_seed(0, epoch, index)
        return Sample(torch.zeros(1, 2, 2), *empty, (2, 2), image_id=index, seed=seed)


def make(workers: int) -> ResumableLoader:
    order = TrainBatchSampler(np.zeros(23, dtype=np.int64), batch_size=4, seed=0, rank=0, world=1)
    return ResumableLoader(
        Numbered(),
        batch_sampler=order,
        num_workers=workers,
        persistent_workers=workers > 0,
        worker_init_fn=start_worker,
        collate_fn=partial(collate, multiple=1, canvas_buckets=(), target_buckets=(8,)),
    )


def summary(loader: ResumableLoader, batches: int | None = None) -> Summary:
    """Images and seeds of the next batches of one pass; the seeds tell the epoch too."""
    return [
        (batch.image_ids.tolist(), batch.targets.seeds.tolist())
        for batch in islice(loader, batches)
    ]


@each_workers
def test_resumed_order_is_the_unbroken_order(workers: int) -> None:
    whole = make(workers)
    unbroken = [summary(whole) for _ in range(3)]
    first = make(workers)
    summary(first)
    summary(first, 3)
    state = first.state_dict()
    assert state == {"epoch": 1, "batches": 3}  # of what was handed out, however far workers are
    second = make(workers)
    second.load_state_dict(state)
    assert second.state_dict() == state
    assert summary(second) == unbroken[1][3:]
    assert summary(second) == unbroken[2]
    second.load_state_dict(state)
    assert summary(second) == unbroken[1][3:]


@each_workers
def test_each_pass_is_another_epoch(workers: int) -> None:
    loader = make(workers)
    first, second = summary(loader), summary(loader)
    assert len(first) == len(second) == len(loader) == 5
    assert first != second


def test_an_abandoned_pass_is_followed_by_the_next_epoch() -> None:
    loader, whole = make(0), make(0)
    epochs = [summary(whole), summary(whole)]
    assert summary(loader, 2) == epochs[0][:2]
    assert summary(loader) == epochs[1]


@pytest.mark.parametrize("finish", [summary, lambda loader: summary(loader, 5)])
def test_a_finished_epoch_is_the_start_of_the_next(
    finish: Callable[[ResumableLoader], Summary],
) -> None:
    whole, first, second = make(0), make(0), make(0)
    summary(whole)
    finish(first)  # Lightning takes the last batch without asking for another one
    assert first.state_dict() == {"epoch": 1, "batches": 0}
    second.load_state_dict(first.state_dict())
    assert summary(second) == summary(whole)
    assert len(second) == 5


def test_asking_for_an_iterator_alone_changes_nothing() -> None:
    loader, whole = make(0), make(0)
    iter(loader)
    assert loader.state_dict() == {"epoch": 0, "batches": 0}
    assert summary(loader) == summary(whole)


@pytest.mark.parametrize(
    ("cores", "sharing", "expected"), [(1, 1, 1), (2, 1, 1), (6, 1, 5), (16, 8, 1), (64, 4, 8)]
)
def test_workers_take_the_cores_that_are_left(
    cores: int, sharing: int, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(cores)), raising=False)

    assert worker_count("auto", sharing=sharing) == expected
    assert [worker_count(number, sharing=sharing) for number in (0, 3)] == [0, 3]


def test_workers_are_counted_where_cores_cannot_be_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)

    assert worker_count("auto", sharing=1) == max(1, min(8, (os.cpu_count() or 1) - 1))


def workers_of(loader: ResumableLoader) -> list[BaseProcess]:
    """The processes that load for it."""
    workers: list[BaseProcess] = loader._iterator._workers
    return workers


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGUSR1])
def test_loader_processes_outlive_what_stops_a_run(number: signal.Signals) -> None:
    """They are told as well where a whole group is, by someone who is not their parent."""
    loader = make(2)
    batches = iter(loader)
    images = [next(batches).image_ids.tolist() for _ in range(2)]  # of each process: both are ready
    workers = workers_of(loader)
    told = [str(worker.pid) for worker in workers]
    subprocess.run(["kill", f"-{number.name[3:]}", *told], check=True)  # noqa: S607 - as a shell
    images += [batch.image_ids.tolist() for batch in batches]

    assert images == [images for images, _ in summary(make(0))]
    assert all(worker.is_alive() for worker in workers)


def test_a_loader_process_leaves_when_its_parent_asks() -> None:
    loader = make(1)
    next(iter(loader))
    (worker,) = workers_of(loader)
    worker.terminate()
    worker.join(10)

    assert worker.exitcode == 0
