"""Ranks agree at the same call, and know what each of them has."""

from pathlib import Path

import torch
import torch.distributed as dist

from lumbar.training.ranks import Agreement, from_all_ranks
from tests.processes import on_ranks


def test_alone_there_is_one_value() -> None:
    assert from_all_ranks({"a": 1}) == [{"a": 1}]


WORDS = [[0, 0, 2, 0, 0], [0, 0, 0, 0, 15]]


def _on_rank(rank: int, folder: Path) -> None:
    store = f"file://{folder / 'store'}"
    dist.init_process_group("gloo", init_method=store, rank=rank, world_size=2)
    agreement = Agreement()
    # The second rank asks once while the first has not begun: it gets an answer nevertheless.
    answers = [agreement.ask(WORDS[rank][0])]
    dist.barrier()
    answers += [agreement.ask(word) for word in WORDS[rank][1:]]
    answers += [agreement.ask(0)]
    least = agreement.least(7 - rank)
    agreement.close()
    values = from_all_ranks(("rank", rank))
    torch.save((answers, least, values), folder / f"{rank}.pt")
    dist.destroy_process_group()


def test_two_ranks_hear_the_same_at_the_same_call(tmp_path: Path) -> None:
    on_ranks(_on_rank, tmp_path)

    for rank in (0, 1):
        answers, least, values = torch.load(tmp_path / f"{rank}.pt", weights_only=True)
        assert answers == [0, 0, 0, 2, 0, 15]
        assert least == 6
        assert values == [("rank", 0), ("rank", 1)]
