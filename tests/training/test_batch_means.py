"""Means over images, however the batches are dealt."""

from pathlib import Path

import pytest
import torch
import torch.distributed as dist

from lumbar.training.batch_means import BatchMeans
from tests.processes import on_ranks

BATCHES = (((7, 3), 0.1), ((5,), 0.7), ((11, 2), 0.30000001), ((4, 9), 1e-9))


def add(means: BatchMeans, places: list[int]) -> None:
    for place in places:
        ids, value = BATCHES[place]
        values = {"loss": torch.tensor(value), "half": torch.tensor(value / 2)}
        means.update(values, torch.tensor(ids))


def alone() -> dict[str, float]:
    means = BatchMeans()
    add(means, [0, 1, 2, 3])
    return means.compute()


def test_every_image_counts_the_same() -> None:
    expected = (2 * 0.1 + 0.7 + 2 * 0.30000001 + 2e-9) / 7

    assert alone() == pytest.approx({"loss": expected, "half": expected / 2}, rel=1e-6)


def test_each_evaluation_begins_anew() -> None:
    means = BatchMeans()
    add(means, [0, 1])
    means.compute()
    add(means, [2])

    assert means.compute()["loss"] == pytest.approx(0.30000001)


def _on_rank(rank: int, folder: Path) -> None:
    store = f"file://{folder / 'store'}"
    dist.init_process_group("gloo", init_method=store, rank=rank, world_size=2)
    means = BatchMeans()
    results = []
    for dealt in (([0, 1], [2, 3]), ([2, 0, 3], [1]), ([0, 1, 2, 3], [3])):
        add(means, dealt[rank])
        results.append(means.compute())
    torch.save(results, folder / f"{rank}.pt")
    dist.destroy_process_group()


def test_two_ranks_have_the_means_of_one_to_the_last_digit(tmp_path: Path) -> None:
    """In the last deal the second rank has no batch of its own, and repeats the last one."""
    on_ranks(_on_rank, tmp_path)

    for rank in (0, 1):
        assert torch.load(tmp_path / f"{rank}.pt", weights_only=True) == [alone()] * 3
