"""A count divided among ranks."""

import torch
import torch.distributed as dist
from torch.multiprocessing.spawn import spawn

from lumbar.ops.reduce import count_per_rank


def test_alone_it_is_the_count_and_at_least_one() -> None:
    assert count_per_rank(torch.tensor(7)).item() == 7
    assert count_per_rank(torch.tensor(0)).item() == 1


def _on_rank(rank: int, file: str, results: str) -> None:
    dist.init_process_group("gloo", init_method=f"file://{file}", rank=rank, world_size=2)
    count = count_per_rank(torch.tensor([3, 6][rank]))
    torch.save(count, f"{results}{rank}")
    dist.destroy_process_group()


def test_two_ranks_share_the_joint_count(tmp_path: object) -> None:
    results = f"{tmp_path}/count"

    spawn(_on_rank, (f"{tmp_path}/store", results), nprocs=2)

    counts = [torch.load(f"{results}{rank}", weights_only=True).item() for rank in range(2)]
    assert counts == [4.5, 4.5]
