"""A count divided among ranks."""

import torch
import torch.distributed as dist

from lumbar.ops.reduce import count_per_rank
from tests.processes import on_ranks


def test_alone_it_is_the_count_and_at_least_one() -> None:
    assert count_per_rank(torch.tensor(7)).item() == 7
    assert count_per_rank(torch.tensor(0)).item() == 1


def _on_rank(rank: int, file: str, results: str) -> None:
    dist.init_process_group("gloo", init_method=f"file://{file}", rank=rank, world_size=2)
    own = torch.tensor([3, 6][rank])
    counts = [count_per_rank(own)]
    if rank == 0:
        with torch.no_grad():
            counts.append(count_per_rank(own))
    torch.save(counts, f"{results}{rank}")
    dist.destroy_process_group()


def test_two_ranks_share_the_joint_count(tmp_path: object) -> None:
    results = f"{tmp_path}/count"

    on_ranks(_on_rank, f"{tmp_path}/store", results)

    counts = [torch.load(f"{results}{rank}", weights_only=True) for rank in range(2)]
    assert counts[0][0] == counts[1][0] == 4.5
    assert counts[0][1] == 3, "without gradients nobody is waited for"
